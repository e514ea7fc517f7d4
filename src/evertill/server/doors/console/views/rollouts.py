"""Rollouts: the list, one of them live with its groups and its chart, planning one, and the four steps that people take.

The live part is one fragment that is fetched every few seconds and answered 204 while nothing in it has changed, so that nothing jumps under a reader.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from django.http import Http404, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from evertill.server.doors.console import keyset, rollout_live, sight, words
from evertill.server.doors.console.door import Visit, page
from evertill.server.doors.console.forms import RolloutForm
from evertill.server.rooms.accounts import access
from evertill.server.rooms.accounts.rules import Operation
from evertill.server.rooms.catalog import queries as catalog
from evertill.server.rooms.kernel.errors import Refused
from evertill.server.rooms.organisations import queries as organisations
from evertill.server.rooms.rollouts import progress
from evertill.server.rooms.rollouts.progress import PAGE
from evertill.server.rooms.rollouts.rules import PAUSES_FROM, RESUMES_FROM, STARTS_FROM, STOPS_FROM
from evertill.server.rooms.rollouts.service import groups

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from django.utils.functional import _StrPromise

    from evertill.server.rooms.accounts.access import Identity
    from evertill.server.rooms.rollouts.models import Rollout


@dataclass(frozen=True)
class Step:
    """One of the things that can be done to a rollout: from which states, in whose words, and what then happens."""

    run: Callable[[int, Identity, datetime], Rollout]
    states: frozenset[str]
    verb: _StrPromise
    done: _StrPromise
    happens: tuple[_StrPromise, ...]
    button: str = "main"


STEPS: Final[dict[str, Step]] = {
    "start": Step(
        groups.start,
        frozenset(STARTS_FROM),
        gettext_lazy("Start"),
        gettext_lazy("The rollout is started."),
        (
            gettext_lazy("The first group opens: each of its terminals gets an action."),
            gettext_lazy("Each installs when its own policy allows; the next group opens when enough are verified."),
        ),
    ),
    "pause": Step(
        groups.pause,
        frozenset(PAUSES_FROM),
        gettext_lazy("Pause"),
        gettext_lazy("The rollout is paused."),
        (
            gettext_lazy("Nothing new is handed out; no group opens."),
            gettext_lazy("What terminals have fetched already goes on."),
        ),
        "choice",
    ),
    "resume": Step(
        groups.resume,
        frozenset(RESUMES_FROM),
        gettext_lazy("Resume"),
        gettext_lazy("The rollout goes on."),
        (
            gettext_lazy("It goes on where it stood."),
            gettext_lazy("After a halt: the errors so far are known, and halt it no more."),
        ),
    ),
    "stop": Step(
        groups.stop,
        frozenset(STOPS_FROM),
        gettext_lazy("Stop"),
        gettext_lazy("The rollout is stopped."),
        (
            gettext_lazy("It ends for good: no group opens any more."),
            gettext_lazy("Open actions are cancelled; a terminal that is installing may go on to the end."),
            gettext_lazy("Terminals that are verified keep the new version."),
        ),
        "choice",
    ),
}


@page
def rollout_list(visit: Visit) -> HttpResponse:
    before = keyset.number(visit.request, "before")
    found = progress.page(access.visible_nodes(visit.by), before, PAGE + 1)
    shown = found[:PAGE]
    return visit.show(
        "rollouts",
        "rollouts",
        rows=[(each, words.rollout_chip(each.state)) for each in shown],
        before=before,
        following=shown[-1].pk if len(found) > PAGE else None,
        zone=ZoneInfo(organisations.time_zone_of(organisations.operator())),
        may_plan=bool(access.nodes_where(visit.by, Operation.ROLLOUTS_EDIT)),
    )


@page
def show(visit: Visit, rollout_id: int) -> HttpResponse:
    rollout = sight.rollout(visit, rollout_id)
    return visit.show(
        "rollout",
        "rollouts",
        chain=organisations.chain(rollout.node),
        steps=[(name, step) for name, step in STEPS.items() if rollout.state in step.states],
        **rollout_live.state(visit, rollout),
    )


@page
def live(visit: Visit, rollout_id: int) -> HttpResponse:
    state = rollout_live.state(visit, sight.rollout(visit, rollout_id))
    if visit.request.GET.get("seen") == state["digest"]:
        return HttpResponse(status=204)
    return visit.fragment("_rollout_live", **state)


@page
def members(visit: Visit, rollout_id: int) -> HttpResponse:
    rollout = sight.rollout(visit, rollout_id)
    group, after = keyset.number(visit.request, "group"), visit.request.GET.get("after", "")
    found = progress.members(rollout.pk, group, after, PAGE + 1)
    shown = found[:PAGE]
    return visit.show(
        "rollout_members",
        "rollouts",
        rollout=rollout,
        group=group,
        after=after,
        rows=[(each, words.line_chip(each.action.state) if each.action else None) for each in shown],
        following=shown[-1].terminal.serial if len(found) > PAGE else "",
    )


@page
def new(visit: Visit) -> HttpResponse:
    """A plan; nothing happens before somebody starts it."""
    if not access.nodes_where(visit.by, Operation.ROLLOUTS_EDIT):
        access.require(visit.by, Operation.ROLLOUTS_EDIT, organisations.operator())
    asked = {name: visit.request.GET[name] for name in ("release", "at") if name in visit.request.GET}
    form = RolloutForm(catalog.published(), visit.request.POST if visit.posts else None, initial=asked)
    problem = None
    if visit.posts and form.is_valid():
        try:
            rollout = groups.create(form.as_new(), visit.by, visit.now)
        except Refused as refused:
            problem = refused
        else:
            return visit.done(_("The rollout is planned. Nothing happens before it is started."), "rollout", rollout.pk)
    return visit.show("rollout_new", "rollouts", problem=problem, form=form)


@page
def act(visit: Visit, rollout_id: int, step: str) -> HttpResponse:
    if step not in STEPS:
        raise Http404
    rollout, wanted, problem = sight.rollout(visit, rollout_id), STEPS[step], None
    if visit.posts:
        try:
            wanted.run(rollout_id, visit.by, visit.now)
        except Refused as refused:
            problem = refused
        else:
            return visit.done(str(wanted.done), "rollout", rollout_id)
    return visit.show(
        "rollout_act",
        "rollouts",
        problem=problem,
        rollout=rollout,
        chain=organisations.chain(rollout.node),
        step=wanted,
        fits=rollout.state in wanted.states,
        may_act=visit.may(Operation.ROLLOUTS_EDIT, rollout.node),
        chip=words.rollout_chip(rollout.state),
    )
