"""Releases: what there is, what each is made of, how far its signatures are, and taking one back. Making and signing need the keys, so they are the command line's.

Releases are the operator's and public by design: everybody of the staff sees all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from evertill.protocol.release import release_path
from evertill.server.doors.console import keyset, words
from evertill.server.doors.console.door import Visit, form, page
from evertill.server.rooms.accounts.rules import Operation
from evertill.server.rooms.catalog import place, queries, service
from evertill.server.rooms.catalog.errors import TrustNotInitialised
from evertill.server.rooms.catalog.queries import PAGE
from evertill.server.rooms.catalog.rules import State
from evertill.server.rooms.kernel.errors import Refused
from evertill.server.rooms.organisations import queries as organisations
from evertill.server.rooms.policies.errors import ReasonNeeded
from evertill.server.rooms.rollouts import overview

if TYPE_CHECKING:
    from django.http import HttpResponse

    from evertill.server.rooms.catalog.models import Release

# As each calls itself; a language that is not one of the two stands by its code.
LANGUAGES = {"zh": "中文", "en": "English"}


@page
def release_list(visit: Visit) -> HttpResponse:
    before, state = keyset.number(visit.request, "before"), visit.request.GET.get("state", "")
    found = queries.page(before, state if state in words.RELEASES else "", PAGE + 1)
    shown = found[:PAGE]
    return visit.show(
        "releases",
        "releases",
        rows=[(each, words.release_chip(each.state), words.SEVERITIES[each.severity]) for each in shown],
        state=state,
        states=words.RELEASES,
        before=before,
        following=shown[-1].pk if len(found) > PAGE else None,
        zone=_zone(),
    )


@page
def show(visit: Visit, release_id: int) -> HttpResponse:
    release = queries.by_id(release_id)
    return visit.show(
        "release",
        "releases",
        release=release,
        chip=words.release_chip(release.state),
        severity=words.SEVERITIES[release.severity],
        parts=queries.parts(release.pk),
        zone=_zone(),
        languages=LANGUAGES,
        waiting=_waiting(release) if release.state == State.AWAITING else None,
        open_actions=overview.open_count(release.pk),
        may_edit=visit.may(Operation.RELEASES_EDIT, organisations.operator()),
        is_published=release.state == State.PUBLISHED,
        is_draft=release.state == State.DRAFT,
    )


@form
def withdraw(visit: Visit, release_id: int) -> HttpResponse:
    release = queries.by_id(release_id)
    problem = None
    reason = visit.request.POST.get("reason", "").strip()
    if visit.posts:
        try:
            if not reason:
                raise ReasonNeeded(field=_("the release's state"))
            service.withdraw(release_id, reason, visit.by, visit.now)
        except Refused as refused:
            problem = refused
        else:
            return visit.done(_("%(release)s is withdrawn.") % {"release": release}, "release", release_id)
    return visit.show(
        "withdraw",
        "releases",
        problem=problem,
        release=release,
        chip=words.release_chip(release.state),
        reason=reason,
        open_actions=overview.open_count(release.pk),
        may_edit=visit.may(Operation.RELEASES_EDIT, organisations.operator()),
        is_published=release.state == State.PUBLISHED,
    )


def _waiting(release: Release) -> str:
    """The id of the signing request that carries it; empty where none is open any more, or the repository is not here."""
    path = release_path(release.pk)
    try:
        requests = place.repository().open_requests()
    except TrustNotInitialised:
        return ""
    return next((each.id for each in requests if path in each.documents), "")


def _zone() -> ZoneInfo:
    return ZoneInfo(organisations.time_zone_of(organisations.operator()))
