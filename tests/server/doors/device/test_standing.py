"""Reading standing: polls that arrive together share a query, and a database that goes away fails them instead of hanging them."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from evertill.server.doors.device import standing
from evertill.server.doors.device.errors import DatabaseAway
from evertill.server.rooms.fleet import queries
from tests.server.doors.device.serving import wait_for

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from evertill.server.doors.device.standing import Standings
    from evertill.server.rooms.rollouts.queries import StandingRow


def read(serials: list[str], reader: Standings | None = None) -> list[StandingRow | None]:
    """All at once."""

    async def run() -> list[StandingRow | None]:
        standings = reader or standing.for_database()
        await standings.open()
        try:
            return list(await asyncio.gather(*map(standings.of, serials)))
        finally:
            await standings.close()

    return asyncio.run(run())


@pytest.fixture
def serials(transactional_db: None, add: Callable[..., int]) -> list[str]:
    names = [f"B-{number:04}" for number in range(5)]
    for name in names:
        add(name)
    return names


def test_each_poll_gets_its_own_row(serials: list[str]) -> None:
    wanted = [*serials, "B-9999", *serials[:2]]
    rows = read(wanted * 20)
    assert [row.serial if row else None for row in rows] == [name if name in serials else None for name in wanted] * 20


def test_no_orm_query_is_made(serials: list[str]) -> None:
    with CaptureQueriesContext(connection) as captured:
        read(serials)
    assert len(captured) == 0


def test_what_was_written_a_moment_ago_is_read(serials: list[str]) -> None:
    from evertill.server.rooms.rollouts.models import Standing

    async def run() -> tuple[StandingRow | None, StandingRow | None]:
        standings = standing.for_database()
        await standings.open()
        try:
            before = await standings.of(serials[0])
            await asyncio.to_thread(_change_and_close, serials[0])
            return before, await standings.of(serials[0])
        finally:
            await standings.close()

    def _change_and_close(serial: str) -> None:
        Standing.objects.filter(serial=serial).update(poll_s=77)
        connections.close_all()

    before, after = asyncio.run(run())
    assert before is not None
    assert after is not None
    assert (before.poll_s, after.poll_s) == (300, 77)


def test_a_database_that_does_not_answer_fails_the_poll_at_once(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    readers: list[Standings] = [
        standing.SqliteStandings(str(tmp_path / "empty.db")),
        standing.PostgresStandings({"NAME": "absent", "HOST": str(tmp_path), "OPTIONS": {}}),
    ]

    async def run(reader: Standings) -> None:
        try:
            await reader.open()
            async with asyncio.timeout(5):
                await reader.of("B-0001")
        finally:
            await reader.close()

    for reader in readers:
        with pytest.raises(DatabaseAway):
            asyncio.run(run(reader))


def test_a_reader_that_is_closed_fails_who_still_waits(tmp_path: Path) -> None:
    async def run() -> None:
        reader = standing.PostgresStandings({"NAME": "absent", "HOST": str(tmp_path), "OPTIONS": {}})
        waiting = asyncio.ensure_future(_never_opened(reader))
        await asyncio.sleep(0)
        await reader.close()
        await waiting

    async def _never_opened(reader: Standings) -> Awaitable[None] | StandingRow | None:
        return await reader.of("B-0001")

    with pytest.raises(DatabaseAway):
        asyncio.run(run())


@pytest.mark.skipif(connection.vendor != "postgresql", reason="the SQLite reader has no connecting to interrupt")
def test_a_reader_closed_at_any_moment_leaves_no_connection(transactional_db: None) -> None:
    async def open_and_close(after_s: float) -> None:
        standings = standing.for_database()
        await standings.open()
        await asyncio.sleep(after_s)
        await standings.close()

    gc.disable()  # the collector would close what was left
    try:
        for step in range(30):
            asyncio.run(open_and_close(step / 4000))
        wait_for(lambda: _others() == 0)
    finally:
        gc.enable()


def _others() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return int(cursor.fetchone()[0])


def test_polling_writes_nothing_but_last_seen(serials: list[str]) -> None:
    before = queries.last_seen([queries.by_serial(serials[0]).pk])
    read(serials)
    assert queries.last_seen([queries.by_serial(serials[0]).pk]) == before
