"""Policies: what is in force at a node or a terminal and where it comes from, one field changed at a time.

*Never* stands among the modes like the others; who may not choose it is told so by the room, with the place where it can be done.
"""

from __future__ import annotations

from datetime import datetime, time
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.shortcuts import redirect
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _

from evertill.protocol import policy_words
from evertill.protocol.policy import FIELDS, MAY_MANDATE
from evertill.server.doors.console import policy_form, policy_table, sight
from evertill.server.doors.console.door import Visit, deed, form, language, page
from evertill.server.rooms.accounts import access
from evertill.server.rooms.accounts.rules import Operation
from evertill.server.rooms.kernel.errors import FieldInvalid, Refused
from evertill.server.rooms.organisations import queries as organisations
from evertill.server.rooms.policies import queries, service
from evertill.server.rooms.policies.errors import ConflictUnknown
from evertill.server.rooms.policies.targets import Target
from evertill.server.rooms.rollouts import explaining

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpResponse

    from evertill.server.rooms.policies.models import Conflict, PolicyChange

CHANGES_TOLD = 10
KEEPS = ("terminal", "server")


@page
def top(visit: Visit) -> HttpResponse:
    """Where one's own part of the tree begins; several parts are offered by name."""
    nodes = access.visible_nodes(visit.by)
    if len(nodes) == 1:
        return redirect("console:policy", nodes[0].address)
    return visit.show("tree_top", "policies", nodes=nodes, to="console:policy")


@form
def of_node(visit: Visit, address: str) -> HttpResponse:
    return _policy(visit, Target.of(sight.node(visit, address)))


@form
def of_terminal(visit: Visit, serial: str) -> HttpResponse:
    return _policy(visit, Target.of(sight.terminal(visit, serial)))


@deed
def settle(visit: Visit, conflict_id: int) -> HttpResponse:
    """Which of two values holds; the form stands on the terminal's policy page."""
    posted = visit.request.POST
    terminal = sight.terminal(visit, posted.get("serial", ""))
    if conflict_id not in {each.pk for each in queries.open_conflicts(terminal.pk)}:
        raise ConflictUnknown(conflict=conflict_id)
    keep = posted.get("keep", "")
    if keep not in KEEPS:
        raise FieldInvalid(field="keep", problem=_("choose one of the two values"))
    try:
        service.settle_conflict(conflict_id, keep == "terminal", visit.by, visit.now, reason=posted.get("reason", ""))
    except Refused as refused:  # recorded by the service
        return visit.refused(refused)
    says = _("Decided. The terminal learns it at its next contact.")
    return visit.done(says, "terminal_policy", terminal.serial)


def _policy(visit: Visit, target: Target) -> HttpResponse:
    problem = None
    if visit.posts:
        try:
            return _change(visit, target)
        except Refused as refused:
            said = visit.request.POST
            problem = policy_form.in_form_words(refused, said.get("field", ""), said.get("value", ""))
    effective = target.effective(visit.now)
    chain = organisations.chain(target.node)
    name = visit.request.POST.get("field") or visit.request.GET.get("field", "")
    asked: dict[str, Any] = {}
    if name in FIELDS:
        posted = visit.request.POST.get("value") if visit.posts else None
        at_deadline = str(effective.fields["at_deadline"].value)
        asked["form"] = policy_form.form(name, effective.fields[name].value, at_deadline, posted)
        asked["posted"] = visit.request.POST
    if name == "mode" and target.terminal:
        asked["consequences"] = explaining.consequences(target.terminal.serial, visit.now)
    table = policy_table.rows(target, effective, chain)
    return visit.show(
        "policy",
        "policies",
        problem=problem,
        target=target,
        chain=chain,
        zone=ZoneInfo(effective.time_zone),
        policy=table,
        own={each.field for each in queries.own_fields(target.key)},
        may_mandate=target.place in MAY_MANDATE,
        may_edit=visit.may(Operation.POLICIES_EDIT, target.node),
        conflicts=_conflicts(target),
        changes=_told(queries.changes(target.key, size=CHANGES_TOLD)),
        **asked,
    )


def _change(visit: Visit, target: Target) -> HttpResponse:
    posted = visit.request.POST
    name, reason = posted.get("field", ""), posted.get("reason", "").strip()
    where = target.terminal or target.node
    if posted.get("act") == "inherit":
        service.unset_field(where, name, visit.by, visit.now, reason=reason)
    elif posted.get("act") != "set":
        raise FieldInvalid(field="act", problem=_("it is neither set nor inherit"))
    else:
        service.set_field(
            where,
            name,
            policy_form.read(name, posted.get("value", "")),
            visit.by,
            visit.now,
            reason=reason,
            mandated="mandated" in posted,
            ends_at=_end(target, posted.get("until", ""), visit.now),
        )
    says = _("%(field)s is changed. Terminals learn it at their next contact.")
    label = policy_words.label(name, language())
    return visit.done(says % {"field": label}, "terminal_policy" if target.terminal else "policy", target.ref)


def _end(target: Target, text: str, now: datetime) -> datetime | None:
    """The end of that day where the terminals are. Raises `FieldInvalid`."""
    if not text:
        return None
    try:
        day = parse_date(text)
    except ValueError:
        day = None
    if day is None:
        raise FieldInvalid(field="until", problem=_("write a day such as 2027-02-12"))
    return datetime.combine(day, time(23, 59, 59), ZoneInfo(target.effective(now).time_zone))


def _conflicts(target: Target) -> list[dict[str, Any]]:
    if target.terminal is None:
        return []
    return [_conflict(each) for each in queries.open_conflicts(target.terminal.pk)]


def _conflict(conflict: Conflict) -> dict[str, Any]:
    def said(value: Any) -> str:
        return policy_words.show(conflict.field, value, language())

    return {
        "id": conflict.pk,
        "label": policy_words.label(conflict.field, language()),
        "terminal": said(conflict.terminal_value),
        "server": said(conflict.server_value),
        "at": conflict.at,
    }


def _told(changes: Sequence[PolicyChange]) -> list[dict[str, Any]]:
    return [
        {
            "change": change,
            "label": policy_words.label(change.field, language()),
            "value": _("inherited again")
            if change.value is None
            else policy_words.show(change.field, change.value, language()),
        }
        for change in changes
    ]
