"""主菜单 and 设置: the ways to selling, to updates and to support, and how the screen speaks and looks."""

from typing import Final

from starlette.responses import Response

from evertill.terminal.shell.agent_client import AgentAway
from evertill.terminal.shell.desk import Desk, go_to
from evertill.terminal.shell.facts import Facts
from evertill.terminal.shell.visit import LANGUAGE, THEME, YEAR_S, Visit, keep
from evertill.terminal.shell.words import standing

TILLS_LANGUAGE: Final = "till_language"  # till/CONTRACT.md, section 6: one tap changes both


def home(desk: Desk, visit: Visit) -> Response:
    """Always there, whatever the agent does."""
    facts = _facts(desk)
    return desk.show(visit, "menu.html", facts=facts, standing=standing(facts, desk.say(visit)))


def settings(desk: Desk, visit: Visit) -> Response:
    facts = _facts(desk)
    return desk.show(visit, "settings.html", facts=facts, standing=standing(facts, desk.say(visit)))


def set_language(_desk: Desk, visit: Visit) -> Response:
    language = "en" if visit.form.get("to") == "en" else "zh"
    response = go_to(_local(visit.form.get("back", "")))
    keep(response, LANGUAGE, language, for_s=YEAR_S)
    keep(response, TILLS_LANGUAGE, language, path="/till/")
    return response


def set_theme(_desk: Desk, visit: Visit) -> Response:
    response = go_to("/settings")
    keep(response, THEME, "dark" if visit.form.get("to") == "dark" else "light", for_s=YEAR_S)
    return response


def lost(desk: Desk, visit: Visit, **_place: object) -> Response:
    """No such page, whatever its address names: the way back."""
    return desk.show(visit, "lost.html", status=404)


def broken(desk: Desk, visit: Visit) -> Response:
    """A bug of ours, in the log; the person gets the way back."""
    return desk.show(visit, "broken.html", status=500)


def _facts(desk: Desk) -> Facts | None:
    try:
        return desk.agent.facts()
    except AgentAway:
        return None


def _local(path: str) -> str:
    """A page of ours to go back to; anything else leads home."""
    plain = (
        path.startswith("/")
        and not path.startswith("//")
        and "\\" not in path
        and path.isascii()
        and path.isprintable()
    )
    return path if plain else "/"
