"""The catalogue's background work: snapshot and timestamp are renewed daily, rows follow what is signed, and what nobody can ask for goes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from evertill.server.rooms.audit.actor import Actor
from evertill.server.rooms.catalog import artifacts, place, service
from evertill.server.rooms.catalog.errors import TrustNotInitialised
from evertill.server.rooms.kernel.jobs import Job

if TYPE_CHECKING:
    from datetime import datetime

RENEW = "catalog.renew"
SWEEP = "catalog.sweep"


def renew(now: datetime) -> None:
    """Does nothing before the first keys."""
    try:
        place.repository().in_force()
    except TrustNotInitialised:
        return
    service.reconcile(Actor.system(RENEW), now)
    service.sign_freshness(now)


def sweep(now: datetime) -> None:
    """Keeps DATA from growing with every day; what is published stays."""
    artifacts.remove_unused(place.artifacts(), Actor.system(SWEEP), now)
    repository = place.repository()
    if repository.folder.initialised:
        repository.sweep(now)


JOBS = (Job(RENEW, timedelta(days=1), renew), Job(SWEEP, timedelta(days=1), sweep))
