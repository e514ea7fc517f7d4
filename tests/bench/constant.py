"""The least an ASGI application can do: what the bench of polls subtracts in thought. Served by the same granian, it shows how fast this machine is at this minute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

BODY: Final = b'{"config":{"polling":{"sleep":"00:05:00"}},"_links":{}}'
HEADERS: Final = [(b"content-type", b"application/hal+json"), (b"content-length", b"%d" % len(BODY))]


async def application(
    scope: dict[str, Any], receive: Callable[[], Awaitable[dict[str, Any]]], send: Callable[[Any], Awaitable[None]]
) -> None:
    if scope["type"] != "http":
        for _turn in ("startup", "shutdown"):
            await send({"type": f"{(await receive())['type']}.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})
