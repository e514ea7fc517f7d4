"""The screen as an application: which address shows which page, and what is shown when a page cannot be.

Rules kept here: one table says all there is; a page runs in a worker thread, so a slow agent delays nobody else; every dead end
gets a page with a way back to selling. Not here: who may call (`guard`), what a page says (`pages`).
"""

from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from typing import Any, Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from evertill.terminal.shell.agent_client import AgentAway
from evertill.terminal.shell.desk import Desk, SaleRunning
from evertill.terminal.shell.guard import Guard
from evertill.terminal.shell.looks import assets
from evertill.terminal.shell.pages import (
    closing,
    hanging,
    menu,
    modes,
    offers,
    past,
    restarting,
    support,
    till,
    updates,
)
from evertill.terminal.shell.visit import Sessions, Visit, VisitRefused, nobody

Page = Callable[..., Response]
GET: Final = ("GET",)
POST: Final = ("POST",)

PAGES: Final[tuple[tuple[str, tuple[str, ...], Page], ...]] = (
    ("/", GET, menu.home),
    ("/settings", GET, menu.settings),
    ("/language", POST, menu.set_language),
    ("/theme", POST, menu.set_theme),
    ("/support", GET, support.show),
    ("/update", GET, updates.show),
    ("/update/check", POST, updates.check),
    ("/update/confirm/{matter}", POST, updates.confirm),
    ("/update/mode", GET, modes.choose),
    ("/update/mode/{mode}", GET, modes.ask),
    ("/update/mode/{mode}", POST, modes.change),
    ("/update/off", GET, modes.confirmed_off),
    ("/update/release/{release:int}", GET, offers.show),
    ("/update/release/{release:int}/displayed", POST, offers.displayed),
    ("/update/release/{release:int}/{act}", GET, offers.ask),
    ("/update/release/{release:int}/{act}", POST, offers.act),
    ("/update/history", GET, past.history),
    ("/update/history/{journey}", GET, past.result),
    ("/update/back", GET, past.ask_back),
    ("/update/back", POST, past.go_back),
    ("/till-hangs", GET, hanging.ask),
    ("/till-hangs", POST, hanging.end),
    ("/restart", GET, restarting.show),
    ("/restart/{what}", GET, restarting.ask),
    ("/restart/{what}", POST, restarting.act),
    ("/closing", GET, closing.show),
    ("/closing/{choice}", POST, closing.choose),
)


def application(desk: Desk, hosts: Iterable[str]) -> ASGIApp:
    """`hosts`: the names with port under which this screen is called."""
    sessions = Sessions()
    routes = [Route(path, _endpoint(desk, sessions, page), methods=list(methods)) for path, methods, page in PAGES]
    routes += [
        Route("/till", lambda _: RedirectResponse("/till/", 303)),
        Route("/till/{page:path}", till.endpoint(desk), methods=["GET", "HEAD", "POST"]),
        Route("/look/{name}", asset),
        Route("/favicon.ico", lambda _: Response(status_code=204)),
    ]
    lost = _endpoint(desk, sessions, menu.lost)

    async def not_found(request: Request, error: Exception) -> Response:
        """No such page, or not for this method (then `Allow` says for which): nothing was done."""
        response = await lost(request)
        if isinstance(error, HTTPException) and response.status_code == HTTPStatus.NOT_FOUND:
            response.status_code = error.status_code
            response.headers.update(error.headers or {})
        return response

    async def bug(request: Request, _error: Exception) -> Response:
        return await run_in_threadpool(menu.broken, desk, nobody(request))

    return Guard(Starlette(routes=routes, exception_handlers={404: not_found, 405: not_found, 500: bug}), hosts)


def _endpoint(desk: Desk, sessions: Sessions, page: Page) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            visit = sessions.open(request, await request.body())
        except VisitRefused as refused:
            blank = sessions.blank(request)
            return _begun(blank, desk.show(blank, "stale.html", status=403, code=refused.code))
        return _begun(visit, await run_in_threadpool(_answer, desk, visit, page, request.path_params))

    return endpoint


def _answer(desk: Desk, visit: Visit, page: Page, params: dict[str, Any]) -> Response:
    try:
        return page(desk, visit, **params)
    except SaleRunning:
        return desk.show(visit, "sale.html")
    except AgentAway:
        return desk.show(visit, "away.html", status=503)
    except HTTPException:
        return menu.lost(desk, visit)


def _begun(visit: Visit, response: Response) -> Response:
    visit.remember(response)
    return response


async def asset(request: Request) -> Response:
    found = assets().get(request.path_params["name"])
    if found is None:
        raise HTTPException(404)
    return Response(
        found.body, media_type=found.content_type, headers={"Cache-Control": "public, max-age=31536000, immutable"}
    )
