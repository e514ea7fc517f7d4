"""The background work about people: sessions that ended are forgotten."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.contrib.sessions.models import Session

from evertill.server.rooms.kernel.jobs import Job

if TYPE_CHECKING:
    from datetime import datetime


def forget_sessions(now: datetime) -> None:
    Session.objects.filter(expire_date__lt=now).delete()


JOBS = (Job("accounts.forget-sessions", timedelta(days=1), forget_sessions),)
