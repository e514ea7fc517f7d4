"""What every request must be before any page sees it: from this screen's own browser, whole, small and unambiguous.

Rules kept here: only our own host and port by name (a rebound name is another host); whatever another page sends is refused, read or
write; a write names its origin; no request whose length could be read in two ways; at most `MAX_BODY_BYTES`. Answers carry the
headers that keep a page from being framed, sniffed or kept. Not here: sessions and tokens of forms (`visit`).
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Final, NamedTuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES: Final = 16_384  # as much as the till takes
DRAIN_BYTES: Final = 1024 * 1024  # of what is refused anyway
DRAIN_S: Final = 1.0
METHODS: Final = frozenset({"GET", "HEAD", "POST"})
READING: Final = frozenset({"GET", "HEAD"})
OWN_SITE: Final = frozenset({b"same-origin", b"none"})  # Fetch metadata: our page, or the address bar
CONTENT_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_ALWAYS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
_UNLESS_SAID: Final = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", CONTENT_POLICY.encode()),
)
PAGE: Final = """<!doctype html><html lang="zh-Hans"><meta charset="utf-8"><title>{code}</title>
<h1>这个请求没有执行</h1><p>收款不受影响。请回到<a href="/">主菜单</a>再试。</p>
<p lang="en">This request was not carried out. Selling goes on. <a href="/">Main menu</a></p><p>{code}</p></html>
"""


class Refusal(NamedTuple):
    status: int
    code: str


class Guard:
    """An ASGI application around another one. `hosts`: the names with port under which this screen is called."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = frozenset(host.encode() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return  # websockets get no answer: nothing here speaks them
        guarded = _with_headers(send)
        refusal = self.refusal(scope)
        body = b""
        if refusal is None and scope["method"] not in READING:
            received = await _body(receive, MAX_BODY_BYTES)
            if received is None:
                return  # cut off in the middle: nobody is there to answer, and half a form says nothing
            body = received
            refusal = Refusal(413, "BODY_TOO_LARGE") if len(body) > MAX_BODY_BYTES else None
        if refusal is not None:
            await _refuse(receive, guarded, refusal)
            return
        await self._app(scope, _replay(body), guarded)

    def refusal(self, scope: Scope) -> Refusal | None:
        """What is wrong with the head of a request; None = nothing."""
        if scope["method"] not in METHODS:
            return Refusal(405, "METHOD_UNKNOWN")
        return self._wrong_length(scope) or self._wrong_place(scope)

    def _wrong_length(self, scope: Scope) -> Refusal | None:
        lengths = _values(scope, b"content-length")
        if _values(scope, b"transfer-encoding") or len(lengths) > 1:
            return Refusal(400, "LENGTH_AMBIGUOUS")
        if lengths and not lengths[0].isdigit():
            return Refusal(400, "LENGTH_AMBIGUOUS")
        if lengths and int(lengths[0]) > MAX_BODY_BYTES:
            return Refusal(413, "BODY_TOO_LARGE")
        return None

    def _wrong_place(self, scope: Scope) -> Refusal | None:
        hosts, origins = _values(scope, b"host"), _values(scope, b"origin")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts or not scope["raw_path"].startswith(b"/"):
            return Refusal(421, "HOST_FOREIGN")
        if any(origin.lower() != b"http://" + hosts[0].lower() for origin in origins):
            return Refusal(403, "ORIGIN_FOREIGN")
        if any(site not in OWN_SITE for site in _values(scope, b"sec-fetch-site")):
            return Refusal(403, "ORIGIN_FOREIGN")
        if scope["method"] not in READING and len(origins) != 1:
            return Refusal(403, "ORIGIN_MISSING")
        return None


def _values(scope: Scope, name: bytes) -> list[bytes]:
    return [value for key, value in scope["headers"] if key == name]


async def _body(receive: Receive, most_bytes: int) -> bytes | None:
    """The body, or more than `most_bytes` of it; None when the other side went away before its end."""
    body = b""
    while len(body) <= most_bytes:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    return body


def _replay(body: bytes) -> Receive:
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return messages.pop() if messages else {"type": "http.disconnect"}

    return receive


def _with_headers(send: Send) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            said = {key.lower() for key, _ in message.get("headers", [])}
            extra = [*_ALWAYS, *(pair for pair in _UNLESS_SAID if pair[0] not in said)]
            message = {**message, "headers": [*message.get("headers", []), *extra]}
        await send(message)

    return guarded


async def _refuse(receive: Receive, send: Send, refusal: Refusal) -> None:
    """The page of a refusal. What is still coming is read first: a connection closed on unread bytes takes the answer with it."""
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_S):
            await _body(receive, DRAIN_BYTES)
    page = PAGE.format(code=refusal.code).encode()
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", str(len(page)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": page})
