"""Reading the record: newest first, in pages by id."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from django.db.models import Q, Sum

from evertill.server.rooms.audit.models import AnonymousRefusal, AuditEvent

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

PAGE = 50


def page(
    *,
    before_id: int | None = None,
    kind: str = "",
    ref: str = "",
    actor: str = "",
    within: Iterable[str] = (),
    size: int = PAGE,
) -> list[AuditEvent]:
    """At most `size` rows older than `before_id`. `within`: addresses of nodes, each with everything below it; none: the whole record."""
    rows = AuditEvent.objects.order_by("-id")
    if before_id is not None:
        rows = rows.filter(id__lt=before_id)
    for field, value in (("kind", kind), ("ref", ref), ("actor", actor)):
        if value:
            rows = rows.filter(**{field: value})
    places = [Q(node=address) | Q(node__startswith=f"{address}/") for address in within]
    if places:
        rows = rows.filter(reduce(or_, places))
    return list(rows[:size])


def anonymous_count(day: date, door: str) -> int:
    total = AnonymousRefusal.objects.filter(day=day, door=door).aggregate(total=Sum("count"))["total"]
    return int(total or 0)
