"""Which pages there are, and what happens around each: session, language, token, who may see it, refusals in words.

One request at a time: a till has one screen, and what is half typed must not be changed from two sides.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from till.counter import Counter, Mode
from till.errors import Refused
from till.journal import operators
from till.pages import layout
from till.pages.all import PAGES
from till.pages.http import Request, Response, as_json, go_to, set_cookie
from till.pages.markup import Markup, fill
from till.pages.page import Page, Who
from till.pages.sessions import Sessions
from till.pages.visit import Place, Visit
from till.texts import LANGUAGES, Say

if TYPE_CHECKING:
    from till.features import Feature

SESSION_COOKIE, LANGUAGE_COOKIE = "till_session", "till_language"
ASSETS = {
    "tokens.css": "text/css; charset=utf-8",
    "till.css": "text/css; charset=utf-8",
    "pad.js": "text/javascript; charset=utf-8",
}


class Site:
    """All pages of this version."""

    def __init__(
        self,
        counter: Counter,
        version: str,
        features: "Sequence[Feature]",
        place: Place,
        state: Callable[[], Mapping[str, object]],
    ) -> None:
        self.counter = counter
        self.state = state
        self.sessions = Sessions(counter.clock)
        self._version = version
        self._features = features
        self._place = place
        self._pages = {**PAGES, **{name: page for feature in features for name, page in feature.pages.items()}}
        self._turn = threading.Lock()

    def answer(self, request: Request) -> Response:
        """The answer to any request."""
        if request.page in ASSETS:
            return _asset(request.page)
        if request.page == "api/state":
            return as_json(self.state())
        say = Say(request.cookies.get(LANGUAGE_COOKIE, "zh"))
        if self.counter.mode is Mode.PROVING:
            return layout.checking(say, self._version)
        if request.page == "language":
            return _language(request)
        with self._turn:
            return self._page(request, say)

    def _page(self, request: Request, say: Say) -> Response:
        session = self.sessions.find(request.cookies.get(SESSION_COOKIE, "")) or self.sessions.open()
        till = (self.counter, self._features, self._version, self._place, self.state)
        visit = Visit(request, session, self.sessions, say, *till)
        response = self._visited(visit)
        if visit.session.id != request.cookies.get(SESSION_COOKIE):
            set_cookie(response, SESSION_COOKIE, visit.session.id)
        return response

    def _visited(self, visit: Visit) -> Response:
        page = self._pages.get(visit.request.page)
        if page is None:
            visit.problem = Refused("PAGE_UNKNOWN")
            return _nothing_here(visit)
        if (elsewhere := self._elsewhere(visit, page)) is not None:
            return elsewhere
        try:
            if visit.request.method != "POST" or page.act is None:
                return page.show(visit)
            if not visit.session.trusts(visit.form.get("csrf", "")):
                raise Refused("CSRF_WRONG")  # noqa: TRY301 (answered like every refusal)
            return page.act(visit)
        except Refused as refused:
            visit.problem = refused
        try:
            return page.show(visit)
        except Refused:  # the page itself cannot be shown for the same reason
            return _nothing_here(visit)

    def _elsewhere(self, visit: Visit, page: Page) -> Response | None:
        """Where somebody has to go first: set-up, sign-in."""
        name = visit.request.page
        with self.counter.journal.reading() as db:
            enrolled = {operator.number for operator in operators.everyone(db)}
        if not {operators.ADMIN, operators.SUPERVISOR} <= enrolled:
            return None if name == "setup" else go_to("setup")
        if name == "setup":
            return go_to("sign-in")
        operator = visit.session.operator
        if operator is not None and operator.number not in enrolled:
            visit.session.operator = operator = None
        if page.who is not Who.ANYBODY and operator is None:
            return go_to("sign-in")
        if page.who is Who.SUPERVISOR and operator is not None and operator.role == "cashier":
            visit.problem = Refused("NOT_ALLOWED")
            return _nothing_here(visit)
        return None


def _asset(name: str) -> Response:
    content = (Path(__file__).parent.parent / "assets" / name).read_bytes()
    return Response(200, content, ASSETS[name], [("Cache-Control", "no-cache")])


def _language(request: Request) -> Response:
    """Remembers the language and goes back to one of our own pages."""
    back = request.query.get("back", "")
    safe = back.replace("?number=", "").replace("-", "").isalnum() and back.isascii()
    response = go_to(back if safe else "sale")
    if (to := request.query.get("to", "")) in LANGUAGES:
        set_cookie(response, LANGUAGE_COOKIE, to)
    return response


def _nothing_here(visit: Visit) -> Response:
    way_back = fill('<a class="button main wide" href="sale">{text}</a>', text=visit.say("Back to selling"))
    return layout.show(visit, visit.say("Till"), Markup(), way_back, back="sale")
