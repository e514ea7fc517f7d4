"""A request's body: bounded in size and time, JSON, decoded into one of the protocol's messages.

A body over the limit is refused as soon as that is known, by its declared length or by what has come; what a client still sends is not read.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from evertill.server.doors.device.errors import BodyInvalid, BodyTooLarge, BodyTooSlow, HeaderInvalid, MediaUnknown

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping

    from evertill.server.limits import DoorLimits

Message = TypeVar("Message")

LENGTH_DIGITS_MOST = 18  # more than any number a client could mean
_JSON = frozenset(("application/json", "application/hal+json"))


class ClientGoneError(Exception):
    """The client hung up before its body was complete: there is nobody to answer."""


def require_json(headers: Mapping[str, str]) -> None:
    """Raises `MediaUnknown` for a body that says it is something else; one that says nothing is taken as JSON."""
    media = headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if media not in _JSON:
        raise MediaUnknown


async def read(
    headers: Mapping[str, str], receive: Callable[[], Awaitable[MutableMapping[str, Any]]], limits: DoorLimits
) -> bytes:
    """The whole body. Raises `BodyTooLarge`, `BodyTooSlow`, `HeaderInvalid`, `ClientGoneError`."""
    declared = headers.get("content-length", "0")
    if not (declared.isascii() and declared.isdigit()):
        raise HeaderInvalid(header="Content-Length", problem="not a number")
    if len(declared) > LENGTH_DIGITS_MOST or int(declared) > limits.body_bytes:
        raise BodyTooLarge(most_bytes=limits.body_bytes)
    try:
        async with asyncio.timeout(limits.body_within_s):
            return await _collect(receive, limits.body_bytes)
    except TimeoutError:
        raise BodyTooSlow(within_s=round(limits.body_within_s)) from None


async def _collect(receive: Callable[[], Awaitable[MutableMapping[str, Any]]], most: int) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        body += message.get("body", b"")
        if len(body) > most:
            raise BodyTooLarge(most_bytes=most)
        if not message.get("more_body"):
            return bytes(body)


def decode(body: bytes, kind: type[Message]) -> Message:
    """The message in a body; unknown fields are ignored. Raises `BodyInvalid`, which says where the trouble is."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise BodyInvalid(problem=str(problem)[:200]) from None
