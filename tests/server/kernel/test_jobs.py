"""Background work: leases, failures, queued pieces."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from evertill.server.rooms.kernel import jobs
from evertill.server.rooms.kernel.jobs import Job, PieceHandler
from evertill.server.rooms.kernel.models import JobLease, QueuedWork

pytestmark = pytest.mark.django_db
EVERY = timedelta(minutes=10)


class Count:
    """A job that remembers when it ran."""

    def __init__(self) -> None:
        self.at: list[datetime] = []

    def __call__(self, now: datetime) -> None:
        self.at.append(now)


def broken(now: datetime) -> None:
    raise ValueError(f"broken at {now:%H:%M}")


def test_due_job_runs_once_and_then_waits_its_time(now: datetime) -> None:
    count = Count()
    job = Job("count", EVERY, count)
    assert jobs.run_due((job,), "one", lambda: now) == 1
    assert jobs.run_due((job,), "one", lambda: now + EVERY - timedelta(seconds=1)) == 0
    assert jobs.run_due((job,), "one", lambda: now + EVERY) == 1
    assert count.at == [now, now + EVERY]
    assert JobLease.objects.get(name="count").due_at == now + 2 * EVERY


def test_job_leased_by_another_worker_is_left_to_it(now: datetime) -> None:
    JobLease.objects.create(name="count", due_at=now, holder="other", leased_until=now + timedelta(minutes=1))
    assert jobs.run_due((Job("count", EVERY, Count()),), "one", lambda: now) == 0


def test_lease_of_a_dead_worker_is_taken_over_when_it_ends(now: datetime) -> None:
    JobLease.objects.create(name="count", due_at=now, holder="dead", leased_until=now)
    later = now + timedelta(seconds=1)
    assert jobs.run_due((Job("count", EVERY, Count()),), "one", lambda: later) == 1


def test_failing_job_is_recorded_tried_again_and_stops_no_other(now: datetime) -> None:
    count = Count()
    both = (Job("broken", EVERY, broken), Job("count", EVERY, count))
    assert jobs.run_due(both, "one", lambda: now) == 2
    row = JobLease.objects.get(name="broken")
    assert row.failure == "ValueError: broken at 06:30"
    assert (row.failed_at, row.due_at, row.leased_until) == (now, now + EVERY, None)
    assert count.at == [now]


def test_daily_job_that_fails_is_tried_again_long_before_tomorrow(now: datetime) -> None:
    jobs.run_due((Job("broken", timedelta(days=1), broken),), "one", lambda: now)
    assert JobLease.objects.get(name="broken").due_at == now + jobs.RETRY


def test_worker_that_lost_its_lease_while_it_worked_does_not_end_the_other_ones(now: datetime) -> None:
    def overtaken(_now: datetime) -> None:
        JobLease.objects.filter(name="slow").update(holder="other", leased_until=now + timedelta(hours=1))

    jobs.run_due((Job("slow", EVERY, overtaken),), "one", lambda: now)
    row = JobLease.objects.get(name="slow")
    assert (row.holder, row.leased_until, row.finished_at) == ("other", now + timedelta(hours=1), None)


def test_piece_that_fails_is_taken_back_waits_and_holds_up_nobody(now: datetime) -> None:
    fails = True

    def piece(payload: Any, _cursor: Any, moment: datetime) -> tuple[Any, int]:
        jobs.enqueue("trace", {"of": payload["name"]}, moment)
        if payload["name"] == "poison" and fails:
            raise ValueError("no such terminal")
        return None, 1

    poison = jobs.enqueue("count", {"name": "poison"}, now)
    jobs.enqueue("count", {"name": "good"}, now)
    handlers = (PieceHandler("count", piece),)

    assert jobs.run_queue(handlers, lambda: now) == 1
    row = QueuedWork.objects.get(pk=poison)
    assert (row.failure, row.finished_at, row.done) == ("ValueError: no such terminal", None, 0)
    assert [trace.payload["of"] for trace in QueuedWork.objects.filter(kind="trace")] == ["good"]

    fails = False
    assert jobs.run_queue(handlers, lambda: now + jobs.RETRY - timedelta(seconds=1)) == 0
    assert jobs.run_queue(handlers, lambda: now + jobs.RETRY) == 1
    row.refresh_from_db()
    assert (row.failure, row.finished_at, row.done) == ("", now + jobs.RETRY, 1)


def test_finished_work_is_forgotten_after_a_quarter_and_open_work_never(now: datetime) -> None:
    for finished_at in (now - timedelta(days=91), now - timedelta(days=89), None):
        QueuedWork.objects.create(kind="count", payload={}, queued_at=now, finished_at=finished_at)
    jobs.forget_finished(now)
    assert QueuedWork.objects.count() == 2


def test_queued_work_is_done_piece_by_piece_with_its_progress(now: datetime) -> None:
    seen: list[Any] = []

    def piece(payload: Any, cursor: Any, _now: datetime) -> tuple[Any, int]:
        start = cursor or 0
        seen.append(start)
        done = min(2, payload["total"] - start)
        return (start + done if start + done < payload["total"] else None), done

    work = jobs.enqueue("count", {"total": 5}, now)
    assert jobs.run_queue((PieceHandler("count", piece),), lambda: now) == 3
    row = QueuedWork.objects.get(pk=work)
    assert seen == [0, 2, 4]
    assert (row.done, row.finished_at) == (5, now)


def test_queued_work_of_an_unknown_kind_waits(now: datetime) -> None:
    jobs.enqueue("unknown", {}, now)
    assert jobs.run_queue((), lambda: now) == 0
    assert QueuedWork.objects.filter(finished_at=None).count() == 1
