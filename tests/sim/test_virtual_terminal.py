"""A virtual terminal and the shop's turn: it begins only where the server lets it, and asks again before the switch."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from evertill.sim.fleet.door import DeviceDoor, DoorShut, shared_client
from evertill.sim.fleet.scene import Virtual
from evertill.sim.fleet.terminal import VirtualTerminal
from tests.fakes import fake_server as rubbish
from tests.fakes.fake_server import TENANT, TOKEN, FakeServer, running_server

if TYPE_CHECKING:
    from collections.abc import Iterator

BEFORE = ["downloading", "checking"]
WORK = ["preflight2", "backing_up", "installing", "rehearsing", "refreshing"]
SWITCH = ["quiescing", "migrating", "switching", "proving", "reported"]


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with running_server() as running:
        running.offer(5, 12, {"till-1.1.0.evb": b"plainly a demo"})
        yield running


def converse(server: FakeServer, times: int = 1) -> None:
    """So many conversations of one terminal; raises what the last one raised."""

    async def talk() -> None:
        async with shared_client() as client:
            virtual = Virtual(serial=server.serial, token=TOKEN, components={"till": "1.0.0"})
            door = DeviceDoor(client, server.url, TENANT, server.serial, TOKEN)
            terminal = VirtualTerminal(virtual, door, 0)
            for last in range(times):
                try:
                    await terminal.converse()
                except DoorShut:
                    if last == times - 1:
                        raise

    asyncio.run(talk())


def states(server: FakeServer) -> list[str]:
    return [said["evertill"]["state"] for said in server.feedbacks(5)]


def take_turn(server: FakeServer) -> None:
    """Another till of the shop has it from now on."""
    server.offers = [{**offer, "install": False, "turn": False} for offer in server.offers]


def test_with_the_turn_it_goes_through_every_step(server: FakeServer) -> None:
    converse(server)
    assert states(server) == [*BEFORE, *WORK, *SWITCH]


def test_a_beginning_that_is_refused_begins_nothing_and_is_tried_again(server: FakeServer) -> None:
    server.when["checking"] = lambda: server.script("feedback", rubbish.status(409))
    with pytest.raises(DoorShut):
        converse(server)
    assert states(server) == BEFORE
    converse(server)
    assert states(server)[-1] == "reported"


def test_a_turn_that_is_lost_before_the_switch_switches_nothing(server: FakeServer) -> None:
    server.when["refreshing"] = lambda: take_turn(server)
    converse(server)
    assert states(server) == [*BEFORE, *WORK, "waiting"]
    assert server.actions[5].open
