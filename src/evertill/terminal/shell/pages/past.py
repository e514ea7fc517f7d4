"""What was done to this terminal: each update and how it ended, and within a week the way back to the version before."""

from datetime import timedelta
from typing import Final

from starlette.responses import Response

from evertill.protocol.journey import Outcome
from evertill.terminal.shell import acting
from evertill.terminal.shell.acting import Act, Line
from evertill.terminal.shell.agent_client import AgentRefused
from evertill.terminal.shell.cards import failure
from evertill.terminal.shell.desk import Desk, go_to
from evertill.terminal.shell.facts import Facts
from evertill.terminal.shell.texts import Say
from evertill.terminal.shell.visit import Visit
from evertill.terminal.shell.words import result_words

GO_BACK_WITHIN: Final = timedelta(days=7)  # the agent holds to it; here it only saves a tap in vain


def history(desk: Desk, visit: Visit) -> Response:
    facts = desk.facts()
    say = desk.say(visit)
    rows = [(past, result_words(past, say)) for past in facts.history]
    return desk.show(visit, "history.html", rows=rows, may_go_back=_may_go_back(facts, say))


def result(desk: Desk, visit: Visit, journey: str) -> Response:
    facts = desk.facts()
    say = desk.say(visit)
    past = next((past for past in facts.history if past.journey == journey), None)
    if past is None:
        return go_to("/update/history")
    return desk.show(
        visit,
        "result.html",
        facts=facts,
        past=past,
        result=result_words(past, say),
        card=failure(past.failure, say) if past.failure else None,
        advice=[line.strip() for line in say.pick(past.recovery).splitlines() if line.strip()],
        may_go_back=past == facts.history[0] and _may_go_back(facts, say),
    )


def ask_back(desk: Desk, visit: Visit) -> Response:
    facts = desk.facts()
    return (
        acting.ask(desk, visit, _act(desk.say(visit)))
        if _may_go_back(facts, desk.say(visit))
        else go_to("/update/history")
    )


def go_back(desk: Desk, visit: Visit) -> Response:
    desk.facts()
    say = desk.say(visit)
    if not acting.is_final(visit):
        return acting.ask(desk, visit, _act(say))
    try:
        desk.agent.act("go_back", person=visit.form.get("person", ""), pin=visit.form.get("pin", ""))
    except AgentRefused as refused:
        return acting.ask(desk, visit, _act(say), acting.words(refused, say))
    return go_to("/update")


def _act(say: Say) -> Act:
    return Act(
        title=say("Go back"),
        head=say("Back to the version before"),
        lines=[
            Line("good", "good", say("Every sale is kept"), say("The data are carried over to the version before")),
            Line("wait", "undo", say("It happens as soon as the till is free and settled")),
        ],
        path="/update/back",
        verb=say("Go back"),
        leave=say("Keep this version"),
        back="/update/history",
        style="choice",
    )


def _may_go_back(facts: Facts, say: Say) -> bool:
    last = next((past for past in facts.history if past.outcome is Outcome.COMMITTED), None)
    return facts.journey is None and last is not None and say.now - last.ended_at <= GO_BACK_WITHIN
