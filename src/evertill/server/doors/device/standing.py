"""Reading standing on the door's own connections: no ORM, no thread, no cache.

On SQLite one point read runs inline in the loop (10 µs; a thread costs more than the query). On PostgreSQL the polls that arrive while a query is in flight share the
next one, by `= ANY` (docs/architecture.md: measured against six other ways). Nothing here writes, and nothing is remembered between polls.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import quote

from django.db import connections

from evertill.server.doors.device.errors import DatabaseAway
from evertill.server.rooms.rollouts.queries import STANDING_SQL_POSTGRES, STANDING_SQL_SQLITE, StandingRow

if TYPE_CHECKING:
    import psycopg

log = logging.getLogger(__name__)

RETRY_AFTER_S: Final = 30
_MAPPED_BYTES: Final = (
    1 << 30
)  # pages are read where they lie, not copied: 1 µs of a poll; a file longer than this is read as usual
_READERS: Final = 2  # while one query is in flight, the next batch can already start
_BATCH: Final = 500
_RECONNECT_S: Final = 1.0
_CONNECT_TIMEOUT_S: Final = 5
_CLOSED_WITHIN_S: Final = _CONNECT_TIMEOUT_S + 1.0  # then only a query that hangs is left


class Standings(Protocol):
    """Standing rows by serial, for as long as it is open."""

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def of(self, serial: str) -> StandingRow | None:
        """None: no such terminal. Raises `DatabaseAway`."""


def for_database() -> Standings:
    """The reader of the database that Django is configured with."""
    settings: dict[str, Any] = connections["default"].settings_dict
    if connections["default"].vendor == "sqlite":
        return SqliteStandings(str(settings["NAME"]))
    return PostgresStandings(settings)


class SqliteStandings:
    """A read-only connection, used in the loop's own thread."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._database: sqlite3.Connection | None = None
        self._cursor: sqlite3.Cursor | None = None

    async def open(self) -> None:
        self._database = sqlite3.connect(
            f"file:{quote(self._path)}?mode=ro", uri=True, isolation_level=None, timeout=0.25
        )
        self._cursor = self._database.execute(f"PRAGMA mmap_size={_MAPPED_BYTES}")

    async def close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = self._cursor = None

    async def of(self, serial: str) -> StandingRow | None:
        if self._cursor is None:
            raise DatabaseAway(retry_after_s=RETRY_AFTER_S)
        try:
            row = self._cursor.execute(STANDING_SQL_SQLITE, (serial,)).fetchone()
        except sqlite3.OperationalError:
            log.exception("standing cannot be read")
            raise DatabaseAway(retry_after_s=RETRY_AFTER_S) from None
        return None if row is None else StandingRow._make(row)


class PostgresStandings:
    """Two connections that take turns at whatever polls have gathered meanwhile."""

    def __init__(self, settings: dict[str, Any]) -> None:
        named = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
        self._words: dict[str, Any] = {word: settings[name] for word, name in named.items() if settings.get(name)}
        self._words |= {"connect_timeout": _CONNECT_TIMEOUT_S} | settings.get("OPTIONS", {})
        self._connected = 0
        self._waiting: dict[str, list[asyncio.Future[StandingRow | None]]] = {}
        self._arrived = asyncio.Event()
        self._closing = asyncio.Event()
        self._readers: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        self._readers = [asyncio.create_task(self._read_on(), name=f"standing-{number}") for number in range(_READERS)]

    async def close(self) -> None:
        """Waits until both connections are given back. A reader is not cancelled while it connects: psycopg would leave that connection to the garbage collector."""
        self._closing.set()
        self._arrived.set()
        late = (await asyncio.wait(self._readers, timeout=_CLOSED_WITHIN_S))[1] if self._readers else set()
        for reader in late:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)
        self._fail(self._waiting)

    async def of(self, serial: str) -> StandingRow | None:
        if self._closing.is_set():
            raise DatabaseAway(retry_after_s=RETRY_AFTER_S)
        answer: asyncio.Future[StandingRow | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(serial, []).append(answer)
        self._arrived.set()
        return await answer

    async def _read_on(self) -> None:
        """Reads batch after batch; a lost connection fails the polls that wait and is made anew."""
        import psycopg

        while not self._closing.is_set():
            try:
                async with await psycopg.AsyncConnection.connect(
                    autocommit=True, prepare_threshold=0, **self._words
                ) as database:
                    self._connected += 1
                    try:
                        await self._serve(database)
                    finally:
                        self._connected -= 1
            except psycopg.Error as problem:
                log.warning("standing cannot be read: %s", problem)
                if not self._connected:
                    self._fail(self._take())
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), _RECONNECT_S)

    async def _serve(self, database: psycopg.AsyncConnection[Any]) -> None:
        cursor = database.cursor()
        while not self._closing.is_set():
            await self._arrived.wait()
            batch = self._take()
            if not batch:
                continue
            try:
                await cursor.execute(STANDING_SQL_POSTGRES, (list(batch),), prepare=True)
                rows = {row[0]: StandingRow._make(row) for row in await cursor.fetchall()}
            except BaseException:
                self._fail(batch)
                raise
            for serial, answers in batch.items():
                for answer in answers:
                    if not answer.done():
                        answer.set_result(rows.get(serial))

    def _take(self) -> dict[str, list[asyncio.Future[StandingRow | None]]]:
        if len(self._waiting) <= _BATCH:
            batch, self._waiting = self._waiting, {}
            self._arrived.clear()
            return batch
        return {serial: self._waiting.pop(serial) for serial in list(self._waiting)[:_BATCH]}

    def _fail(self, batch: dict[str, list[asyncio.Future[StandingRow | None]]]) -> None:
        for answers in batch.values():
            for answer in answers:
                if not answer.done():
                    answer.set_exception(DatabaseAway(retry_after_s=RETRY_AFTER_S))
