"""收款程序停住了: ending a till that hangs, by name and PIN, so that another one starts; what is lost is named before."""

from starlette.responses import Response

from evertill.terminal.shell import acting
from evertill.terminal.shell.acting import Act, Line
from evertill.terminal.shell.agent_client import AgentRefused
from evertill.terminal.shell.desk import Desk, go_to
from evertill.terminal.shell.texts import Say
from evertill.terminal.shell.visit import Visit


def ask(desk: Desk, visit: Visit) -> Response:
    return acting.ask(desk, visit, _act(desk.say(visit))) if desk.facts().condition.may_end else go_to("/till/")


def end(desk: Desk, visit: Visit) -> Response:
    say = desk.say(visit)
    if not acting.is_final(visit):
        return acting.ask(desk, visit, _act(say))
    try:
        desk.agent.act("end_till", person=visit.form.get("person", ""), pin=visit.form.get("pin", ""))
    except AgentRefused as refused:
        return acting.ask(desk, visit, _act(say), acting.words(refused, say))
    return go_to("/till/")


def _act(say: Say) -> Act:
    return Act(
        title=say("Start the till again"),
        head=say("The till hangs: end it and start it again"),
        lines=[
            Line("good", "good", say("Every sale with a receipt is kept")),
            Line(
                "need",
                "need",
                say("A sale that was being made is given up"),
                say("Look for its receipt first; without one, make it again"),
            ),
        ],
        path="/till-hangs",
        verb=say("Start again"),
        leave=say("Wait"),
        back="/till/",
        style="choice",
    )
