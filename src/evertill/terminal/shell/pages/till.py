"""收款: the till's own pages, or, while there is no till, where the update is and when selling goes on."""

from collections.abc import Awaitable, Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from evertill.terminal.shell.agent_client import AgentAway
from evertill.terminal.shell.desk import Desk
from evertill.terminal.shell.till_proxy import PathRefused, TillAnswer, TillAway, TillRequest, fetch
from evertill.terminal.shell.visit import Visit, nobody
from evertill.terminal.shell.words import progress


def endpoint(desk: Desk) -> Callable[[Request], Awaitable[Response]]:
    async def pass_on(request: Request) -> Response:
        return await run_in_threadpool(_pass_on, desk, request, await request.body())

    return pass_on


def _pass_on(desk: Desk, request: Request, body: bytes) -> Response:
    path = request.scope["raw_path"].removeprefix(b"/till/")
    wanted = TillRequest(request.method, path, request.scope["query_string"], dict(request.headers), body)
    blank = nobody(request)
    try:
        return _passed_back(fetch(desk.till_run, wanted))
    except PathRefused:
        return desk.show(blank, "lost.html", status=404)
    except TillAway:
        return _no_till(desk, blank)


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
    return desk.show(visit, "no_till.html", status=503, facts=facts, progress=shown)
