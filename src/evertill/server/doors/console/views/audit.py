"""The record: who did or tried what, newest first, narrowed by kind, thing and person. Only for those whose roles show it, and only their part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from evertill.server.doors.console import audit_words, keyset
from evertill.server.doors.console.door import Visit, page
from evertill.server.rooms.accounts import access
from evertill.server.rooms.accounts.rules import Operation
from evertill.server.rooms.audit import queries
from evertill.server.rooms.audit.queries import PAGE
from evertill.server.rooms.organisations import queries as organisations

if TYPE_CHECKING:
    from django.http import HttpResponse

    from evertill.server.rooms.audit.models import AuditEvent

FIELDS = ("kind", "ref", "actor")


@page
def record(visit: Visit) -> HttpResponse:
    operator = organisations.operator()
    nodes = access.nodes_where(visit.by, Operation.AUDIT_VIEW)
    if not nodes:
        access.require(visit.by, Operation.AUDIT_VIEW, operator)
    asked = {name: visit.request.GET.get(name, "").strip() for name in FIELDS}
    before = keyset.number(visit.request, "before")
    # Rows without a node (people, keys, refusals) are shown to those who may see all.
    within = [] if operator in nodes else [str(node.address) for node in nodes]
    found = queries.page(before_id=before, within=within, size=PAGE + 1, **asked)
    shown = found[:PAGE]
    said = {name: value for name, value in asked.items() if value}
    return visit.show(
        "audit",
        "audit",
        rows=[_row(each) for each in shown],
        kinds=audit_words.KINDS,
        said=said,
        filters=_in_words(said),
        first="?" + urlencode(said),
        before=before,
        following="?" + urlencode({**said, "before": shown[-1].pk}) if len(found) > PAGE else "",
        zone=ZoneInfo(organisations.time_zone_of(operator)),
        wanted=asked,
    )


def _in_words(said: dict[str, str]) -> list[str]:
    says = {"kind": _("kind: %(value)s"), "ref": _("name: %(value)s"), "actor": _("by: %(value)s")}
    return [
        says[name] % {"value": audit_words.kind(value) if name == "kind" else value} for name, value in said.items()
    ]


def _row(event: AuditEvent) -> dict[str, Any]:
    return {
        "event": event,
        "act": audit_words.act(event.act),
        "kind": audit_words.kind(event.kind),
        "actor_kind": audit_words.actor_kind(event.actor_kind),
        "details": audit_words.details(event.details),
    }
