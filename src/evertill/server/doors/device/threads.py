"""Where rooms' services run: a few threads, each with its own Django connection. The loop itself never waits for the database's writers."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from django.db import InterfaceError, OperationalError, close_old_connections, connections

from evertill.server.doors.device.errors import DatabaseAway
from evertill.server.doors.device.standing import RETRY_AFTER_S

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")


class DatabaseThreads:
    """Runs one call of a room in a thread; connections are kept for the next call as long as they are good."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="device-door")

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Raises what `work` raises, and `DatabaseAway` where the database does not answer."""
        return await asyncio.get_running_loop().run_in_executor(
            self._pool, lambda: _with_connection(work, *args, **kwargs)
        )

    def close(self) -> None:
        """Ends the threads and each one's connection; waits for what runs."""
        together = Barrier(self._count)
        for _ in range(self._count):
            self._pool.submit(_close_connection, together)
        self._pool.shutdown(wait=True)


def _with_connection(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    close_old_connections()
    try:
        return work(*args, **kwargs)
    except (OperationalError, InterfaceError) as problem:
        raise DatabaseAway(retry_after_s=RETRY_AFTER_S) from problem
    finally:
        close_old_connections()


def _close_connection(together: Barrier) -> None:
    """Every thread of the pool meets here once, so each closes its own."""
    try:
        together.wait(timeout=30)
    finally:
        connections.close_all()
