"""更新方式: automatic, manual, never. What each means for this terminal, the change with a PIN, and the proof of being off.

Rules kept here: the price of a choice is computed by the agent from signed releases and the policy in force, with dates, before
the PIN is asked; off is a right: grey, no second question, the way back on the same page.
"""

from typing import Final

from starlette.responses import Response

from evertill.terminal.shell import acting
from evertill.terminal.shell.acting import Act, Line
from evertill.terminal.shell.agent_client import AgentRefused
from evertill.terminal.shell.desk import Desk, go_to
from evertill.terminal.shell.facts import Consequences, Facts, Hole
from evertill.terminal.shell.texts import Say
from evertill.terminal.shell.visit import Visit
from evertill.terminal.shell.words import mode_word, urgent, window_line

MODES: Final = ("automatic", "manual", "never")
RISK_TEXT: Final = "terminal-1"  # changes with the sentences of `_never`


def choose(desk: Desk, visit: Visit) -> Response:
    facts = desk.facts()
    say = desk.say(visit)
    field = facts.policy.fields["mode"]
    rows = [(mode, _word(mode, facts, say), _means(mode, facts, say)) for mode in MODES]
    dates = [_still_comes(hole, say).fact for hole in desk.agent.consequences().holes if hole.closes_at]
    return desk.show(
        visit, "modes.html", facts=facts, field=field, rows=rows, dates=dates, off=desk.agent.switched_off()
    )


def ask(desk: Desk, visit: Visit, mode: str) -> Response:
    facts = desk.facts()
    if mode not in MODES or facts.policy.fields["mode"].mandated:
        return go_to("/update/mode")
    if mode == facts.mode:
        return go_to("/update/off" if mode == "never" else "/update")
    return acting.ask(desk, visit, _act(desk, mode, facts, desk.say(visit)))


def change(desk: Desk, visit: Visit, mode: str) -> Response:
    facts = desk.facts()
    if mode not in MODES:
        return go_to("/update/mode")
    say = desk.say(visit)
    act = _act(desk, mode, facts, say)
    if not acting.is_final(visit):
        return acting.ask(desk, visit, act)
    words = {"person": visit.form.get("person", ""), "pin": visit.form.get("pin", ""), "risk_text": RISK_TEXT}
    try:
        desk.agent.act("set", field="mode", value=mode, **words)
    except AgentRefused as refused:
        return acting.ask(desk, visit, act, acting.words(refused, say))
    return go_to("/update/off" if mode == "never" else "/update")


def confirmed_off(desk: Desk, visit: Visit) -> Response:
    """Both sides with their times: proof where they agree, what is missing where they do not."""
    facts = desk.facts()
    off = desk.agent.switched_off()
    if off is None:
        return go_to("/update/mode")
    say = desk.say(visit)
    holes = [hole for hole in desk.agent.consequences().holes if hole.closes_at]
    return desk.show(
        visit,
        "off.html",
        facts=facts,
        off=off,
        who=_who(off.way, off.person, say),
        next_hole=min(holes, key=lambda hole: hole.closes_at or say.now, default=None),
    )


def _act(desk: Desk, mode: str, facts: Facts, say: Say) -> Act:
    turning_off = mode == "never"
    lines = _never(desk.agent.consequences(), say) if turning_off else [_plain(mode, facts, say)]
    if mode == "manual":
        lines += [_waits_for_you(hole, say) for hole in desk.agent.consequences().holes]
    keep = say("Keep {mode}", mode=mode_word(facts.mode, say))
    return Act(
        title=say("Switch updates off") if turning_off else say("Update mode"),
        head=say('After "Never"') if turning_off else say('After "{mode}"', mode=mode_word(mode, say)),
        lines=lines,
        path=f"/update/mode/{mode}",
        verb=say("Set to {mode}", mode=mode_word(mode, say)),
        leave=keep,
        back="/update/mode",
        style="choice" if turning_off else "main",
    )


def _never(found: Consequences, say: Say) -> list[Line]:
    lines = [_hole(hole, say) for hole in found.holes]
    lines += [_still_comes(hole, say) for hole in found.holes if hole.closes_at]
    missed = [each.version for each in found.missed]
    detail = (
        say("You go without {versions}", versions=", ".join(missed))
        if missed
        else say("Security updates are still shown to you")
    )
    fact = (
        say("Nothing else is downloaded, installed or announced")
        if lines
        else say("No update is downloaded, installed or announced")
    )
    lines.append(Line("off", "off", fact, detail))
    return lines


def _hole(hole: Hole, say: Say) -> Line:
    detail = say(
        "{name} closes it, published {day}", name=f"{hole.name} {hole.version}", day=say.day(hole.published_at)
    )
    if hole.days_open is None:
        return Line("need", "need", say("One security hole stays open until you install the update"), detail)
    if hole.days_open <= 1:
        return Line("need", "need", say("One security hole is closed within a day all the same"), detail)
    return Line("need", "need", say("One security hole stays open for {n} days", n=hole.days_open), detail)


def _still_comes(hole: Hole, say: Say) -> Line:
    day = say.day(hole.closes_at) if hole.closes_at else ""
    fact = say("{name} still installs on {day}", name=f"{hole.name} {hole.version}", day=day)
    return Line("wait", "calendar", fact, urgent(say))


def _waits_for_you(hole: Hole, say: Say) -> Line:
    fact = say("{name} closes a security hole and waits for you, too", name=f"{hole.name} {hole.version}")
    detail = say("It installs by itself on {day} at the latest", day=say.day(hole.closes_at)) if hole.closes_at else ""
    return Line("need", "need", fact, detail)


def _plain(mode: str, facts: Facts, say: Say) -> Line:
    icon = "move" if mode == "automatic" else "ask"
    return Line(
        "move" if mode == "automatic" else "ask",
        icon,
        _means(mode, facts, say),
        say("No sale is broken off, and the data are backed up first"),
    )


def _word(mode: str, facts: Facts, say: Say) -> str:
    return mode_word(mode, say, str(facts.policy.fields["at_deadline"].value))


def _means(mode: str, facts: Facts, say: Say) -> str:
    if mode == "automatic":
        window = window_line(facts, say)
        if window is None:
            return say("Installs by itself as soon as the till is free")
        return say(
            "Installs by itself at {window}, you can postpone",
            window=str(facts.policy.fields["window"].value).replace("-", "–"),
        )
    if mode == "manual":
        return say("Nothing is downloaded or installed before you agree")
    return say("No downloads, no installing, no routine notices")


def _who(way: str, person: str, say: Say) -> str:
    if way == "terminal":
        return say("set on this terminal by {person}", person=say.person(person))
    return say("set elsewhere, as the server says")
