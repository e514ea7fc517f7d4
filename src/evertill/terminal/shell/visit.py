"""One visit to a page: who asks for it (session), in which language and colours, and what a form said.

Rules kept here: a write belongs to a session this process began and carries that session's token; no cookie says anything but
session, language and theme; nothing typed is ever put into a cookie or a log. A token of an earlier process is refused: the
page is loaded again, nothing is done twice.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response

from evertill.protocol.errors import Language

SESSION: Final = "evertill_session"
LANGUAGE: Final = "evertill_language"
THEME: Final = "evertill_theme"
OWN_COOKIES: Final = frozenset({SESSION, LANGUAGE, THEME})
YEAR_S: Final = 365 * 24 * 3600
MAX_FIELDS: Final = 32
_SESSION = re.compile(r"[0-9a-f]{32}")

Theme = Literal["light", "dark"]


class VisitRefused(Exception):
    """A write without session or token: SESSION_MISSING, TOKEN_WRONG."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Visit:
    path: str
    session: str
    is_new: bool
    token: str
    language: Language
    theme: Theme
    query: dict[str, str]
    form: dict[str, str]

    def remember(self, response: Response) -> None:
        """Begin the session with this answer."""
        if self.is_new:
            keep(response, SESSION, self.session)


class Sessions:
    """Tokens are made of the session and a secret of this process, so nothing is kept."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def open(self, request: Request, body: bytes) -> Visit:
        """The visit behind a request.

        Raises:
            VisitRefused: it would write, and has no session or not its token.
        """
        known = request.cookies.get(SESSION, "")
        is_new = not _SESSION.fullmatch(known)
        session = secrets.token_hex(16) if is_new else known
        form = _fields(body.decode("utf-8", "replace"))
        token = self._token(session)
        if request.method == "POST":
            if is_new:
                raise VisitRefused("SESSION_MISSING")
            if not hmac.compare_digest(token.encode(), form.get("token", "").encode()):
                raise VisitRefused("TOKEN_WRONG")
        query = _fields(request.url.query)
        return Visit(request.url.path, session, is_new, token, language_of(request), theme_of(request), query, form)

    def blank(self, request: Request) -> Visit:
        """A fresh visit without anything a form said: for the page that says a write was refused."""
        session = secrets.token_hex(16)
        return Visit("/", session, True, self._token(session), language_of(request), theme_of(request), {}, {})

    def _token(self, session: str) -> str:
        return hmac.new(self._secret, session.encode(), hashlib.sha256).hexdigest()


def nobody(request: Request) -> Visit:
    """A look without a session, in the language and colours of whoever looks: nothing on such a page can be written."""
    return Visit(request.url.path, "", False, "", language_of(request), theme_of(request), {}, {})


def language_of(request: Request) -> Language:
    return "en" if request.cookies.get(LANGUAGE) == "en" else "zh"


def theme_of(request: Request) -> Theme:
    return "dark" if request.cookies.get(THEME) == "dark" else "light"


def keep(response: Response, name: str, value: str, *, for_s: int | None = None, path: str = "/") -> None:
    response.set_cookie(name, value, max_age=for_s, path=path, httponly=True, samesite="strict")


def _fields(text: str) -> dict[str, str]:
    """Of repeated fields the last one counts; more fields than any of our forms has say nothing."""
    try:
        return {
            name: values[-1]
            for name, values in parse_qs(text, keep_blank_values=True, max_num_fields=MAX_FIELDS).items()
        }
    except ValueError:
        return {}
