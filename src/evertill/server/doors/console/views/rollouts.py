"""Rollouts: the list, one of them live with its groups and its chart, planning one, and the four steps that people take.

The live part is one fragment that is fetched every few seconds and answered 204 while nothing in it has changed, so that nothing jumps under a reader;
what has the focus keeps it, because it has an id.
"""

from __future__ import annotations

from typing import Final
from zoneinfo import ZoneInfo

from django.http import Http404, HttpResponse
from django.utils.translation import gettext as _

from evertill.server.doors.console import keyset, rollout_live, sight, words
from evertill.server.doors.console.door import Visit, form, page
from evertill.server.doors.console.forms import RolloutForm
from evertill.server.doors.console.rollout_steps import STEPS
from evertill.server.rooms.accounts import access
from evertill.server.rooms.accounts.rules import Operation
from evertill.server.rooms.catalog import queries as catalog
from evertill.server.rooms.kernel.errors import Refused
from evertill.server.rooms.organisations import queries as organisations
from evertill.server.rooms.rollouts import over_time, progress
from evertill.server.rooms.rollouts.progress import PAGE
from evertill.server.rooms.rollouts.rules import RolloutState
from evertill.server.rooms.rollouts.service import groups

# A rollout in another state does not change by itself any more.
FOLLOWED: Final = frozenset(RolloutState) - {RolloutState.FINISHED, RolloutState.STOPPED}
STOP_POLLING: Final = 286  # htmx's own status: take this and ask no more


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
        follows=rollout.state in FOLLOWED,
        **rollout_live.state(visit, rollout),
    )


@page
def live(visit: Visit, rollout_id: int) -> HttpResponse:
    rollout = sight.rollout(visit, rollout_id)
    state = rollout_live.state(visit, rollout)
    if visit.request.GET.get("seen") == state["digest"]:
        return HttpResponse(status=204)
    answer = visit.fragment("_rollout_live", said=True, **state)
    if rollout.state not in FOLLOWED:
        answer.status_code = STOP_POLLING
    return answer


@page
def numbers(visit: Visit, rollout_id: int) -> HttpResponse:
    """The chart as a table."""
    rollout = sight.rollout(visit, rollout_id)
    group = keyset.number(visit.request, "group") or 1
    return visit.show(
        "rollout_numbers",
        "rollouts",
        rollout=rollout,
        chain=organisations.chain(rollout.node),
        group=group,
        groups=[each.number for each in progress.groups_of(rollout.pk)],
        minutes=over_time.minutes(rollout.pk, group),
        zone=ZoneInfo(organisations.time_zone_of(rollout.node)),
    )


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


@form
def new(visit: Visit) -> HttpResponse:
    """A plan; nothing happens before somebody starts it."""
    if not visit.posts and not access.nodes_where(visit.by, Operation.ROLLOUTS_EDIT):
        access.require(visit.by, Operation.ROLLOUTS_EDIT, organisations.operator())
    asked = {name: visit.request.GET[name] for name in ("release", "at") if name in visit.request.GET}
    plan = RolloutForm(catalog.published(), visit.request.POST if visit.posts else None, initial=asked)
    problem = None
    if visit.posts and plan.is_valid():
        try:
            rollout = groups.create(plan.as_new(), visit.by, visit.now)
        except Refused as refused:
            problem = refused
        else:
            return visit.done(_("The rollout is planned. Nothing happens before it is started."), "rollout", rollout.pk)
    return visit.show("rollout_new", "rollouts", problem=problem, form=plan)


@form
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
