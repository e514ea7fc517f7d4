"""Keeping what a list of terminals is narrowed by. `note` is its only writer.

Rules kept here: what is written is what the list's chip says, from the same glance; a fixed number of statements per batch; rows that say the same as
before are not written. What changes with time alone is looked at again by a job, when it may have changed.
"""

from __future__ import annotations

from math import ceil
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from django.db import transaction

from evertill.server.rooms.fleet import queries as fleet
from evertill.server.rooms.rollouts import overview
from evertill.server.rooms.rollouts.models import RolloutMember, Situation

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from evertill.server.rooms.policies.rules import Decision

NOTE_WAITING: Final = "rollouts.note-waiting"
BATCH: Final = 1000
_NOTHING: Final[Mapping[int, Decision]] = MappingProxyType({})
_WRITTEN: Final = ("serial", "state", "reason", "silent_after_s", "review_at_s")


@transaction.atomic
def note(terminal_ids: Collection[int], now: datetime, known: Mapping[int, Decision] = _NOTHING) -> None:
    """At most a batch of terminals. `known`: by action id, what the caller has decided at this moment already."""
    glances = overview.glances(terminal_ids, now, "en", known)
    before = {row.terminal_id: _words(row) for row in Situation.objects.filter(terminal_id__in=terminal_ids)}
    rows = []
    for terminal in fleet.by_ids(terminal_ids):
        glance = glances[terminal.pk]
        state, reason = overview.update_of(glance, terminal.state)
        review_at = None if glance.review_at is None else ceil(glance.review_at.timestamp())
        row = Situation(
            terminal=terminal,
            serial=terminal.serial,
            state=state,
            reason=reason,
            silent_after_s=glance.silent_after_s,
            review_at_s=review_at,
        )
        if before.get(terminal.pk) != _words(row):
            rows.append(row)
    Situation.objects.bulk_create(rows, update_conflicts=True, unique_fields=["terminal"], update_fields=_WRITTEN)


@transaction.atomic
def note_waiting_piece(payload: dict[str, int], cursor: int | None, now: datetime) -> tuple[int | None, int]:
    """The next batch of a rollout's members whose group is not open yet: the rollout's own state is their reason."""
    waiting = RolloutMember.objects.filter(rollout_id=payload["rollout"], action=None, terminal_id__gt=cursor or 0)
    ids = list(waiting.order_by("terminal_id").values_list("terminal_id", flat=True)[:BATCH])
    note(ids, now)
    return (ids[-1] if len(ids) == BATCH else None), len(ids)


def _words(row: Situation) -> tuple[object, ...]:
    return tuple(getattr(row, name) for name in _WRITTEN)
