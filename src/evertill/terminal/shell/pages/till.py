"""收款: the till's own pages, or, while there is no till, where the update is and when selling goes on."""

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from evertill.terminal.shell.agent_client import AgentAway
from evertill.terminal.shell.cards import card
from evertill.terminal.shell.desk import Desk
from evertill.terminal.shell.facts import ConditionFacts, Facts
from evertill.terminal.shell.pages.closing import waiting
from evertill.terminal.shell.till_proxy import PathRefused, TillAnswer, TillAway, TillRequest, fetch
from evertill.terminal.shell.visit import Visit, nobody
from evertill.terminal.shell.words import progress

SIGN_IN: Final = b"sign-in"  # where a notice may stand (till/CONTRACT.md, 6)
AFTER_WORK: Final = frozenset({SIGN_IN, b"settle"})  # the till's pages on which closing time is near
OFFER_TIMEOUT_S: Final = 0.3


def endpoint(desk: Desk) -> Callable[[Request], Awaitable[Response]]:
    async def pass_on(request: Request) -> Response:
        return await run_in_threadpool(_pass_on, desk, request, await request.body())

    return pass_on


def _pass_on(desk: Desk, request: Request, body: bytes) -> Response:
    path = request.scope["raw_path"].removeprefix(b"/till/")
    facts = _soon(desk) if request.method == "GET" and path in AFTER_WORK else None
    wanted = TillRequest(
        request.method,
        path,
        request.scope["query_string"],
        dict(request.headers),
        body,
        update_notice=desk.notices.due(facts, desk.clock()) if facts and path == SIGN_IN else "",
        closing_offer=_closing_offer(desk, facts) if facts else "",
    )
    blank = nobody(request)
    try:
        answer = fetch(desk.till_run, wanted)
        if wanted.update_notice and answer.noticed:
            desk.notices.shown(desk.clock())
        return _passed_back(answer)
    except PathRefused:
        return desk.show(blank, "lost.html", status=404)
    except TillAway:
        return _no_till(desk, blank)


def _soon(desk: Desk) -> Facts | None:
    """An agent that is slow or away offers nothing and delays nobody."""
    try:
        return desk.agent.facts(OFFER_TIMEOUT_S)
    except AgentAway:
        return None


def _closing_offer(desk: Desk, facts: Facts) -> str:
    """The version that waits for this evening."""
    found = waiting(facts) if desk.closing.wish is None else None
    return found[1] if found else ""


def _passed_back(answer: TillAnswer) -> Response:
    response = Response(answer.body, answer.status)
    for name, value in answer.headers:
        response.headers.append(name, value)
    return response


def _no_till(desk: Desk, visit: Visit) -> Response:
    try:
        facts = desk.agent.facts()
    except AgentAway:
        facts = None
    journey = facts.journey if facts else None
    shown = progress(facts, desk.say(visit)) if facts and journey else None
    condition = facts.condition if facts else ConditionFacts()
    broken = card(condition.reasons, condition.next_at, desk.say(visit)) if condition.reasons else None
    return desk.show(
        visit, "no_till.html", status=503, facts=facts, progress=shown, broken=broken, may_end=condition.may_end
    )
