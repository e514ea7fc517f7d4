"""Reading rollouts: their groups counted from the actions themselves, in one query; nothing is kept beside the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Count, Q

from evertill.server.rooms.rollouts.asking import REPORTED
from evertill.server.rooms.rollouts.errors import RolloutUnknown
from evertill.server.rooms.rollouts.models import Rollout, RolloutGroup, RolloutMember
from evertill.server.rooms.rollouts.rules import Counts
from evertill.server.rooms.rollouts.states import Kind, State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from evertill.server.rooms.organisations.models import Node

PAGE = 50
# The same words as `asking.is_proven` and `asking.has_failed`, in SQL.
_BY_REPORT = Q(action__proof=REPORTED) | Q(action__kind=Kind.DOWNLOADONLY)
PROVEN = Q(action__verified_at__isnull=False) | (Q(action__state=State.FINISHED) & _BY_REPORT)
_TIMED_OUT = Q(action__timed_out_at__isnull=False)
FAILED = Q(action__state=State.ERROR) | (_TIMED_OUT & ~PROVEN)
_CANCELLED = Q(action__state__in=[State.CANCELED, State.CANCELING])
_WITHHELD = (Q(withheld=True, action__retrieved_at=None) | _CANCELLED) & ~FAILED
_OPEN = ~_WITHHELD & ~FAILED & ~PROVEN


@dataclass(frozen=True)
class GroupProgress:
    group: RolloutGroup
    counts: Counts


def by_id(rollout_id: int) -> Rollout:
    """Raises `RolloutUnknown`."""
    rollout = Rollout.objects.select_related("release", "node").filter(pk=rollout_id).first()
    if rollout is None:
        raise RolloutUnknown(rollout=rollout_id)
    return rollout


def page(nodes: Iterable[Node], before_id: int | None = None, size: int = PAGE) -> list[Rollout]:
    """At most `size` rollouts of these subtrees, newest first."""
    scope = Q(pk__in=[])
    for node in nodes:
        scope |= Q(node__path__startswith=node.path)
    rows = Rollout.objects.select_related("release", "node").filter(scope).order_by("-pk")
    if before_id is not None:
        rows = rows.filter(pk__lt=before_id)
    return list(rows[:size])


def counts(rollout_id: int) -> dict[int, Counts]:
    """By group number."""
    rows = (
        RolloutMember.objects.filter(rollout_id=rollout_id)
        .values("group")
        .annotate(
            members=Count("pk"),
            held=Count("pk", filter=_WITHHELD),
            retrieved=Count("pk", filter=Q(action__retrieved_at__isnull=False)),
            verified=Count("pk", filter=PROVEN),
            errors=Count("pk", filter=FAILED),
            open=Count("pk", filter=_OPEN),
        )
    )
    return {
        row["group"]: Counts(row["members"], row["held"], row["retrieved"], row["verified"], row["errors"], row["open"])
        for row in rows
    }


def groups(rollout_id: int) -> list[GroupProgress]:
    """Every group with its counts, for a page that is fetched again and again: two queries."""
    found = counts(rollout_id)
    return [GroupProgress(group, found.get(group.number, Counts())) for group in groups_of(rollout_id)]


def groups_of(rollout_id: int) -> list[RolloutGroup]:
    return list(RolloutGroup.objects.filter(rollout_id=rollout_id).order_by("number"))


def members(rollout_id: int, group: int | None = None, after_serial: str = "", size: int = PAGE) -> list[RolloutMember]:
    """Members with their terminals and actions in the order of their serials (keyset)."""
    rows = RolloutMember.objects.select_related("terminal", "action").filter(
        rollout_id=rollout_id, terminal__serial__gt=after_serial
    )
    if group is not None:
        rows = rows.filter(group=group)
    return list(rows.order_by("terminal__serial")[:size])
