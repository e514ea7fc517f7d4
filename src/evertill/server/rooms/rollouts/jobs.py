"""Background work of this room: keeping standing true while time passes, counting silence as failure, moving rollouts on."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import Q

from evertill.server.rooms.fleet import queries as fleet
from evertill.server.rooms.kernel.jobs import Job
from evertill.server.rooms.rollouts import queries
from evertill.server.rooms.rollouts.models import Action, Situation, Standing
from evertill.server.rooms.rollouts.service import groups, moving, situations, standing
from evertill.server.rooms.rollouts.states import State

if TYPE_CHECKING:
    from datetime import datetime

OFTEN: Final = timedelta(seconds=10)
SELDOM: Final = timedelta(seconds=60)
# One turn of a job stays well below its lease; what is left comes next turn.
BATCHES_PER_TURN: Final = 50


def refresh_due(now: datetime) -> None:
    """Rows whose holds may have ended, or whose link is no longer told."""
    moment = int(now.timestamp())
    due = Standing.objects.filter(Q(opens_at_s__lte=moment) | Q(closes_at_s__lte=moment))
    for _turn in range(BATCHES_PER_TURN):
        terminal_ids = list(due.values_list("terminal_id", flat=True)[: standing.BATCH])
        if not terminal_ids:
            return
        standing.refresh(terminal_ids, now)


def review_situations(now: datetime) -> None:
    """What lists say of terminals, where time alone may have changed it."""
    due = Situation.objects.filter(review_at_s__lte=int(now.timestamp()))
    for _turn in range(BATCHES_PER_TURN):
        terminal_ids = list(due.values_list("terminal_id", flat=True)[: situations.BATCH])
        if not terminal_ids:
            return
        situations.note(terminal_ids, now)


@transaction.atomic
def time_out(now: datetime) -> None:
    """Actions whose terminal has been silent for too long count as failed; a later proof still ends that. What was being taken back is not awaited any more."""
    silent = Action.objects.select_related("terminal__node", "release").filter(expires_at__lte=now)[: standing.BATCH]
    beside: set[int] = set()
    for action in silent:
        failed = action.state != State.CANCELING
        sets = {"expires_at": None, "timed_out_at": now} if failed else {"expires_at": None}
        if Action.objects.filter(pk=action.pk, state=action.state, expires_at=action.expires_at).update(**sets):
            moving.record(action, "action.timed-out" if failed else "action.cancel-unanswered", standing.DECIDER, now)
            situations.note([action.terminal_id], now)
            beside.update(queries.waiting_beside(action.terminal))
    standing.refresh(beside, now)


def shut_out_ended_tokens(now: datetime) -> None:
    """A rotated token's last moment has come: the door must not know it any more."""
    by_terminal = fleet.ended_digests(now)
    rows = Standing.objects.filter(terminal_id__in=by_terminal).values_list("terminal_id", "digests")
    standing.refresh(
        [terminal_id for terminal_id, digests in rows if by_terminal[terminal_id] & set(digests.split())], now
    )


JOBS: Final = (
    Job("rollouts.refresh-due", OFTEN, refresh_due),
    Job("rollouts.review-situations", OFTEN, review_situations),
    Job("rollouts.time-out", OFTEN, time_out),
    Job("rollouts.tick", OFTEN, groups.tick),
    Job("rollouts.ended-tokens", SELDOM, shut_out_ended_tokens),
)
