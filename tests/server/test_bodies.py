"""Bodies in front of Django: what is too large never reaches the disk, whoever sends it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from evertill.server.bodies import FORM_MOST_BYTES, UPLOADS, BoundedBodies

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

UPLOAD_MOST_BYTES = 4 * 1024 * 1024
PIECE = b"x" * 65536


@dataclass
class Exchange:
    """One request without an end, through the bound, to a door that reads all of it; what each side saw."""

    path: str
    token: str = ""
    claimed: int | None = None
    pieces: int = 10_000
    sent_bytes: int = 0
    taken_bytes: int = 0
    aborted: bool = False
    answers: list[Mapping[str, Any]] = field(default_factory=list)

    async def receive(self) -> dict[str, Any]:
        self.pieces -= 1
        if self.pieces < 0:
            return {"type": "http.disconnect"}
        self.sent_bytes += len(PIECE)
        return {"type": "http.request", "body": PIECE, "more_body": self.pieces > 0}

    async def send(self, message: Mapping[str, Any]) -> None:
        self.answers.append(message)

    async def door(
        self, _scope: Any, receive: Callable[[], Awaitable[dict[str, Any]]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.aborted = True
                return
            self.taken_bytes += len(message["body"])
            if not message["more_body"]:
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})

    def run(self) -> int:
        headers = [(b"authorization", f"Bearer {self.token}".encode())] if self.token else []
        if self.claimed is not None:
            headers.append((b"content-length", str(self.claimed).encode()))
        scope = {"type": "http", "method": "POST", "path": self.path, "headers": headers}
        bounded = BoundedBodies(self.door, lambda token: token == "good", UPLOAD_MOST_BYTES)
        asyncio.run(bounded(scope, self.receive, self.send))
        return int(self.answers[0]["status"])

    @property
    def said(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.answers[1]["body"])
        return found


@pytest.mark.parametrize("path", ["/sign-in/", "/api/v1/terminals", "/rollouts/new", "/nowhere"])
@pytest.mark.parametrize("token", ["", "good"])
def test_endless_form_is_cut_off_at_its_limit(path: str, token: str) -> None:
    sent = Exchange(path, token)

    assert sent.run() == 413
    assert sent.said["code"] == "BODY_TOO_LARGE"
    assert sent.aborted
    assert sent.taken_bytes <= FORM_MOST_BYTES
    assert sent.sent_bytes <= FORM_MOST_BYTES + len(PIECE)


def test_body_that_says_it_is_too_large_is_not_read_at_all() -> None:
    sent = Exchange("/sign-in/", claimed=FORM_MOST_BYTES + 1)

    assert sent.run() == 413
    assert (sent.sent_bytes, sent.taken_bytes) == (0, 0)


@pytest.mark.parametrize("token", ["", "invented"])
@pytest.mark.parametrize("claimed", [None, 50 * 1024 * 1024])
def test_strangers_upload_fills_no_disk_and_the_door_itself_answers(token: str, claimed: int | None) -> None:
    sent = Exchange(UPLOADS, token, claimed)

    assert sent.run() == 200  # whatever the door says to somebody it does not know
    assert (sent.sent_bytes, sent.taken_bytes) == (0, 0)


def test_endless_upload_of_somebody_known_is_cut_off_at_the_limit_of_an_artifact() -> None:
    sent = Exchange(UPLOADS, "good")

    assert sent.run() == 413
    assert UPLOAD_MOST_BYTES <= sent.sent_bytes <= UPLOAD_MOST_BYTES + 3 * len(PIECE)


def test_upload_of_a_fitting_size_passes_whole() -> None:
    sent = Exchange(UPLOADS, "good", pieces=UPLOAD_MOST_BYTES // len(PIECE))

    assert sent.run() == 200
    assert sent.taken_bytes == UPLOAD_MOST_BYTES
