"""What each terminal works by: resolved when an input changes, numbered, acknowledged by the terminal.

Rules kept here: the revision grows by one exactly when an effective value changes; an acknowledgement never goes back; at most one batch of terminals is
resolved in one transaction, larger changes are queued.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db import transaction

from evertill.protocol.policy import Mode
from evertill.server.rooms.kernel.events import raise_event
from evertill.server.rooms.kernel.jobs import enqueue
from evertill.server.rooms.policies import queries
from evertill.server.rooms.policies.errors import RevisionUnknown
from evertill.server.rooms.policies.events import PoliciesChanged, SwitchedOff
from evertill.server.rooms.policies.models import Revision
from evertill.server.rooms.policies.plain import aware
from evertill.server.rooms.policies.targets import BATCH

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from evertill.server.rooms.policies.queries import Effective

RESOLVE: Final = "policies.resolve"


def follow(terminal_ids: Sequence[int], now: datetime, *, by_terminal: bool = False) -> None:
    """Resolves these terminals now, or queues it where they are more than one batch.

    `by_terminal`: the change was made at the terminal itself, so it is no fork with a later change made there before it hears of this one.
    """
    if len(terminal_ids) > BATCH:
        enqueue(RESOLVE, {"terminals": list(terminal_ids)}, now)
        return
    resolve(terminal_ids, now, by_terminal=by_terminal)


def introduce(terminal_ids: Sequence[int], now: datetime) -> None:
    """A first revision for terminals that have none, however many came at once: nothing else here or above does without."""
    known = set(Revision.objects.filter(terminal_id__in=terminal_ids).values_list("terminal_id", flat=True))
    new = [terminal_id for terminal_id in terminal_ids if terminal_id not in known]
    for start in range(0, len(new), BATCH):
        effective = queries.effective(new[start : start + BATCH], now)
        Revision.objects.bulk_create([Revision(terminal_id=pk, fields=_values(each)) for pk, each in effective.items()])


@transaction.atomic
def resolve(terminal_ids: Sequence[int], now: datetime, *, by_terminal: bool = False) -> None:
    """Raises `PoliciesChanged` for all of them and `SwitchedOff` for those that are *never* since now."""
    effective = queries.effective(terminal_ids, now)
    known = {row.terminal_id: row for row in Revision.objects.select_for_update().filter(terminal_id__in=terminal_ids)}
    changed, off = [], []
    for terminal_id, each in effective.items():
        values, row = _values(each), known[terminal_id]
        if row.fields == values:
            continue
        if each.policy.mode is Mode.NEVER and row.fields["mode"] != Mode.NEVER:
            off.append(terminal_id)
        changed.append(_next(row, values, by_terminal=by_terminal))
    Revision.objects.bulk_update(changed, ["revision", "fields", "changed"], batch_size=BATCH)
    if off:
        raise_event(SwitchedOff(now, tuple(off)))
    raise_event(PoliciesChanged(now, tuple(effective)))


def resolve_piece(payload: dict[str, Any], cursor: int | None, now: datetime) -> tuple[int | None, int]:
    """One batch of queued work: the next cursor (None at the end) and how many were done."""
    start = cursor or 0
    piece = payload["terminals"][start : start + BATCH]
    resolve(piece, now)
    end = start + len(piece)
    return (end if end < len(payload["terminals"]) else None), len(piece)


@transaction.atomic
def acknowledge(terminal_id: int, revision: int, applied_at: datetime, now: datetime) -> None:
    """The terminal works by `revision` now; `applied_at` is its own clock's word. Raises `RevisionUnknown` for one it was never given."""
    mine = Revision.objects.filter(terminal_id=terminal_id)
    newest = mine.values_list("revision", flat=True).get()
    if revision > newest:
        raise RevisionUnknown(revision=revision, newest=newest)
    mine.filter(acknowledged__lt=revision).update(
        acknowledged=revision, acknowledged_at=now, applied_at=aware(applied_at)
    )


def _values(effective: Effective) -> dict[str, Any]:
    return {name: field.value for name, field in effective.fields.items()}


def _next(row: Revision, values: dict[str, Any], *, by_terminal: bool) -> Revision:
    row.revision += 1
    if not by_terminal:
        names = {name for name, value in values.items() if row.fields.get(name) != value}
        row.changed = {**row.changed, **dict.fromkeys(names, row.revision)}
    row.fields = values
    return row
