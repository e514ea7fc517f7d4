"""A download takes as long as it takes, and gives out only what was signed."""

import errno
import os
import random
from pathlib import Path
from typing import Any

import pytest

from evertill.terminal.agent.board import FileLink
from evertill.terminal.agent.connection import Connection, ConnectionRefused
from evertill.terminal.agent.download import Cache, Downloader, Progress
from evertill.terminal.errors import TerminalRefused
from tests.fakes import fake_server as rubbish
from tests.fakes.fake_server import FakeServer
from tests.terminal.agent.making import Meter, Signed, code_of

CONTENT = random.Random(7).randbytes(300_000)
FILE = Signed.of(CONTENT)
NAME = "till-1.1.0+demo.evb"


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def link(server: FakeServer) -> FileLink:
    server.offer(5, 12, {NAME: CONTENT})
    return FileLink(NAME, f"{server.url}{server.base}/softwaremodules/5/artifacts/{NAME.replace('+', '%2B')}")


def asked_ranges(server: FakeServer) -> list[str | None]:
    return [seen.headers.get("range") for seen in server.requests if "artifacts" in seen.path]


def test_a_file_arrives_whole(connection: Connection, cache: Cache, link: FileLink) -> None:
    seen: list[Progress] = []
    path = Downloader(cache, connection, Meter()).fetch(FILE, link, progress=seen.append)
    assert path.read_bytes() == CONTENT
    assert [step.have_bytes for step in seen] == sorted(step.have_bytes for step in seen)
    assert seen[-1] == Progress(len(CONTENT), len(CONTENT))


def test_a_cut_download_continues_after_a_restart_with_the_same_bytes(
    server: FakeServer, connection: Connection, cache: Cache, link: FileLink
) -> None:
    server.cut_after_bytes = 100_000
    with pytest.raises(ConnectionRefused) as refused:
        Downloader(cache, connection, Meter()).fetch(FILE, link)
    assert code_of(refused) == "ANSWER_TRUNCATED"
    have = cache.have_bytes(FILE)
    assert 0 < have <= 100_000
    path = Downloader(Cache(cache.folder), connection, Meter()).fetch(FILE, link)
    assert path.read_bytes() == CONTENT
    assert asked_ranges(server) == [None, f"bytes={have}-"]
    assert server.requests[-1].headers["if-range"].startswith('"')
    assert server.payload_bytes <= len(CONTENT) + 100_000 - have


def test_many_cuts_lose_nothing(server: FakeServer, connection: Connection, cache: Cache, link: FileLink) -> None:
    downloader = Downloader(cache, connection, Meter())
    for cut in (1, 70_000, 65_536, 3, 120_000):
        server.cut_after_bytes = cut
        with pytest.raises(ConnectionRefused):
            downloader.fetch(FILE, link)
    assert downloader.fetch(FILE, link).read_bytes() == CONTENT


def test_a_finished_file_costs_no_byte_again(
    server: FakeServer, connection: Connection, cache: Cache, link: FileLink
) -> None:
    downloader = Downloader(cache, connection, Meter())
    downloader.fetch(FILE, link)
    before = server.payload_bytes
    downloader.fetch(FILE, None)
    assert server.payload_bytes == before


@pytest.mark.parametrize(
    "content",
    [CONTENT[:-1], CONTENT + b"x", CONTENT[:1000] + b"!" + CONTENT[1001:], b""],
    ids=["shorter", "longer", "one bit", "empty"],
)
def test_what_is_not_exactly_what_was_signed_is_thrown_away(
    server: FakeServer, connection: Connection, cache: Cache, link: FileLink, content: bytes
) -> None:
    server.actions[5].files[NAME] = content
    with pytest.raises((TerminalRefused, ConnectionRefused)) as refused:
        Downloader(cache, connection, Meter()).fetch(FILE, link)
    assert code_of(refused) == "ARTIFACT_MISMATCH"
    assert list(cache.folder.iterdir()) == []


def test_a_file_with_the_right_sha256_and_a_wrong_sha512_is_thrown_away(
    connection: Connection, cache: Cache, link: FileLink
) -> None:
    other = Signed(FILE.length, FILE.sha256, "0" * 128)
    with pytest.raises(TerminalRefused) as refused:
        Downloader(cache, connection, Meter()).fetch(other, link)
    assert code_of(refused) == "ARTIFACT_MISMATCH"


def test_a_file_damaged_on_disk_is_noticed_before_use(connection: Connection, cache: Cache, link: FileLink) -> None:
    downloader = Downloader(cache, connection, Meter())
    path = downloader.fetch(FILE, link)
    path.write_bytes(CONTENT[:-1] + b"?")
    with pytest.raises(TerminalRefused) as refused:
        downloader.check(FILE)
    assert code_of(refused) == "ARTIFACT_MISMATCH"
    assert downloader.fetch(FILE, link).read_bytes() == CONTENT


def test_an_endless_file_stops_at_the_signed_length(
    server: FakeServer, connection: Connection, cache: Cache, link: FileLink
) -> None:
    server.script("artifacts", rubbish.endless_body)
    with pytest.raises(TerminalRefused) as refused:
        Downloader(cache, connection, Meter()).fetch(FILE, link)
    assert code_of(refused) == "ARTIFACT_MISMATCH"


