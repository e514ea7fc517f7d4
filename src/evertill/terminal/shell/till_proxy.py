"""`/till/…`: the till's pages, fetched from `till.sock` and passed on (till/CONTRACT.md, section 6).

Rules kept here: a path is one plain segment (or `api/state`), never a way out of the till; the request is built anew from the few
headers the contract names, so nothing a browser sends can become a second request; the screen's own cookies never reach the
till, and the till's never leave `/till/`; a redirect stays relative. No till, or one that answers in other words: `TillAway`.
"""

import re
import socket
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Final, NamedTuple

from evertill.terminal.lines import Unreachable, connect
from evertill.terminal.shell.visit import OWN_COOKIES

ANSWER_TIMEOUT_S: Final = 10.0
NOTICE: Final = "Update-Notice"
MOST_OFFER: Final = 64  # characters, as the contract says
MAX_ANSWER_BYTES: Final = 2 * 1024 * 1024
PASSED_BACK: Final = ("Content-Type", "Cache-Control", "Content-Security-Policy")
_PATH = re.compile(rb"(?!\.)[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}|api/state|")
_QUERY = re.compile(rb"[A-Za-z0-9._~!$&'()*+,;=:@/?%-]{0,1024}")
_TOKEN = re.compile(r"[\x20-\x7e]{0,4096}")
_LOCATION = re.compile(r"(?:\.\./)?[A-Za-z0-9._-]*(?:\?[A-Za-z0-9._~&=%+-]*)?")


class TillAway(Exception):
    """No till answers its pages."""


class PathRefused(Exception):
    """No page of the till has such a path."""


class TillRequest(NamedTuple):
    """`path`, `query`: as they came over the wire, without `/till/` and the question mark."""

    method: str
    path: bytes
    query: bytes
    headers: dict[str, str]  # names in lower case
    body: bytes
    update_notice: str = ""  # the version whose notice is due
    closing_offer: str = ""  # the version that waits for closing time; the screen's own word, never the browser's


class TillAnswer(NamedTuple):
    status: int
    headers: list[tuple[str, str]]
    body: bytes
    noticed: bool = False  # it shows the notice


def fetch(run: Path, request: TillRequest) -> TillAnswer:
    """The till's answer.

    Raises:
        PathRefused: nothing was sent.
        TillAway: nobody answered, or not as agreed.
    """
    head = _head(request)
    try:
        with connect(run / "till.sock", ANSWER_TIMEOUT_S) as connection:
            connection.sendall(head + request.body)
            return _answer(connection, request.method)
    except (Unreachable, OSError, HTTPException, ValueError) as error:
        raise TillAway(str(error)) from error


def _head(request: TillRequest) -> bytes:
    if not _PATH.fullmatch(request.path) or not _QUERY.fullmatch(request.query):
        raise PathRefused(request.path)
    target = b"/" + request.path + (b"?" + request.query if request.query else b"")
    lines = [b"%s %s HTTP/1.0" % (request.method.encode(), target), b"Host: till"]
    lines += [f"{name}: {value}".encode() for name, value in _passed_on(request).items()]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _passed_on(request: TillRequest) -> dict[str, str]:
    """What the till hears of the request's headers; a value with anything unprintable in it is left out."""
    said = {"Cookie": _tills_cookies(request.headers.get("cookie", ""))}
    said |= {name: request.headers.get(name.lower(), "") for name in ("Content-Type", "Accept-Language")}
    said["Closing-Offer"] = request.closing_offer[:MOST_OFFER]
    said[NOTICE] = request.update_notice[:MOST_OFFER]
    kept = {name: value for name, value in said.items() if value and _TOKEN.fullmatch(value)}
    if request.method == "POST":
        kept["Content-Length"] = str(len(request.body))
    return kept


def _tills_cookies(cookies: str) -> str:
    pairs = (pair.strip() for pair in cookies.split(";"))
    return "; ".join(pair for pair in pairs if pair and pair.partition("=")[0] not in OWN_COOKIES)


def _answer(connection: socket.socket, method: str) -> TillAnswer:
    response = HTTPResponse(connection, method=method)
    try:
        response.begin()
        body = response.read(MAX_ANSWER_BYTES + 1)
        if len(body) > MAX_ANSWER_BYTES:
            raise TillAway("its page is too large")
        headers = [(name, value) for name in PASSED_BACK if (value := response.headers.get(name))]
        headers += [("Set-Cookie", _kept_below(each)) for each in response.headers.get_all("Set-Cookie", [])]
        if (location := response.headers.get("Location")) is not None:
            headers.append(("Location", _checked(location)))
        return TillAnswer(response.status, headers, body, response.headers.get(NOTICE) == "shown")
    finally:
        response.close()


def _kept_below(cookie: str) -> str:
    """The till's cookie, valid for the till's pages only."""
    first, *rest = (part.strip() for part in cookie.split(";"))
    if first.partition("=")[0] in OWN_COOKIES:
        raise TillAway("it sets a cookie of the screen's")
    return "; ".join(
        [first, *(part for part in rest if not part.lower().startswith(("path=", "domain="))), "Path=/till/"]
    )


def _checked(location: str) -> str:
    if not _LOCATION.fullmatch(location):
        raise TillAway("it redirects out of its pages")
    return location
