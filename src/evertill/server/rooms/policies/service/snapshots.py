"""What a terminal is told of its policy: link `policy`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertill.protocol.policy import Deadline, Snapshot
from evertill.server.rooms.catalog import queries as catalog
from evertill.server.rooms.policies import facts, queries
from evertill.server.rooms.policies.rules import decide
from evertill.server.rooms.policies.rules.inputs import DATED, NEWS, RolloutTurn

if TYPE_CHECKING:
    from datetime import datetime


def snapshot(terminal_id: int, now: datetime) -> Snapshot:
    """The policy this terminal works by until the next revision, with the dates that will act on it."""
    [effective] = queries.effective([terminal_id], now).values()
    return Snapshot(
        queries.revision_of(terminal_id).revision,
        dict(effective.fields),
        effective.time_zone,
        _deadlines(terminal_id, now),
    )


def _deadlines(terminal_id: int, now: datetime) -> list[Deadline]:
    """Published releases with a date that fit this terminal and that it does not run yet."""
    asks = [
        facts.Ask(terminal_id, release_id, turn=RolloutTurn(assigned=True)) for release_id in catalog.dated_ids(DATED)
    ]
    deadlines = []
    for inputs in facts.build(asks, now):
        decision = decide(inputs)
        fits = not any(outcome.holds and outcome.number == 1 for outcome in decision.outcomes)
        terminal = inputs.terminal
        newer = facts.purpose_of(inputs.release, terminal.components, terminal.client) in NEWS
        if fits and newer and inputs.release.required_at is not None:
            deadlines.append(Deadline(inputs.release.id, inputs.release.required_at, decision.deadline.acts_at))
    return deadlines
