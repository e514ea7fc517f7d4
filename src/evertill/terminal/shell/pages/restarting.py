"""设置 → 重启与恢复: the till's program, the device, the settings; what each keeps and loses is said before the PIN is asked.

Rules kept here: what holds one of them is the shared reason card, on the page itself and after a refusal; what is open here
(language, colours, a wish to switch off) is forgotten by the screen, everything else by the agent.
"""

from typing import Final

from starlette.responses import Response

from evertill.terminal.power import Power, PowerRefused
from evertill.terminal.shell import acting
from evertill.terminal.shell.acting import Act, Line
from evertill.terminal.shell.agent_client import AgentRefused
from evertill.terminal.shell.cards import Problem, card, trouble
from evertill.terminal.shell.desk import Desk, go_to
from evertill.terminal.shell.pages.menu import TILLS_LANGUAGE
from evertill.terminal.shell.texts import Say
from evertill.terminal.shell.visit import LANGUAGE, THEME, Visit

VERBS: Final = {"till": "restart_till", "device": "restart_device", "settings": "reset_settings"}


def show(desk: Desk, visit: Visit) -> Response:
    """The three, each with what it is for, and who did the latest."""
    desk.facts()
    say = desk.say(visit)
    found = desk.agent.restarts()
    rows = [(what, _names(say)[what], _uses(say)[what]) for what in VERBS]
    done = [(each, _names(say)[what]) for each in found.done for what, verb in VERBS.items() if verb == each.what]
    return desk.show(visit, "restart.html", rows=rows, done=done[:3])


def ask(desk: Desk, visit: Visit, what: str) -> Response:
    """The pad; in its place the reason card, while something stands against it."""
    desk.facts()
    if what not in VERBS:
        return go_to("/restart")
    say = desk.say(visit)
    if held := desk.agent.restarts().held.get(VERBS[what], []):
        return desk.show(visit, "restart_held.html", status=409, name=_names(say)[what], card=card(held, None, say))
    return acting.ask(desk, visit, _act(desk, what, say))


def act(desk: Desk, visit: Visit, what: str) -> Response:
    if what not in VERBS:
        return go_to("/restart")
    desk.facts()
    say = desk.say(visit)
    if not acting.is_final(visit):
        return acting.ask(desk, visit, _act(desk, what, say))
    try:
        desk.agent.act(VERBS[what], person=visit.form.get("person", ""), pin=visit.form.get("pin", ""))
    except AgentRefused as refused:
        if refused.code == "RESTART_NOT_NOW":
            return ask(desk, visit, what)
        return acting.ask(desk, visit, _act(desk, what, say), acting.words(refused, say))
    return _done(desk, visit, what)


def _done(desk: Desk, visit: Visit, what: str) -> Response:
    if what == "till":
        return go_to("/till/")
    if what == "settings":
        return _forgotten(desk)
    try:
        Power(desk.home, desk.power).restart()
    except PowerRefused as refused:
        say = desk.say(visit)
        return acting.ask(desk, visit, _act(desk, what, say), _unswitched(refused, say))
    return desk.show(visit, "restarting.html", by_hand=not _is_switched(desk))


def _forgotten(desk: Desk) -> Response:
    desk.closing.withdraw()
    response = go_to("/settings")
    response.delete_cookie(LANGUAGE)
    response.delete_cookie(THEME)
    response.delete_cookie(TILLS_LANGUAGE, path="/till/")
    return response


def _unswitched(refused: PowerRefused, say: Say) -> Problem:
    code = "TILL_SILENT" if refused.code == "TILL_SILENT" else "RESTART_NOT_NOW"
    return trouble(code, {"detail": refused.code}, say)


def _is_switched(desk: Desk) -> bool:
    return desk.power == "systemd"


def _names(say: Say) -> dict[str, str]:
    return {
        "till": say("Restart the till"),
        "device": say("Restart the device"),
        "settings": say("Reset the settings"),
    }


def _uses(say: Say) -> dict[str, str]:
    return {
        "till": say("When its pages are slow or odd"),
        "device": say("When the touch screen, the network or a device is stuck"),
        "settings": say("Language, colours, known devices and what was agreed; no sale"),
    }


def _act(desk: Desk, what: str, say: Say) -> Act:
    kept = Line("good", "good", say("Sales, backups, keys and PINs stay as they are"))
    lines = {
        "till": [kept, Line("wait", "clock", say("Selling stops for a few seconds"))],
        "device": [kept, Line("wait", "clock", say("Selling stops for a few minutes")), *_by_hand(desk, say)],
        "settings": [
            kept,
            Line("good", "good", say("The update mode stays as it is")),
            Line("wait", "undo", say("Language and colours begin anew")),
            Line(
                "wait", "undo", say("Devices in daily use are learned anew, and each yes to an update is asked again")
            ),
        ],
    }
    name = _names(say)[what]
    return Act(
        title=say("Restart and reset"),
        head=name,
        lines=lines[what],
        path=f"/restart/{what}",
        verb=name,
        leave=say("Leave it"),
        back="/restart",
        style="choice",
    )


def _by_hand(desk: Desk, say: Say) -> list[Line]:
    """Where the machine's power is not ours."""
    if _is_switched(desk):
        return []
    return [Line("need", "need", say("It switches itself off; switch it on again by hand"))]
