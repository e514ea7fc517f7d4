"""Background work of the policies room."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction

from evertill.server.rooms.fleet import queries as fleet
from evertill.server.rooms.kernel.jobs import Job
from evertill.server.rooms.policies.models import PolicyField
from evertill.server.rooms.policies.service import revisions

if TYPE_CHECKING:
    from datetime import datetime

EVERY: Final = timedelta(seconds=30)


@transaction.atomic
def end_fields(now: datetime) -> None:
    """Fields whose end has come are taken away, and the terminals below follow."""
    for ended in PolicyField.objects.select_related("node").filter(ends_at__lte=now):
        ids = [ended.terminal_id] if ended.terminal_id else fleet.in_subtree(ended.node) if ended.node else []
        ended.delete()
        revisions.follow(ids, now)


JOBS: Final = (Job("policies.end-fields", EVERY, end_fields),)
