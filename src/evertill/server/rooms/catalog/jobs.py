"""The catalogue's background work: snapshot and timestamp are renewed daily, and rows follow what is signed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from evertill.server.rooms.audit.actor import Actor
from evertill.server.rooms.catalog import place, service
from evertill.server.rooms.catalog.errors import TrustNotInitialised
from evertill.server.rooms.kernel.jobs import Job

if TYPE_CHECKING:
    from datetime import datetime

NAME = "catalog.renew"


def renew(now: datetime) -> None:
    """Does nothing before the first keys."""
    try:
        place.repository().in_force()
    except TrustNotInitialised:
        return
    service.reconcile(Actor.system(NAME), now)
    service.sign_freshness(now)


JOBS = (Job(NAME, timedelta(days=1), renew),)
