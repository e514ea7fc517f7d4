"""Keeping the row a poll reads. `refresh` is its only writer.

Rules kept here: a fixed number of statements per batch; what a row says was decided at `now` and is told until `closes_at_s` at most; an action waits for
confirmation exactly while consent is what decide() misses.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Final

from django.db import transaction

from evertill.server.rooms.audit.actor import Actor
from evertill.server.rooms.fleet import queries as fleet
from evertill.server.rooms.fleet.rules import State as TerminalState
from evertill.server.rooms.policies import queries as policies
from evertill.server.rooms.rollouts import asking, linking, queries
from evertill.server.rooms.rollouts.models import Action, RolloutMember, Standing
from evertill.server.rooms.rollouts.service import moving, situations
from evertill.server.rooms.rollouts.states import Link, State

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from evertill.server.rooms.fleet.models import Terminal
    from evertill.server.rooms.policies.rules import Decision

BATCH: Final = 1000
# decide()'s numbers of what a rollout itself waits for: its turn, and a night (window, store).
_OWN_WAITS: Final = frozenset({2, 8})
DECIDER: Final = Actor.system("decide")
_WRITTEN: Final = [field.name for field in Standing._meta.fields if field.name != "terminal"]  # noqa: SLF001 - Django's own name for its public list


@transaction.atomic
def refresh(terminal_ids: Collection[int], now: datetime) -> None:
    """Decides these terminals' open actions anew and writes their standing, in O(1) statements per batch."""
    ordered = sorted(set(terminal_ids))
    for start in range(0, len(ordered), BATCH):
        _refresh(ordered[start : start + BATCH], now)


def _refresh(terminal_ids: Sequence[int], now: datetime) -> None:
    terminals = fleet.by_ids(terminal_ids)
    first: dict[int, Action] = {}
    for action in moving.open_of_many(terminal_ids):
        first.setdefault(action.terminal_id, action)
    actions = list(first.values())
    decided = dict(zip(first, asking.decisions([asking.about(action) for action in actions], now), strict=True))
    for terminal_id, decision in decided.items():
        _settle_waiting(first[terminal_id], decision, now)
    _note_withheld(actions, decided)
    digests = fleet.usable_digests(terminal_ids, now)
    known = policies.revisions(terminal_ids)
    installed = queries.last_installed(terminal_ids)
    rows = []
    for terminal in terminals:
        row = _row(terminal, first.get(terminal.pk), decided.get(terminal.pk), now)
        row.digests = " ".join(digests.get(terminal.pk, ())) if terminal.state != TerminalState.RETIRED else ""
        row.poll_s, row.policy_revision = known[terminal.pk].poll_s, known[terminal.pk].revision
        row.installed_id = installed.get(terminal.pk)
        rows.append(row)
    Standing.objects.bulk_create(rows, update_conflicts=True, unique_fields=["terminal"], update_fields=_WRITTEN)
    situations.note(terminal_ids, now, {first[terminal_id].pk: decision for terminal_id, decision in decided.items()})


def _row(terminal: Terminal, action: Action | None, decision: Decision | None, now: datetime) -> Standing:
    row = Standing(
        terminal=terminal,
        serial=terminal.serial,
        client=terminal.client,
        link=Link.NONE,
        wants_config=terminal.wants_config,
    )
    if action is None or decision is None:
        return row
    row.link = linking.link(action, decision, terminal.client)
    row.forced = asking.is_forced(action, now)
    if row.link != Link.NONE:
        row.action_id = action.pk
    edge = linking.edges(decision, (action.forced_at,), now)
    if row.link == Link.NONE:
        row.opens_at_s = _seconds(edge)
        return row
    # Our agent is told before its window opens, so that it polls once more right before it installs.
    row.opens_at_s = (
        _seconds(decision.next_try_at) if decision.next_try_at is not None and decision.next_try_at > now else None
    )
    row.closes_at_s = _seconds(edge) if action.retrieved_at is None else None
    return row


def _settle_waiting(action: Action, decision: Decision, now: datetime) -> None:
    if action.retrieved_at is not None or action.state not in {State.RUNNING, State.WAIT_FOR_CONFIRMATION}:
        return
    misses_consent = any(outcome.rule == "consent" and outcome.holds for outcome in decision.outcomes)
    wanted = State.WAIT_FOR_CONFIRMATION if misses_consent else State.RUNNING
    if action.state != wanted:
        moving.move(action, wanted, DECIDER, now)


def _note_withheld(actions: Sequence[Action], decided: Mapping[int, Decision]) -> None:
    """Members of rollouts whom their own policy, freeze or person holds: only the wait for the window or the store's turn is the rollout's own."""
    held = {
        action.pk: any(
            outcome.holds and outcome.number not in _OWN_WAITS for outcome in decided[action.terminal_id].outcomes
        )
        for action in actions
        if action.rollout_id is not None
    }
    if not held:
        return
    for wanted in (True, False):
        mine = [pk for pk, withheld in held.items() if withheld is wanted]
        RolloutMember.objects.filter(action_id__in=mine, withheld=not wanted).update(withheld=wanted)


def _seconds(moment: datetime | None) -> int | None:
    """Whole seconds, never before the moment, so that a row that is due is no longer due once decided."""
    return None if moment is None else ceil(moment.timestamp())
