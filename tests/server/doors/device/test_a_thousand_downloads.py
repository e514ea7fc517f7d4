"""A thousand terminals want the same file at the same moment: the door never serves more of them at once than it was told, and each gets it.

Counted is what the clients see: a download runs from its first byte to its last. The door is the whole application, without a network between.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import random
from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction

from evertill.server.doors.device.app import DeviceDoor
from evertill.server.limits import DoorLimits
from evertill.server.rooms.accounts import tokens
from evertill.server.rooms.fleet.models import Credential, Terminal
from evertill.server.rooms.fleet.rules import Client
from evertill.server.rooms.organisations import queries as tree
from evertill.server.rooms.rollouts.service import AssignOptions, refresh
from evertill.server.rooms.rollouts.service.assigning import begin
from evertill.server.rooms.rollouts.states import Origin
from tests.server.doors.device.device import TOKEN, Device, artifact_href
from tests.server.shop import Shop

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from pytest_django.fixtures import Settings

    from evertill.server.rooms.accounts.access import Identity
    from evertill.server.rooms.catalog.models import Release
    from tests.server.doors.device.conftest import Moment

TERMINALS = 1000
PARALLEL = 6
RETRY_AFTER_S = 30
SPED_UP = 15  # a second that a client was told to wait passes in a fifteenth of one


class Floor:
    """What all clients together see."""

    def __init__(self) -> None:
        self.running = self.most = self.turned_away = 0
        self.sums: dict[str, str] = {}

    def begins(self) -> None:
        self.running += 1
        self.most = max(self.most, self.running)


class Till:
    """One terminal: asks, waits as it is told, asks again, until it has the file."""

    def __init__(self, door: DeviceDoor, floor: Floor, serial: str, path: str) -> None:
        self._door, self._floor, self._serial = door, floor, serial
        self._path = path

    async def download(self) -> None:
        wait_s = await self._try()
        if wait_s is not None:
            await asyncio.sleep(wait_s * random.uniform(1.0, 2.0) / SPED_UP)
            await self.download()

    async def _try(self) -> int | None:
        """Whether it has it (None), or for how long it is told to wait."""
        told: dict[str, Any] = {}
        body = hashlib.sha256()
        over = asyncio.Event()

        async def receive() -> MutableMapping[str, Any]:
            await over.wait()
            return {"type": "http.disconnect"}

        async def send(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                told["status"], told["headers"] = message["status"], dict(message["headers"])
                if message["status"] == 206:
                    self._floor.begins()
                return
            body.update(message.get("body", b""))
            await asyncio.sleep(0.1)  # a line takes a while
            if told["status"] == 206 and not message.get("more_body", False):
                self._floor.running -= 1

        await self._door(self._scope(), receive, send)
        over.set()
        if told["status"] == 429:
            self._floor.turned_away += 1
            return int(told["headers"][b"retry-after"])
        assert told["status"] == 206, told
        self._floor.sums[self._serial] = body.hexdigest()
        return None

    def _scope(self) -> dict[str, Any]:
        """Each goes on with what an earlier night began, from the first byte."""
        headers = [
            (b"host", b"127.0.0.1"),
            (b"authorization", f"TargetToken {TOKEN}".encode()),
            (b"range", b"bytes=0-"),
        ]
        return {
            "type": "http",
            "method": "GET",
            "scheme": "http",
            "path": self._path,
            "raw_path": self._path.encode(),
            "query_string": b"",
            "headers": headers,
            "client": ("127.0.0.1", 1),
        }


@pytest.mark.long
def test_a_thousand_terminals_never_run_more_downloads_than_allowed_and_all_are_served(
    serve: Callable[..., int], software: Callable[..., Release], settings: Settings, admin: Identity, clock: Moment
) -> None:
    shop = Shop(admin, clock())
    release = software()
    ids = shop.many_terminals(TERMINALS, at=tree.operator(), client=Client.EVERTILL)
    digest = tokens.digest(TOKEN)
    Credential.objects.bulk_create([Credential(terminal_id=pk, digest=digest, made_at=shop.now) for pk in ids])
    with transaction.atomic():
        begin(ids, release, Origin.STAFF, admin.actor, shop.now, options=AssignOptions())
        refresh(ids, shop.now)
    serials = list(Terminal.objects.order_by("pk").values_list("serial", flat=True))
    with Device(serve(), serials[0]) as any_till:
        href = artifact_href(any_till.deployment())
        expected = hashlib.sha256(any_till.get(href).content).hexdigest()
    path = "/" + href.split("/", 3)[3].partition("?")[0]
    limits = DoorLimits(flush_every_s=0.02, parallel_downloads=PARALLEL, download_retry_after_s=RETRY_AFTER_S)
    door = DeviceDoor(dataclasses.replace(settings.INSTALLATION, limits=limits), clock)
    floor = Floor()

    async def everybody() -> None:
        await door.startup()
        try:
            tills = [Till(door, floor, serial, path.replace(serials[0], serial)) for serial in serials]
            await asyncio.gather(*(till.download() for till in tills))
        finally:
            await door.shutdown()

    asyncio.run(everybody())
    assert 2 <= floor.most <= PARALLEL
    assert floor.turned_away > TERMINALS // 2, "they did come all at once"
    assert floor.sums == dict.fromkeys(serials, expected)