def test_a_resumed_file_that_changed_on_the_server_begins_again(
    server: FakeServer, connection: Connection, cache: Cache, link: FileLink
) -> None:
    server.actions[5].files[NAME] = b"z" * len(CONTENT)
    server.cut_after_bytes = 100_000
    downloader = Downloader(cache, connection, Meter())
    with pytest.raises(ConnectionRefused):
        downloader.fetch(FILE, link)
    server.actions[5].files[NAME] = CONTENT
    assert downloader.fetch(FILE, link).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (rubbish.status(429, Retry_After="60"), "SERVER_BUSY"),
        (rubbish.status(403), "ACCESS_DENIED"),
        (rubbish.status(404), "SERVER_SAID_NO"),
        (rubbish.status(500), "SERVER_FAULT"),
        (rubbish.gzip_bomb, "ANSWER_ENCODED"),
        (rubbish.redirect, "ANSWER_UNEXPECTED"),
        (rubbish.hang_up, "ANSWER_TRUNCATED"),
        (rubbish.html, "ANSWER_NOT_JSON"),
        (rubbish.status(416), "ARTIFACT_MISMATCH"),
        (lambda handler: rubbish.send(handler, 206, b"x", Content_Range="bytes 5-5/300000"), "ANSWER_UNEXPECTED"),
        (lambda handler: rubbish.send(handler, 206, b"x"), "ANSWER_UNEXPECTED"),
        (lambda handler: rubbish.send(handler, 206, b"", Content_Range="bytes 0-9/300000"), "ANSWER_TRUNCATED"),
    ],
)
def test_every_other_answer_has_a_code_and_the_download_still_succeeds_later(
    server: FakeServer, connection: Connection, cache: Cache, link: FileLink, answer: rubbish.Rubbish, code: str
) -> None:
    server.script("artifacts", answer)
    downloader = Downloader(cache, connection, Meter())
    with pytest.raises((TerminalRefused, ConnectionRefused)) as refused:
        downloader.fetch(FILE, link)
    assert code_of(refused) == code
    assert downloader.fetch(FILE, link).read_bytes() == CONTENT


def test_mobile_data_are_counted_to_the_byte_and_end_with_the_allowance(
    server: FakeServer, connection: Connection, cache: Cache, link: FileLink
) -> None:
    meter = Meter(allowance=120_000)
    with pytest.raises(TerminalRefused) as refused:
        Downloader(cache, connection, meter).fetch(FILE, link)
    assert code_of(refused) == "NETWORK_BUDGET"
    assert server.payload_bytes == sum(meter.spent) == cache.have_bytes(FILE) == 120_000
    meter.allowance = None
    assert Downloader(cache, connection, meter).fetch(FILE, link).read_bytes() == CONTENT
    assert server.payload_bytes == len(CONTENT)


def test_no_allowance_means_no_request(
    server: FakeServer, connection: Connection, cache: Cache, link: FileLink
) -> None:
    with pytest.raises(TerminalRefused):
        Downloader(cache, connection, Meter(allowance=0)).fetch(FILE, link)
    assert server.payload_bytes == 0
    assert asked_ranges(server) == []


def test_a_download_told_to_stop_keeps_what_came(connection: Connection, cache: Cache, link: FileLink) -> None:
    with pytest.raises(TerminalRefused) as refused:
        Downloader(cache, connection, Meter()).fetch(FILE, link, go_on=lambda: False)
    assert code_of(refused) == "DOWNLOAD_STOPPED"
    assert cache.have_bytes(FILE) > 0


def test_without_a_link_there_is_no_download(connection: Connection, cache: Cache) -> None:
    with pytest.raises(TerminalRefused) as refused:
        Downloader(cache, connection, Meter()).fetch(FILE, None)
    assert code_of(refused) == "DOWNLOAD_NOT_OFFERED"


def test_a_link_to_another_host_is_not_followed(connection: Connection, cache: Cache) -> None:
    with pytest.raises(ConnectionRefused) as refused:
        Downloader(cache, connection, Meter()).fetch(FILE, FileLink(NAME, "http://cdn.example/till.evb"))
    assert code_of(refused) == "LINK_FOREIGN"


@pytest.mark.parametrize("room_bytes", [0, 1, 65_536, 65_537, 200_000, len(CONTENT) - 1])
def test_a_full_disk_is_told_as_it_is_and_the_download_goes_on_later(
    connection: Connection, cache: Cache, link: FileLink, monkeypatch: pytest.MonkeyPatch, room_bytes: int
) -> None:
    real, written = os.write, 0

    def write(descriptor: int, data: Any) -> int:
        nonlocal written
        if Path(f"/proc/self/fd/{descriptor}").readlink() != cache.part(FILE):
            return real(descriptor, data)
        if written >= room_bytes:
            raise OSError(errno.ENOSPC, "No space left on device")
        done = real(descriptor, bytes(data)[: room_bytes - written])
        written += done
        return done

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(OSError, match="No space left"):
        Downloader(cache, connection, Meter()).fetch(FILE, link)
    monkeypatch.undo()
    assert cache.have_bytes(FILE) == room_bytes
    assert Downloader(cache, connection, Meter()).fetch(FILE, link).read_bytes() == CONTENT


def test_cleaning_the_cache_keeps_what_is_needed(connection: Connection, cache: Cache, link: FileLink) -> None:
    Downloader(cache, connection, Meter()).fetch(FILE, link)
    (cache.folder / ("0" * 64)).write_bytes(b"old" * 100)
    assert cache.clean({FILE.sha256}) == 300
    assert cache.have_bytes(FILE) == len(CONTENT)
