"""A terminal, a release and a night for which nothing holds, and the ways to change one thing about them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from evertill.protocol.policy import DEFAULTS, Client, Policy
from evertill.server.rooms.policies.rules import Decision, Inputs, decide
from evertill.server.rooms.policies.rules.inputs import (
    Component,
    ReleaseFacts,
    ReleaseState,
    RolloutTurn,
    TerminalFacts,
    TurnState,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


def local(day: int, clock: str = "12:00", month: int = 11) -> datetime:
    """A wall-clock time of November 2026 in Shanghai."""
    hour, minute = map(int, clock.split(":"))
    return datetime(2026, month, day, hour, minute, tzinfo=SHANGHAI).astimezone(UTC)


# 04:50 is past the own minute of every terminal and early enough to finish.
NIGHT = local(20, "04:50")
NOON = local(20, "12:00")

FEATURE = ReleaseFacts(
    id=11,
    version="1.1.0",
    severity="feature",
    state=ReleaseState.PUBLISHED,
    estimate=3 * MINUTE,
    components=MappingProxyType({"till": Component(type="app", version="1.1.0", models=frozenset({"D10"}))}),
)
TERMINAL = TerminalFacts(serial="DEMO-0001", zone=SHANGHAI, model="D10", components=MappingProxyType({"till": "1.0.0"}))
TURN = RolloutTurn(state=TurnState.RUNNING, group=1, groups=3, group_open=True)


def release(**changes: Any) -> ReleaseFacts:
    return replace(FEATURE, **changes)


def critical(**changes: Any) -> ReleaseFacts:
    return release(**{"severity": "critical", "required_at": local(18), **changes})


def security(**changes: Any) -> ReleaseFacts:
    return release(**{"severity": "security", "required_at": local(18), **changes})


def terminal(**changes: Any) -> TerminalFacts:
    return replace(TERMINAL, **changes)


def policy(client: Client = Client.EVERTILL, **changes: Any) -> Policy:
    return replace(DEFAULTS[client], **changes)


def inputs(now: datetime = NIGHT, **changes: Any) -> Inputs:
    return replace(Inputs(now=now, release=FEATURE, terminal=TERMINAL, policy=Policy(), turn=TURN), **changes)


def codes(decision: Decision) -> list[str]:
    return [reason.code for reason in decision.reasons]


def held(now: datetime = NIGHT, **changes: Any) -> list[str]:
    """The codes that hold the install."""
    return [reason.code for reason in decide(inputs(now, **changes)).install.reasons]
