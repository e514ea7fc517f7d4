"""Precedence, proven: every combination of holds with every combination of licences, against a table written from §4 alone."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from itertools import chain, combinations

import pytest

from evertill.protocol.policy import Mode
from evertill.protocol.windows import FreezeRange
from evertill.server.rooms.policies.rules import Inputs, decide
from evertill.server.rooms.policies.rules.decision import Licence
from evertill.server.rooms.policies.rules.inputs import (
    Act,
    ActionFacts,
    Postponement,
    Presence,
    RolloutTurn,
    StoreTurn,
    TerminalState,
    TurnState,
)
from tests.server.policies.rules.making import NIGHT, inputs, local, release

# One hold per number of §4's order; 6 twice, because licences tell its halves apart.
CODES = {
    "1": "LOCKED",
    "2": "ROLLOUT_TURN",
    "3": "MODE_NEVER",
    "4": "FROZEN",
    "5": "PINNED",
    "6c": "CONSENT_NEEDED",
    "6p": "POSTPONED",
    "7": "RATE_LIMIT",
    "8": "STORE_HALTED",
}
SKIPPED = {
    Licence.DEADLINE: {"3", "4", "5", "6c", "6p", "7"},
    Licence.SECURITY_DUE: {"6p", "7"},
    Licence.PERSON_NOW: {"3", "6c", "6p", "7", "8"},
    Licence.CLOSING_TIME: {"8"},
    Licence.FORCED: {"6c", "6p"},
    Licence.ASSIGNED: {"2"},
}
DOWNLOADS = {"4", "6p", "7", "8"}  # held, but what is allowed otherwise may already be fetched


def with_holds(holds: set[str]) -> Inputs:
    made = inputs()
    policy = replace(
        made.policy,
        mode=Mode.NEVER if "3" in holds else Mode.AUTOMATIC,
        freeze=(FreezeRange(date(2026, 11, 18), date(2026, 11, 25)),) if "4" in holds else (),
        pin="1.0.0" if "5" in holds else None,
    )
    return replace(
        made,
        policy=policy,
        terminal=replace(
            made.terminal,
            state=TerminalState.LOCKED if "1" in holds else TerminalState.ACTIVE,
            last_limited_install_at=local(19) if "7" in holds else None,
        ),
        turn=RolloutTurn(state=TurnState.RUNNING, group=2, groups=3, group_open="2" not in holds),
        action=ActionFacts(confirmation_required="6c" in holds),
        postponement=Postponement(first_at=local(19), until=local(25)) if "6p" in holds else None,
        store=StoreTurn(busy="DEMO-0002", busy_failed=True) if "8" in holds else StoreTurn(),
    )


def with_licences(made: Inputs, licences: set[Licence]) -> Inputs:
    if Licence.DEADLINE in licences:
        made = replace(made, release=release(severity="critical", required_at=local(18)), displayed_at=local(10))
    elif Licence.SECURITY_DUE in licences:
        made = replace(made, release=release(severity="security", required_at=local(18)))
    if Licence.PERSON_NOW in licences:
        made = replace(made, presence=Presence(act=Act.NOW, at=NIGHT))
    elif Licence.CLOSING_TIME in licences:
        made = replace(made, presence=Presence(act=Act.CLOSING_TIME, at=NIGHT))
    if Licence.FORCED in licences:
        made = replace(made, action=replace(made.action, forced=True))
    return replace(made, turn=replace(made.turn, assigned=Licence.ASSIGNED in licences))


def subsets(items: Iterable[str]) -> Iterator[tuple[str, ...]]:
    items = list(items)
    return chain.from_iterable(combinations(items, size) for size in range(len(items) + 1))


@pytest.mark.parametrize("names", list(subsets(Licence)), ids=lambda names: "+".join(names) or "none")
def test_exactly_what_no_licence_skips_is_held(names: tuple[str, ...]) -> None:
    licences = set(map(Licence, names))
    # Of two taps and of two dates only one can be: the stronger one is set.
    if {Licence.PERSON_NOW, Licence.CLOSING_TIME} <= licences:
        licences = licences - {Licence.CLOSING_TIME}
    skipped = set().union(*(SKIPPED[licence] for licence in licences))
    if licences & {Licence.DEADLINE, Licence.SECURITY_DUE}:
        skipped |= {"6p", "7"}  # a release with security in it and a date that passed, and exempt from the rate limit
    for holds in map(set, subsets(CODES)):
        decision = decide(with_licences(with_holds(holds), licences))
        standing = sorted(holds - skipped)
        assert [reason.code for reason in decision.install.reasons] == [CODES[hold] for hold in standing]
        assert bool(decision.download) == (not set(standing) - DOWNLOADS)
