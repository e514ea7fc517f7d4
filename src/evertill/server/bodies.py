"""How much of a request's body Django gets to see: it spools a body to the disk before any of our code runs.

Rules kept here: a form or a JSON body is at most 1 MiB; an upload may be as large as an artifact may be, and only for somebody whose
token is good, so that strangers fill no disk. A body that says it is larger is refused unread, one that turns out to be is cut off.
Who may do what with an upload is decided behind this.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from asgiref.sync import sync_to_async

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    Scope = dict[str, Any]
    Receive = Callable[[], Awaitable[Mapping[str, Any]]]
    Send = Callable[[Mapping[str, Any]], Awaitable[None]]
    App = Callable[[Any, Any, Any], Awaitable[None]]

FORM_MOST_BYTES: Final = 1024 * 1024
UPLOADS: Final = "/api/v1/artifacts"
_FRAME_BYTES: Final = 64 * 1024  # of a multipart form around the file


class BoundedBodies:
    """ASGI application in front of Django. `knows` says whether a token opens anything."""

    def __init__(self, door: App, knows: Callable[[str], bool], upload_most_bytes: int) -> None:
        self._door, self._knows = door, sync_to_async(knows)
        self._upload_most_bytes = upload_most_bytes + _FRAME_BYTES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        most_bytes = FORM_MOST_BYTES
        if scope["path"] == UPLOADS and scope["method"] == "POST":
            if not await self._knows(_token(headers)):
                await self._door(scope, _Nothing(receive), send)  # it says so itself, and counts it
                return
            most_bytes = self._upload_most_bytes
        if _claimed_bytes(headers) > most_bytes:
            await _refuse(send, most_bytes)
            return
        body = _Counted(receive, most_bytes)
        answer = _Watched(send)
        await self._door(scope, body, answer)
        if body.too_large and not answer.started:
            await _refuse(send, most_bytes)


class _Counted:
    """Hands the body on until it is too large; then the client is gone, as far as the door knows."""

    def __init__(self, receive: Receive, most_bytes: int) -> None:
        self._receive, self._left_bytes = receive, most_bytes
        self.too_large = False

    async def __call__(self) -> Mapping[str, Any]:
        message = await self._receive()
        self._left_bytes -= len(message.get("body", b""))
        if self._left_bytes < 0:
            self.too_large = True
            return {"type": "http.disconnect"}
        return message


class _Watched:
    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False

    async def __call__(self, message: Mapping[str, Any]) -> None:
        self.started = True
        await self._send(message)


class _Nothing:
    """An empty body, whatever is sent; after it only the client's end is told."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._told = False

    async def __call__(self) -> Mapping[str, Any]:
        if not self._told:
            self._told = True
            return {"type": "http.request", "body": b"", "more_body": False}
        while (message := await self._receive())["type"] != "http.disconnect":
            pass
        return message


def _token(headers: Mapping[bytes, bytes]) -> str:
    scheme, _space, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    return token if scheme.lower() == "bearer" else ""


def _claimed_bytes(headers: Mapping[bytes, bytes]) -> int:
    said = headers.get(b"content-length", b"0")
    return int(said) if said.isdigit() else 0


async def _refuse(send: Send, most_bytes: int) -> None:
    said = {
        "code": "BODY_TOO_LARGE",
        "message": f"This body is larger than {most_bytes} bytes.",
        "next_step": "Send less.",
        "params": {"most_bytes": str(most_bytes)},
    }
    body = json.dumps(said).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
