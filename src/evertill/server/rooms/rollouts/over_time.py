"""How a group of a rollout went: verified and failed over time, by model, and the terminals that failed. For the page that shows it live.

Rules kept here: counted by the minute in SQL, so that a group of any size costs one row a minute; what counts as proven or failed is `progress`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Count, F, Q, Value
from django.db.models.functions import Coalesce, TruncMinute

from evertill.server.rooms.rollouts.models import RolloutMember
from evertill.server.rooms.rollouts.progress import FAILED, PROVEN

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from django.db.models import QuerySet

FAILURES_SHOWN = 20


@dataclass(frozen=True)
class Curve:
    """(minute, so many until then), oldest first; rising only."""

    points: Sequence[tuple[datetime, int]]

    @property
    def total(self) -> int:
        return self.points[-1][1] if self.points else 0

    def until(self, moment: datetime) -> int:
        """So many by then; the minute that had begun counts."""
        return max((count for at, count in self.points if at <= moment), default=0)


@dataclass(frozen=True)
class ModelCounts:
    model: str
    members: int
    verified: int
    errors: int


def verified(rollout_id: int, group: int) -> Curve:
    ended = Coalesce(F("action__verified_at"), F("action__closed_at"))
    return _curve(RolloutMember.objects.filter(PROVEN, rollout_id=rollout_id, group=group).annotate(ended=ended))


def errors(rollout_id: int, group: int) -> Curve:
    ended = Coalesce(F("action__timed_out_at"), F("action__closed_at"))
    return _curve(RolloutMember.objects.filter(FAILED, rollout_id=rollout_id, group=group).annotate(ended=ended))


def minutes(rollout_id: int, group: int) -> list[tuple[datetime, int, int]]:
    """(minute, verified until then, failed until then) for each minute in which something ended, newest first."""
    good, bad = verified(rollout_id, group), errors(rollout_id, group)
    moments = {at for curve in (good, bad) for at, _count in curve.points}
    return [(at, good.until(at), bad.until(at)) for at in sorted(moments, reverse=True)]


def by_model(rollout_id: int, group: int) -> list[ModelCounts]:
    """Models of the group, most members first; a terminal without a model counts under the empty name."""
    rows = (
        RolloutMember.objects.filter(rollout_id=rollout_id, group=group)
        .values(model=Coalesce(F("terminal__model__name"), Value("")))
        .annotate(
            members=Count("pk"),
            verified=Count("pk", filter=PROVEN),
            errors=Count("pk", filter=FAILED),
        )
    )
    return [ModelCounts(**row) for row in rows.order_by("-members", "model")]


def failures(rollout_id: int, size: int = FAILURES_SHOWN) -> list[RolloutMember]:
    """Members that failed, with terminal and action, the newest first."""
    rows = RolloutMember.objects.select_related("terminal", "action__release").filter(FAILED, rollout_id=rollout_id)
    return list(rows.order_by(Coalesce("action__timed_out_at", "action__closed_at").desc(), "pk")[:size])


def _curve(rows: QuerySet[RolloutMember]) -> Curve:
    minutes = rows.filter(Q(ended__isnull=False)).annotate(minute=TruncMinute("ended"))
    total, points = 0, []
    for minute, count in (
        minutes.values("minute").annotate(count=Count("pk")).order_by("minute").values_list("minute", "count")
    ):
        total += count
        points.append((minute, total))
    return Curve(points)
