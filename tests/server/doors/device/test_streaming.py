"""Streaming a stored file: exactly its bytes, and not one chunk more once the client is gone."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest

from evertill.server.doors.device.ranges import Slice
from evertill.server.doors.device.streaming import CHUNK_BYTES, Stream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTENT = bytes(range(256)) * 5000


class Client:
    """Takes chunks; hangs up after `hangs_up_after` of them."""

    def __init__(self, hangs_up_after: int = 10**9) -> None:
        self.left = hangs_up_after
        self.messages: list[dict[str, Any]] = []
        self.gone = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.messages.append(message)
        self.left -= message["type"] == "http.response.body"
        if self.left <= 0:
            self.gone.set()

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages)


@pytest.fixture
def disk() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    return path


def stream(disk: ThreadPoolExecutor, file: Path, part: Slice, hangs_up_after: int = 10**9) -> Client:
    async def run() -> Client:
        client = Client(hangs_up_after)
        await Stream(disk, client.receive, client.send, 5.0).body(file, part, [])
        return client

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("start", "length"), [(0, len(CONTENT)), (0, 1), (CHUNK_BYTES - 1, 2), (7, CHUNK_BYTES), (len(CONTENT) - 1, 1)]
)
def test_exactly_the_asked_bytes_are_sent_and_the_last_chunk_says_so(
    disk: ThreadPoolExecutor, file: Path, start: int, length: int
) -> None:
    client = stream(disk, file, Slice(HTTPStatus.PARTIAL_CONTENT, start, length))
    assert client.body == CONTENT[start : start + length]
    assert [message["more_body"] for message in client.messages[1:]] == [True] * (len(client.messages) - 2) + [False]


def test_an_empty_file_is_a_whole_answer(disk: ThreadPoolExecutor, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    client = stream(disk, empty, Slice(HTTPStatus.OK, 0, 0))
    assert [message["type"] for message in client.messages] == ["http.response.start", "http.response.body"]


def test_nothing_more_is_sent_to_a_client_that_hung_up(disk: ThreadPoolExecutor, file: Path) -> None:
    client = stream(disk, file, Slice(HTTPStatus.OK, 0, len(CONTENT)), hangs_up_after=1)
    assert len(client.body) == CHUNK_BYTES


def test_a_file_that_got_shorter_leaves_the_answer_cut(disk: ThreadPoolExecutor, file: Path) -> None:
    client = stream(disk, file, Slice(HTTPStatus.OK, 0, len(CONTENT) + 10))
    assert client.body == CONTENT
    assert client.messages[-1]["more_body"] is True
