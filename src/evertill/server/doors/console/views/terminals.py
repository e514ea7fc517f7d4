"""The fleet: one search box, filters said in words, pages by serial, and each terminal's state with the way to its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.shortcuts import redirect
from django.utils.translation import gettext as _

from evertill.server.doors.console import advice, sight, words
from evertill.server.doors.console.door import Visit, language, page
from evertill.server.rooms.accounts import access
from evertill.server.rooms.fleet import queries as fleet
from evertill.server.rooms.fleet.queries import PAGE, Filters
from evertill.server.rooms.rollouts import overview, searching

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from django.http import HttpResponse

    from evertill.server.rooms.fleet.models import Terminal
    from evertill.server.rooms.organisations.models import Node

FIELDS = ("q", "at", "update", "reason", "model", "client", "state")


@dataclass(frozen=True)
class Row:
    """One line of the list."""

    terminal: Terminal
    chip: words.Chip
    runs: str
    seen: datetime | None
    zone: ZoneInfo


@dataclass(frozen=True)
class Filter:
    """One filter in force, and the address of the list without it."""

    says: str
    without: str


@page
def fleet_list(visit: Visit) -> HttpResponse:
    asked = {name: visit.request.GET.get(name, "").strip() for name in FIELDS}
    nodes = [sight.node(visit, asked["at"])] if asked["at"] else access.visible_nodes(visit.by)
    after = visit.request.GET.get("after", "")
    found = _found(nodes, asked, after, visit.now)
    if not after and len(found) == 1 and found[0].serial.lower() == asked["q"].lower():
        return redirect("console:terminal", found[0].serial)
    shown = found[:PAGE]
    return visit.show(
        "terminals",
        "terminals",
        rows=_rows(visit, shown),
        asked=asked,
        filters=_in_words(asked),
        after=after,
        first=_address(asked),
        following=_address({**asked, "after": shown[-1].serial}) if len(found) > PAGE else "",
        models=fleet.model_names(),
        clients=words.CLIENTS,
        states=words.TERMINAL_STATES,
        updates=words.UPDATES,
        reasons=_reasons(asked["reason"]),
    )


def _found(nodes: list[Node], asked: dict[str, str], after: str, now: datetime) -> list[Terminal]:
    """A page and one more, so that the page knows whether another follows."""
    filters = Filters(asked["q"], asked["client"], asked["state"], asked["model"])
    if asked["update"] or asked["reason"]:
        return searching.page(nodes, filters, asked["update"], asked["reason"], now, after, PAGE + 1)
    return fleet.page(nodes, filters, after_serial=after, size=PAGE + 1)


def _reasons(asked: str) -> list[tuple[str, str]]:
    """Codes that lead some terminal's state now, and the one that was asked for, with their words."""
    codes = {*searching.reasons(), *([asked] if asked else [])}
    return sorted(((code, advice.head(code)) for code in codes), key=lambda pair: pair[1])


def _rows(visit: Visit, terminals: list[Terminal]) -> list[Row]:
    ids = [terminal.pk for terminal in terminals]
    glances = overview.glances(ids, visit.now, language())
    seen, says = fleet.last_seen(ids), fleet.attributes_of(ids)
    return [
        Row(
            terminal,
            words.terminal_chip(terminal, glances[terminal.pk], seen.get(terminal.pk), visit.now),
            runs(says.get(terminal.pk, {})),
            seen.get(terminal.pk),
            glances[terminal.pk].zone,
        )
        for terminal in terminals
    ]


def runs(attributes: dict[str, str]) -> str:
    """The version of what it sells with: its till, else whatever component it names first. Empty: it has not said."""
    versions = {
        key.removeprefix("component."): value for key, value in attributes.items() if key.startswith("component.")
    }
    ordered = sorted(versions, key=lambda name: (name != "till", name == "agent", name))
    return versions[ordered[0]] if ordered else ""


def _in_words(asked: dict[str, str]) -> list[Filter]:
    says: dict[str, Any] = {
        "q": _("serial or name contains “%(value)s”"),
        "at": _("below %(value)s"),
        "model": _("model %(value)s"),
        "client": _("updater: %(value)s"),
        "state": _("service: %(value)s"),
        "update": _("update: %(value)s"),
        "reason": _("not updated because: %(value)s"),
    }
    names: dict[str, dict[str, Any]] = {
        "client": words.CLIENTS,
        "state": words.TERMINAL_STATES,
        "update": words.UPDATES,
        "reason": {asked["reason"]: advice.head(asked["reason"])},
    }
    return [
        Filter(says[name] % {"value": names.get(name, {}).get(value, value)}, _address({**asked, name: ""}))
        for name, value in asked.items()
        if value
    ]


def _address(asked: dict[str, str]) -> str:
    return "?" + urlencode({name: value for name, value in asked.items() if value})
