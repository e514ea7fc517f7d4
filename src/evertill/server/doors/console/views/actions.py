"""One terminal, one release: giving it, looking at it, taking it back. Each act says first what will happen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from evertill.protocol.reasons import render
from evertill.server.doors.console import advice, sight, timeline, words
from evertill.server.doors.console.door import Visit, form, language, page
from evertill.server.rooms.accounts import access
from evertill.server.rooms.accounts.rules import Operation
from evertill.server.rooms.catalog import queries as catalog
from evertill.server.rooms.fleet import queries as fleet
from evertill.server.rooms.kernel.errors import FieldInvalid, Refused
from evertill.server.rooms.organisations import queries as organisations
from evertill.server.rooms.rollouts import explaining, overview, queries, service
from evertill.server.rooms.rollouts.service import AssignOptions
from evertill.server.rooms.rollouts.states import CLOSED, Kind, State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpResponse
    from django.utils.functional import _StrPromise

    from evertill.protocol.reasons import Words
    from evertill.server.rooms.catalog.models import Release
    from evertill.server.rooms.fleet.models import Terminal

# decide()'s second rule is the rollout's turn: an assignment by name stands in for it (design §4).
ROLLOUTS_TURN: Final = 2
LINES_TOLD: Final = 200
KINDS: Final[dict[str, tuple[_StrPromise, _StrPromise]]] = {
    Kind.SOFT: (gettext_lazy("As the policy says"), gettext_lazy("Consent, postponement, window and limits all hold.")),
    Kind.FORCED: (
        gettext_lazy("Forced"),
        gettext_lazy(
            "Skips consent and postponement. Never skips “never”, a freeze, the window or the till's own checks."
        ),
    ),
}


@dataclass(frozen=True)
class Preview:
    """What still holds this release once it is assigned; nothing: it goes ahead at the next contact."""

    release: Release
    holds: Sequence[Words]


@form
def assign(visit: Visit, serial: str) -> HttpResponse:
    terminal = sight.terminal(visit, serial)
    problem = None
    if not visit.posts:
        access.require(visit.by, Operation.ACTIONS_EDIT, terminal.node)
    else:
        try:
            release_id = _release_id(visit.request.POST.get("release", ""))
            options = AssignOptions(_kind(visit.request.POST.get("kind", Kind.SOFT)))
            action = service.assign(serial, release_id, visit.by, visit.now, options=options)
        except Refused as refused:
            problem = refused
        else:
            return visit.done(_("Action %(id)s is made.") % {"id": action.pk}, "terminal", serial)
    wanted = visit.request.POST.get("release") or visit.request.GET.get("release", "")
    return visit.show(
        "assign",
        "terminals",
        problem=problem,
        terminal=terminal,
        chain=organisations.chain(terminal.node),
        releases=catalog.published(),
        severities=words.SEVERITIES,
        wanted=wanted,
        preview=_preview(terminal, _release_id(wanted), visit) if wanted else None,
        open_actions=[each for each in queries.actions_of(terminal.pk) if each.state not in CLOSED],
        kinds=KINDS,
    )


@page
def show(visit: Visit, action_id: int) -> HttpResponse:
    action = sight.action(visit, action_id)
    zone = ZoneInfo(fleet.time_zone_of(action.terminal))
    lines = overview.histories([action.pk], LINES_TOLD)
    return visit.show(
        "action",
        "terminals",
        action=action,
        chain=organisations.chain(action.terminal.node),
        chip=words.line_chip(action.state),
        zone=zone,
        days=timeline.days([action], lines, zone, visit.now),
        recovery=advice.of_publisher(action.release) if action.state == State.ERROR else "",
        is_open=action.state not in CLOSED,
        may_cancel=visit.may(Operation.ACTIONS_EDIT, action.terminal.node),
    )


@form
def cancel(visit: Visit, action_id: int) -> HttpResponse:
    action = sight.action(visit, action_id)
    problem = None
    if visit.posts:
        try:
            now_is = service.cancel(action_id, visit.by, visit.now, force="force" in visit.request.POST)
        except Refused as refused:
            problem = refused
        else:
            says = (
                _("Action %(id)s is being cancelled: the terminal is asked to stop.")
                if now_is.state == State.CANCELING
                else _("Action %(id)s is cancelled.")
            )
            return visit.done(says % {"id": action_id}, "terminal", action.terminal.serial)
    return visit.show(
        "cancel",
        "terminals",
        problem=problem,
        action=action,
        chain=organisations.chain(action.terminal.node),
        asked_already=action.state == State.CANCELING,
        is_open=action.state not in CLOSED,
        may_cancel=visit.may(Operation.ACTIONS_EDIT, action.terminal.node),
    )


def _preview(terminal: Terminal, release_id: int, visit: Visit) -> Preview:
    explained = explaining.explain_release(terminal.serial, release_id, visit.now, language())
    zone = ZoneInfo(fleet.time_zone_of(terminal))
    reasons = [
        outcome.reason
        for outcome in explained.decision.outcomes
        if outcome.holds and outcome.reason is not None and outcome.number != ROLLOUTS_TURN
    ]
    return Preview(explained.release, [render(reason, language(), zone, visit.now) for reason in reasons])


def _release_id(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise FieldInvalid(field="release", problem=_("choose one of the published releases"))
    return int(text)


def _kind(text: str) -> Kind:
    if text not in KINDS:
        raise FieldInvalid(field="kind", problem=_("choose one of the two"))
    return Kind(text)
