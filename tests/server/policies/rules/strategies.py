"""Inputs of every kind, for property tests."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from evertill.protocol.policy import DEFAULTS, AtDeadline, Channel, Client, Mode, Policy
from evertill.protocol.windows import FreezeRange, Share, Window
from evertill.server.rooms.policies.rules import Inputs
from evertill.server.rooms.policies.rules.inputs import (
    Act,
    ActionFacts,
    Postponement,
    Presence,
    Purpose,
    ReleaseFacts,
    ReleaseState,
    RolloutTurn,
    StoreTurn,
    TerminalState,
    TurnState,
    Waiver,
)
from tests.server.policies.rules.making import DAY, FEATURE, TERMINAL, TURN, local

T = TypeVar("T")

ZONES = [
    ZoneInfo(name)
    for name in (
        "Asia/Shanghai",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "America/St_Johns",
        "Africa/Cairo",
        "Asia/Kathmandu",
        "UTC",
    )
]

# Around the changes of the clock in both hemispheres, and around nothing.
moments = st.sampled_from(
    [datetime(2026, 3, 8, tzinfo=UTC), datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC), local(20)]
).flatmap(lambda start: st.integers(-3 * 1440, 3 * 1440).map(lambda minutes: start + timedelta(minutes=minutes)))

windows = st.builds(
    lambda opens, length: Window(opens * 15, (opens * 15 + length * 15) % 1440 or 1440),
    st.integers(0, 95),
    st.integers(1, 95),
) | st.just(Window(0, 1440))


def near(now: datetime, days: int = 20) -> st.SearchStrategy[datetime]:
    return st.integers(-days * 24, days * 24).map(lambda hours: now + timedelta(hours=hours))


def days_near(now: datetime) -> st.SearchStrategy[date]:
    return st.integers(-10, 10).map(lambda days: (now + days * DAY).date())


def rarely(usual: T, others: st.SearchStrategy[T]) -> st.SearchStrategy[T]:
    """Mostly the usual value: with every field at random nothing would ever be allowed."""
    return st.integers(0, 4).flatmap(lambda number: others if number == 0 else st.just(usual))


@st.composite
def policies(draw: st.DrawFn, now: datetime, client: Client) -> Policy:
    starts = draw(days_near(now))
    frozen = FreezeRange(starts, starts + timedelta(days=draw(st.integers(0, 20))))
    return replace(
        DEFAULTS[client],
        mode=draw(rarely(Mode.AUTOMATIC, st.sampled_from(Mode))),
        window=draw(windows | st.just(DEFAULTS[client].window)),
        opening_hours=draw(rarely(None, windows)),
        channel=draw(st.sampled_from(Channel)),
        pin=draw(rarely(None, st.sampled_from(["1.0.0", "1.1.0"]))),
        postpone_days=draw(st.integers(0, 14)),
        freeze=draw(rarely((), st.just((frozen,)))),
        rate_limit_days=draw(st.sampled_from([0, 7])),
        at_deadline=draw(st.sampled_from(AtDeadline)),
    )


@st.composite
def releases(draw: st.DrawFn, now: datetime) -> ReleaseFacts:
    return replace(
        FEATURE,
        severity=draw(st.sampled_from(["feature", "maintenance", "security", "critical"])),
        state=draw(rarely(ReleaseState.PUBLISHED, st.just(ReleaseState.WITHDRAWN))),
        channel=draw(rarely(Channel.STABLE, st.just(Channel.BETA))),
        required_at=draw(st.none() | near(now)),
        emergency=draw(st.booleans()),
        estimate=timedelta(minutes=draw(st.sampled_from([1, 3, 15, 45]))),
    )


@st.composite
def all_inputs(draw: st.DrawFn) -> Inputs:
    now = draw(moments)
    client = draw(st.sampled_from(Client))
    first_at = draw(near(now))
    terminal = replace(
        TERMINAL,
        client=client,
        zone=draw(st.sampled_from(ZONES)),
        state=draw(rarely(TerminalState.ACTIVE, st.just(TerminalState.LOCKED))),
        last_limited_install_at=draw(rarely(None, near(now))),
    )
    turn = replace(TURN, assigned=draw(st.booleans()))
    postponements = near(now).map(lambda until: Postponement(first_at=first_at, until=max(first_at, until)))
    return Inputs(
        now=now,
        release=draw(releases(now)),
        terminal=terminal,
        policy=draw(policies(now, client)),
        action=ActionFacts(
            purpose=draw(rarely(Purpose.UPDATE, st.sampled_from(Purpose))),
            forced=draw(st.booleans()),
            confirmation_required=draw(rarely(False, st.just(True))),
        ),
        turn=draw(rarely(turn, st.sampled_from(TurnState).map(lambda state: replace(turn, state=state)))),
        store=StoreTurn(
            share=draw(st.sampled_from([Share(), Share(1, 3)])),
            busy=draw(rarely(None, st.just("DEMO-0002"))),
            busy_until=draw(near(now, 1)),
            busy_failed=draw(rarely(False, st.just(True))),
        ),
        consented=draw(st.booleans()),
        postponement=draw(rarely(None, postponements)),
        presence=draw(rarely(None, st.builds(Presence, act=st.sampled_from(Act), at=near(now, 1)))),
        displayed_at=draw(st.none() | near(now)),
        waiver=draw(rarely(None, near(now).map(lambda ends_at: Waiver(ends_at=ends_at)))),
        forked=draw(rarely(None, st.just("mode"))),
    )


Hold = Callable[[Inputs], Inputs]


def retired(made: Inputs) -> Inputs:
    return replace(made, terminal=replace(made.terminal, state=TerminalState.RETIRED))


def cancelled(made: Inputs) -> Inputs:
    return replace(made, action=replace(made.action, cancelled=True))


def withdrawn(made: Inputs) -> Inputs:
    return replace(made, release=replace(made.release, state=ReleaseState.WITHDRAWN))


def frozen_today(made: Inputs) -> Inputs:
    today = made.now.astimezone(made.terminal.zone).date()
    return replace(made, policy=replace(made.policy, freeze=(*made.policy.freeze, FreezeRange(today, today + DAY))))


# Each adds one hold to whatever is there, or takes one licence away.
HOLDS: list[Hold] = [
    retired,
    cancelled,
    withdrawn,
    frozen_today,
    lambda i: replace(i, terminal=replace(i.terminal, model="D20")),
    lambda i: replace(i, terminal=replace(i.terminal, clock_off=timedelta(hours=1))),
    lambda i: replace(i, terminal=replace(i.terminal, last_limited_install_at=i.now)),
    lambda i: replace(i, action=replace(i.action, confirmation_required=True)),
    lambda i: replace(i, action=replace(i.action, forced=False)),
    lambda i: replace(i, release=replace(i.release, emergency=False)),
    lambda i: replace(i, turn=RolloutTurn(state=TurnState.STOPPED, assigned=i.turn.assigned)),
    lambda i: replace(i, turn=replace(i.turn, assigned=False)),
    lambda i: replace(i, policy=replace(i.policy, mode=Mode.NEVER)),
    lambda i: replace(i, policy=replace(i.policy, pin="0.9.0")),
    lambda i: replace(i, policy=replace(i.policy, opening_hours=Window(0, 1440))),
    lambda i: replace(i, policy=replace(i.policy, at_deadline=AtDeadline.NOTIFY_ONLY)),
    lambda i: replace(i, store=StoreTurn(share=i.store.share, busy="DEMO-0003", busy_failed=True)),
    lambda i: replace(i, postponement=Postponement(first_at=i.now, until=i.now + 14 * DAY)),
    lambda i: replace(i, presence=None),
    lambda i: replace(i, displayed_at=None),
    lambda i: replace(i, waiver=Waiver(ends_at=i.now + 400 * DAY)),
    lambda i: replace(i, forked="mode"),
]
