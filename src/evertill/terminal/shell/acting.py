"""A person's act with a PIN: one page shape for all of them, with what it does above and the pad below.

Rules kept here: the page says what will happen before it asks for the PIN; keys work without script, one post a key; what is typed
goes back into the field it was typed in and nowhere else; a refusal keeps the page and says tries left, or until when it is locked.
"""

from datetime import datetime
from typing import Final, NamedTuple

from starlette.responses import Response

from evertill.protocol.reasons import Glyph
from evertill.terminal.shell.agent_client import AgentRefused
from evertill.terminal.shell.cards import Problem
from evertill.terminal.shell.desk import Desk
from evertill.terminal.shell.texts import Say
from evertill.terminal.shell.visit import Visit

MAX_DIGITS: Final = 12


class Line(NamedTuple):
    """One thing that follows from the act: glyph, fact, one line below it."""

    state: Glyph
    icon: str
    fact: str
    detail: str = ""


class Choice(NamedTuple):
    """One of several answers that belong to the act."""

    value: str
    label: str


class Act(NamedTuple):
    """What the page is about. `path` takes the post."""

    title: str
    head: str
    lines: list[Line]
    path: str
    verb: str
    leave: str
    back: str
    style: str = "main"
    choices: tuple[Choice, ...] = ()
    chosen: str = ""


def ask(desk: Desk, visit: Visit, act: Act, problem: Problem | None = None) -> Response:
    """The page with the pad: on the first look, after a key, after a refusal."""
    people = desk.agent.people()
    person = visit.form.get("person", people[0] if people else "")
    typed = "" if problem else pressed(visit)
    status = 409 if problem else 200
    return desk.show(
        visit, "act.html", status=status, act=act, people=people, person=person, typed=typed, problem=problem
    )


def pressed(visit: Visit) -> str:
    """What is typed after this post: the field, and one key where one was pressed."""
    typed = "".join(digit for digit in visit.form.get("pin", "") if digit in "0123456789")[:MAX_DIGITS]
    key = visit.form.get("key", "")
    if key == "clear":
        return ""
    if key == "back":
        return typed[:-1]
    return (typed + key)[:MAX_DIGITS] if key in set("0123456789") else typed


def is_final(visit: Visit) -> bool:
    """The act itself was tapped, not a key."""
    return "go" in visit.form


def words(refused: AgentRefused, say: Say) -> Problem:
    """A refusal of the agent, moments in this terminal's own time."""
    if refused.code == "PIN_LOCKED" and (until := _moment(refused.params.get("until"))):
        fact = say(
            "{n} wrong PINs. Try again after {when}.", n=refused.params.get("failures", ""), when=say.start(until)
        )
        return Problem(fact, refused.next_step(say.language), refused.code)
    if refused.code == "POSTPONED_TOO_FAR" and (until := _moment(refused.params.get("until"))):
        return Problem(
            say("At the latest until {when}.", when=say.start(until)), refused.next_step(say.language), refused.code
        )
    return Problem(refused.text(say.language), refused.next_step(say.language), refused.code)


def signer(desk: Desk, say: Say) -> str:
    """Whose signature stands behind what is offered; empty while none could be verified."""
    card = desk.agent.operator()
    return say.pick(card.name) if card else ""


def _moment(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        return None
