"""What goes back: JSON with an ETag, plain text, or hawkBit's error body with our code in it."""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from django.utils import translation

from evertill.protocol.ddi import ErrorAnswer
from evertill.server.doors.device.errors import AnswerNotAcceptable, DoorRefused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping

    from evertill.server.rooms.kernel.errors import Refused

Headers = list[tuple[bytes, bytes]]

_ENCODER = msgspec.json.Encoder()
_HAL = (b"content-type", b"application/hal+json")
_JSON = (b"content-type", b"application/json")
PRIVATE = (b"cache-control", b"private, no-cache")
_TAKES_JSON = frozenset(("*/*", "application/*", "application/json", "application/hal+json"))


class Answer(NamedTuple):
    """A whole answer; `headers` without its length."""

    status: int
    body: bytes
    headers: Headers


DONE = Answer(200, b"", [])  # every act that succeeds: foreign clients take 200 alone as success (DDI facts §4)


def json(value: Any) -> Answer:
    """An answer whose ETag is its content's."""
    body = _ENCODER.encode(value)
    etag = hashlib.sha256(body).hexdigest()[:32].encode()
    return Answer(200, body, [_HAL, PRIVATE, (b"etag", b'"%b"' % etag)])


def refused(refusal: Refused) -> Answer:
    """hawkBit's error body; `errorCode` is our code, the sentence is English."""
    with translation.override("en"):
        said = ErrorAnswer(
            exception_class=type(refusal).__name__,
            error_code=refusal.code,
            message=f"{refusal} {refusal.todo}".strip(),
            info={name: str(value) for name, value in refusal.params.items()} or None,
        )
    headers: Headers = [_JSON, PRIVATE]
    if isinstance(refusal, DoorRefused):
        headers += refusal.headers()
    if refusal.status == HTTPStatus.UNAUTHORIZED:
        headers.append((b"www-authenticate", b"TargetToken"))
    return Answer(refusal.status, _ENCODER.encode(said), headers)


def text(body: str, headers: Headers) -> Answer:
    return Answer(200, body.encode(), [(b"content-type", b"text/plain;charset=UTF-8"), *headers])


def require_acceptable(headers: Mapping[str, str]) -> None:
    """Raises `AnswerNotAcceptable` for a client that would not take JSON."""
    accept = headers.get("accept") or "*/*"
    if accept not in _TAKES_JSON and not any(
        part.partition(";")[0].strip().lower() in _TAKES_JSON for part in accept.split(",")
    ):
        raise AnswerNotAcceptable


def unchanged(answer: Answer, headers: Mapping[str, str]) -> Answer:
    """The answer, or 304 without a body when the client knows this very content."""
    known = headers.get("if-none-match")
    if known is None or answer.status != HTTPStatus.OK:
        return answer
    etag = next((value for name, value in answer.headers if name == b"etag"), b"").decode()
    if etag and etag in {tag.strip().removeprefix("W/") for tag in known.split(",")}:
        return Answer(304, b"", [(b"etag", etag.encode()), PRIVATE])
    return answer


async def send_answer(
    answer: Answer,
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    *,
    head: bool = False,
    close: bool = False,
) -> None:
    """Sends it; `head`: without the body; `close`: the connection ends with it, for its body was not read."""
    headers = answer.headers
    if answer.status != HTTPStatus.NOT_MODIFIED:
        headers = [*headers, (b"content-length", b"%d" % len(answer.body))]
    if close:
        headers = [*headers, (b"connection", b"close")]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else answer.body})
