"""Many downloads at once, slow clients, clients that vanish."""

from __future__ import annotations

import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from evertill.server.rooms.fleet.rules import Client
from tests.server.doors.device.device import TOKEN, Device, artifact_href

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from evertill.server.rooms.catalog.models import Release
    from evertill.server.rooms.rollouts.models import Action

    Assign = Callable[..., Action]
    Make = Callable[..., Release]

BIG = bytes(24 << 20)


class Slow:
    """A client that asks for a file and takes only what it wants."""

    def __init__(self, device: Device, href: str) -> None:
        self.line = socket.create_connection(("127.0.0.1", device.port), timeout=10)
        path = "/" + href.split("/", 3)[3]
        self.line.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: TargetToken {TOKEN}\r\n\r\n".encode()
        )
        self.status = int(self.line.recv(12).split()[1])

    def rest(self) -> int:
        """How many bytes still come until the server closes."""
        count = 0
        while chunk := self.line.recv(1 << 20):
            count += len(chunk)
        return count

    def close(self) -> None:
        self.line.close()


@pytest.fixture
def slow() -> Iterator[Callable[[Device, str], Slow]]:
    clients: list[Slow] = []

    def make(device: Device, href: str) -> Slow:
        clients.append(Slow(device, href))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def eventually(status: Callable[[], int], wanted: int) -> None:
    deadline = time.monotonic() + 10
    while (seen := status()) != wanted:
        assert time.monotonic() < deadline, seen
        time.sleep(0.02)


def test_ours_without_a_place_is_told_when_to_come_back(
    serve: Callable[..., int],
    add: Callable[..., int],
    firmware: Make,
    software: Make,
    assign: Assign,
    slow: Callable[[Device, str], Slow],
) -> None:
    port = serve(parallel_downloads=1, download_retry_after_s=17)
    add("B-0001")
    add("T-0001", Client.EVERTILL)
    with Device(port, "B-0001") as board, Device(port, "T-0001") as till:
        assign(board, firmware(payload=BIG))
        assign(till, software())
        reader = slow(board, artifact_href(board.deployment()))
        file = artifact_href(till.deployment())
        told = till.get(file)
        assert (told.status_code, told.headers["retry-after"], told.json()["errorCode"]) == (
            429,
            "17",
            "DOWNLOADS_FULL",
        )
        assert till.ask("HEAD", file).status_code == 200
        assert till.get().status_code == 200
        reader.close()
        board.report(board.action_id(), "closed", "failure")
        eventually(lambda: till.get(file).status_code, 200)


def test_for_ddi_clients_the_link_waits_and_a_fetched_action_is_never_turned_away(
    serve: Callable[..., int],
    add: Callable[..., int],
    firmware: Make,
    assign: Assign,
    slow: Callable[[Device, str], Slow],
) -> None:
    port = serve(parallel_downloads=1)
    release = firmware(payload=BIG)
    for serial in ("B-0001", "B-0002", "B-0003"):
        add(serial)
    with Device(port, "B-0001") as first, Device(port, "B-0002") as second, Device(port, "B-0003") as third:
        for device in (first, second, third):
            assign(device, release)
        waiting = second.links()["deploymentBase"]
        file = artifact_href(first.deployment())
        assert "deploymentBase" in first.links()
        assert "deploymentBase" not in third.links()
        late = second.get(waiting)
        assert (late.status_code, late.json()["errorCode"]) == (429, "DOWNLOADS_FULL")
        readers = [slow(first, file), slow(first, file)]
        assert [reader.status for reader in readers] == [200, 200]
        assert "deploymentBase" in first.links()
        first.report(first.action_id(), "closed", "success")
        for reader in readers:
            reader.close()
        eventually(lambda: int("deploymentBase" in third.links()), 1)


def test_a_fetched_action_keeps_its_link_when_its_place_is_gone(
    serve: Callable[..., int],
    add: Callable[..., int],
    firmware: Make,
    assign: Assign,
    slow: Callable[[Device, str], Slow],
) -> None:
    port = serve(parallel_downloads=1, reservation_s=0)
    release = firmware(payload=BIG)
    for serial in ("B-0001", "B-0002", "B-0003"):
        add(serial)
    with Device(port, "B-0001") as fetched, Device(port, "B-0002") as busy, Device(port, "B-0003") as waiting:
        for device in (fetched, busy, waiting):
            assign(device, release)
        file = artifact_href(fetched.deployment())
        slow(busy, artifact_href(busy.deployment()))
        assert "deploymentBase" not in waiting.links()
        assert "deploymentBase" in fetched.links()
        assert fetched.get(file, headers={"Range": "bytes=0-9"}).status_code == 206


def test_many_at_once_are_sent_away_and_all_served_in_the_end(
    serve: Callable[..., int], add: Callable[..., int], software: Make, assign: Assign
) -> None:
    port = serve(parallel_downloads=3, download_retry_after_s=1)
    release = software()
    serials = [f"T-{number:04}" for number in range(24)]
    for serial in serials:
        add(serial, Client.EVERTILL)

    def update(serial: str) -> int:
        refusals = 0
        with Device(port, serial) as till:
            file = artifact_href(till.deployment())
            while (answer := till.get(file)).status_code == 429:
                refusals += 1
            assert answer.status_code == 200
        return refusals

    with Device(port, serials[0]) as any_till:
        for serial in serials:
            any_till.serial = serial
            assign(any_till, release)
    with ThreadPoolExecutor(12) as pool:
        refusals = sum(pool.map(update, serials))
    assert refusals > 0


def test_slow_clients_hold_up_nobody_and_cost_no_memory(
    board: Device, firmware: Make, assign: Assign, slow: Callable[[Device, str], Slow]
) -> None:
    assign(board, firmware(payload=BIG))
    file = artifact_href(board.deployment())
    before = resident_bytes()
    readers = [slow(board, file) for _ in range(12)]
    started = time.monotonic()
    assert board.get(file).content == BIG
    assert board.get().status_code == 200
    assert time.monotonic() - started < 5
    assert resident_bytes() - before < 5 * len(BIG)
    assert [reader.status for reader in readers] == [200] * 12


def test_a_client_that_takes_nothing_is_given_up(
    serve: Callable[..., int],
    add: Callable[..., int],
    firmware: Make,
    assign: Assign,
    slow: Callable[[Device, str], Slow],
) -> None:
    port = serve(stalled_after_s=0.2)
    add("B-0001")
    with Device(port, "B-0001") as board:
        assign(board, firmware(payload=BIG))
        reader = slow(board, artifact_href(board.deployment()))
        time.sleep(0.6)
        assert reader.rest() < len(BIG)


def test_a_client_that_hangs_up_frees_its_place(
    serve: Callable[..., int],
    add: Callable[..., int],
    software: Make,
    firmware: Make,
    assign: Assign,
    slow: Callable[[Device, str], Slow],
) -> None:
    port = serve(parallel_downloads=1, reservation_s=0)
    add("B-0001")
    add("T-0001", Client.EVERTILL)
    with Device(port, "B-0001") as board, Device(port, "T-0001") as till:
        assign(board, firmware(payload=BIG))
        assign(till, software())
        reader = slow(board, artifact_href(board.deployment()))
        file = artifact_href(till.deployment())
        assert till.get(file).status_code == 429
        reader.close()
        eventually(lambda: till.get(file).status_code, 200)
