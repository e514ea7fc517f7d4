"""Sending a stored file, or a part of it, to a client that may be slow, and noticing one that is gone.

Each chunk is read in a disk thread and handed over only when the client has taken the one before, so a slow client costs one open file and one chunk of memory, and
holds up nobody. One that takes nothing for too long is given up; what it has not got, it can resume.
"""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping
    from concurrent.futures import Executor
    from pathlib import Path

    from evertill.server.doors.device.answer import Headers
    from evertill.server.doors.device.ranges import Slice

    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

log = logging.getLogger(__name__)

CHUNK_BYTES: Final = 256 * 1024


class Stream:
    """One file on its way to one client."""

    def __init__(self, disk: Executor, receive: Receive, send: Send, stalled_after_s: float) -> None:
        self._disk = disk
        self._receive = receive
        self._send = send
        self._stalled_after_s = stalled_after_s

    async def head(self, part: Slice, headers: Headers) -> None:
        """Only what a GET would say."""
        await self._send({"type": "http.response.start", "status": part.status, "headers": headers})
        await self._send({"type": "http.response.body", "body": b""})

    async def body(self, path: Path, part: Slice, headers: Headers) -> None:
        """All of it, or as much as the client takes. Raises `OSError` before anything was sent when the file cannot be opened."""
        loop = asyncio.get_running_loop()
        handle = await loop.run_in_executor(self._disk, os.open, path, os.O_RDONLY | os.O_CLOEXEC)
        gone = asyncio.create_task(_client_gone(self._receive))
        try:
            await self._send({"type": "http.response.start", "status": part.status, "headers": headers})
            await self._chunks(handle, part, gone)
        except TimeoutError:
            log.info("a client took nothing for %s s: given up", self._stalled_after_s)
        finally:
            gone.cancel()
            with suppress(asyncio.CancelledError):
                await gone
            os.close(handle)

    async def _chunks(self, handle: int, part: Slice, gone: asyncio.Task[None]) -> None:
        """Ends early, leaving the answer cut, when the client is gone: the server then closes the connection."""
        loop = asyncio.get_running_loop()
        at, end = part.start, part.start + part.length
        if at == end:
            await self._send({"type": "http.response.body", "body": b""})
        while at < end:
            try:
                chunk = await loop.run_in_executor(self._disk, os.pread, handle, min(CHUNK_BYTES, end - at), at)
            except OSError:
                log.exception("a stored file cannot be read on")
                return
            if gone.done() or not chunk:
                return
            at += len(chunk)
            async with asyncio.timeout(self._stalled_after_s):
                await self._send({"type": "http.response.body", "body": chunk, "more_body": at < end})


async def _client_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
