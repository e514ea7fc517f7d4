"""Background work: an explicit tuple of jobs, each run by whichever worker holds its database lease.

A job that raises is recorded with its error and tried again at its next turn; the others go on. Nothing runs in threads of the web process.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Q

from evertill.server.rooms.kernel.models import JobLease, QueuedWork

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from evertill.server.rooms.kernel.clock import Clock

log = logging.getLogger(__name__)
LEASE = timedelta(minutes=5)


@dataclass(frozen=True)
class Job:
    """`run(now)` every `every`; `name` is its row in the lease table."""

    name: str
    every: timedelta
    run: Callable[[datetime], None]


@dataclass(frozen=True)
class PieceHandler:
    """Works on queued work of one kind, one transaction a piece: `run(payload, cursor, now) -> (next cursor or None, how many done)`."""

    kind: str
    run: Callable[[Any, Any, datetime], tuple[Any, int]]


def enqueue(kind: str, payload: dict[str, Any], now: datetime) -> int:
    """Queues work in the caller's transaction; the id names its progress."""
    return QueuedWork.objects.create(kind=kind, payload=payload, queued_at=now).pk


def run_due(jobs: tuple[Job, ...], holder: str, clock: Clock) -> int:
    """Runs every job that is due and not leased by another worker; answers how many ran."""
    return sum(_run_if_due(job, holder, clock) for job in jobs)


def _run_if_due(job: Job, holder: str, clock: Clock) -> bool:
    now = clock()
    JobLease.objects.get_or_create(name=job.name, defaults={"due_at": now})
    free = Q(leased_until=None) | Q(leased_until__lt=now) | Q(holder=holder)
    taken = JobLease.objects.filter(free, name=job.name, due_at__lte=now).update(
        holder=holder, leased_until=now + LEASE
    )
    if not taken:
        return False
    mine = JobLease.objects.filter(name=job.name, holder=holder)
    try:
        job.run(now)
    except Exception as error:
        log.exception("job %s failed", job.name)
        mine.update(
            due_at=clock() + job.every, leased_until=None, failed_at=clock(), failure=f"{type(error).__name__}: {error}"
        )
    else:
        mine.update(due_at=now + job.every, leased_until=None, finished_at=clock(), failure="")
    return True


def run_queue(handlers: tuple[PieceHandler, ...], clock: Clock) -> int:
    """Works the queue until it is empty; each piece and its progress commit together. Answers how many pieces were done."""
    by_kind = {handler.kind: handler for handler in handlers}
    pieces = 0
    while True:
        with transaction.atomic():
            work = (
                QueuedWork.objects.select_for_update(
                    skip_locked=transaction.get_connection().features.has_select_for_update_skip_locked
                )
                .filter(finished_at=None, kind__in=by_kind)
                .order_by("id")
                .first()
            )
            if work is None:
                return pieces
            now = clock()
            cursor, done = by_kind[work.kind].run(work.payload, work.cursor, now)
            work.cursor, work.done = cursor, work.done + done
            work.finished_at = now if cursor is None else None
            work.save(update_fields=["cursor", "done", "finished_at"])
            pieces += 1
