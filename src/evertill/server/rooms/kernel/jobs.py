"""Background work: an explicit tuple of jobs, each run by whichever worker holds its database lease.

A job that raises is recorded with its error and tried again soon; the others go on. So is queued work: a piece that raises is taken
back whole and waits, and what stands behind it in the queue does not. Nothing runs in threads of the web process.
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
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from evertill.server.rooms.kernel.clock import Clock

log = logging.getLogger(__name__)
LEASE = timedelta(minutes=5)
RETRY = timedelta(minutes=15)
REMEMBERED = timedelta(days=90)  # finished work, for whoever asks how it went


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
    due_at = dict(JobLease.objects.filter(name__in=[job.name for job in jobs]).values_list("name", "due_at"))
    now = clock()
    return sum(_run_if_due(job, holder, clock) for job in jobs if due_at.get(job.name, now) <= now)


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
        mine.update(due_at=clock() + min(job.every, RETRY), leased_until=None, failed_at=clock(), failure=_said(error))
    else:
        mine.update(due_at=now + job.every, leased_until=None, finished_at=clock(), failure="")
    return True


def run_queue(handlers: tuple[PieceHandler, ...], clock: Clock) -> int:
    """Works the queue until nothing in it can go on now; each piece and its progress commit together. Answers how many pieces were done."""
    by_kind = {handler.kind: handler for handler in handlers}
    pieces = 0
    while (work := _run_piece(by_kind, clock)) is not None:
        pieces += work
    return pieces


def forget_finished(now: datetime) -> None:
    QueuedWork.objects.filter(finished_at__lt=now - REMEMBERED).delete()


JOBS = (Job("kernel.forget", timedelta(days=1), forget_finished),)


def _run_piece(by_kind: Mapping[str, PieceHandler], clock: Clock) -> bool | None:
    """The next piece: whether it was done, or None where there is none."""
    work: QueuedWork | None = None
    try:
        with transaction.atomic():
            work = _next(by_kind, clock())
            if work is None:
                return None
            now = clock()
            cursor, done = by_kind[work.kind].run(work.payload, work.cursor, now)
            work.cursor, work.done = cursor, work.done + done
            work.finished_at = now if cursor is None else None
            work.failure = ""
            work.save(update_fields=["cursor", "done", "finished_at", "failure"])
    except Exception as error:
        if work is None:
            raise
        log.exception("queued work %s (%s) failed", work.pk, work.kind)
        QueuedWork.objects.filter(pk=work.pk).update(waits_until=clock() + RETRY, failure=_said(error))
        return False
    return True


def _next(kinds: Iterable[str], now: datetime) -> QueuedWork | None:
    skip_locked = transaction.get_connection().features.has_select_for_update_skip_locked
    return (
        QueuedWork.objects.select_for_update(skip_locked=skip_locked)
        .filter(Q(waits_until=None) | Q(waits_until__lte=now), finished_at=None, kind__in=list(kinds))
        .order_by("id")
        .first()
    )


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
