"""What polls leave behind, written in batches: when each terminal was last seen, and how many strangers were turned away.

A crash loses at most the last batch; that is accepted for these two and for nothing else (docs/architecture.md).
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from evertill.server.rooms.audit import service as audit
from evertill.server.rooms.fleet import service as fleet
from evertill.server.rooms.kernel.errors import Refused

if TYPE_CHECKING:
    from datetime import datetime

    from evertill.server.doors.device.threads import DatabaseThreads
    from evertill.server.rooms.kernel.clock import Clock

log = logging.getLogger(__name__)
DOOR = "device"


class Tally:
    """Gathers in the loop, writes from a thread."""

    def __init__(self, threads: DatabaseThreads, clock: Clock, every_s: float) -> None:
        self._threads = threads
        self._clock = clock
        self._every_s = every_s
        self._seen: dict[int, tuple[datetime, str | None]] = {}
        self._strangers: dict[str, int] = {}
        self._task: asyncio.Task[None] | None = None

    def seen(self, terminal_id: int, now: datetime, address: str | None) -> None:
        self._seen[terminal_id] = (now, address)

    def stranger(self, code: str) -> None:
        self._strangers[code] = self._strangers.get(code, 0) + 1

    def start(self) -> None:
        self._task = asyncio.create_task(self._write_on(), name="device-door-tally")

    async def stop(self) -> None:
        """Writes what is left."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self.write()

    async def write(self) -> None:
        """One batch. What cannot be written now is kept for the next time, unless something newer has come."""
        seen, self._seen = self._seen, {}
        strangers, self._strangers = self._strangers, {}
        if not seen and not strangers:
            return
        try:
            await self._threads.run(_write, seen, strangers, self._clock())
        except Refused as problem:
            log.warning("last polls are kept for later: %s", problem)
            self._seen = seen | self._seen
            for code, times in strangers.items():
                self._strangers[code] = self._strangers.get(code, 0) + times

    async def _write_on(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self.write()
            except Exception:
                log.exception(
                    "a batch of last polls is lost"
                )  # the boundary of this task: a bug costs one batch, not all that follow


def _write(seen: dict[int, tuple[datetime, str | None]], strangers: dict[str, int], now: datetime) -> None:
    if seen:
        fleet.note_seen([(terminal_id, at, address) for terminal_id, (at, address) in seen.items()])
    for code, times in strangers.items():
        audit.count_anonymous(DOOR, code, now, times)
