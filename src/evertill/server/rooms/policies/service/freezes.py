"""Remembering freezes, so that two cannot follow each other too closely, whoever sets them and however often.

Rules kept here: a freeze that has begun is never forgotten, only cut short; one that has not begun is forgotten when it is taken back; a new freeze is
measured together with every remembered one of its place and of the places above it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.db.models import Q

from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.policy import check_freezes, read_value
from evertill.protocol.windows import FreezeRange
from evertill.server.rooms.catalog.errors import ProtocolSaysNo
from evertill.server.rooms.policies import guardrails
from evertill.server.rooms.policies.models import Freeze

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from evertill.server.rooms.policies.targets import Target


def remember(target: Target, value: Any, person: str, now: datetime) -> None:
    """The freezes of this place from now on. Raises `ProtocolSaysNo` FREEZE_TOO_LONG, FREEZE_TOO_CLOSE."""
    effective = target.effective(now)
    today = now.astimezone(ZoneInfo(effective.time_zone)).date()
    wanted = {each.starts_on: each for each in read_value("freeze", value)}
    mine = Freeze.objects.filter(**target.key)
    mine.filter(Q(starts__gt=today) | Q(starts__in=wanted)).delete()
    mine.filter(ends__gt=today).update(ends=today)
    begun = Freeze.objects.filter(Q(**target.key) | Q(node_id__in=effective.node_ids), starts__lte=today)
    past = [FreezeRange(row.starts, min(row.ends, today)) for row in begun]
    try:
        check_freezes(_merged([*past, *wanted.values()]), guardrails.in_force())
    except ProtocolRefused as refused:
        raise ProtocolSaysNo(refused) from None
    Freeze.objects.bulk_create(
        [
            Freeze(**target.key, starts=each.starts_on, ends=each.ends_on, set_by=person, at=now)
            for each in wanted.values()
        ]
    )


def _merged(ranges: Iterable[FreezeRange]) -> list[FreezeRange]:
    """Ranges that overlap or touch are one freeze."""
    merged: list[FreezeRange] = []
    for each in sorted(ranges, key=lambda one: one.starts_on):
        if merged and each.starts_on <= merged[-1].ends_on + timedelta(days=1):
            merged[-1] = FreezeRange(merged[-1].starts_on, max(merged[-1].ends_on, each.ends_on))
        else:
            merged.append(each)
    return merged
