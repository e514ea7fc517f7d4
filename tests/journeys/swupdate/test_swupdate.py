"""A real SWUpdate, unchanged, updates through the device door."""

from __future__ import annotations

import hashlib
import secrets
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.journeys.office import TOKEN, Office, eventually
from tests.journeys.swupdate import image
from tests.journeys.swupdate.board import Board
from tests.journeys.swupdate.cutting_line import CuttingLine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.journeys.swupdate.image import Signer

pytestmark = pytest.mark.journey
SERIAL = "B-0001"


@pytest.fixture(scope="module")
def tools() -> None:
    missing = [tool for tool in ("swupdate", "cpio", "openssl") if shutil.which(tool) is None]
    assert not missing, f"these tests need {', '.join(missing)}; write: apt-get install {' '.join(missing)}"


@pytest.fixture
def signer(tools: None, tmp_path: Path) -> Signer:
    return image.Signer.make(tmp_path)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with Office(tmp_path) as office:
        office.say("terminal", "add", "--serial", SERIAL, "--token", TOKEN, "--client", "ddi")
        office.poll_often()
        yield office


@pytest.fixture
def board(tmp_path: Path, signer: Signer, office: Office) -> Iterator[Board]:
    with Board(tmp_path, SERIAL, signer, office.port) as board:
        yield board


@pytest.fixture
def release(tmp_path: Path, signer: Signer, office: Office, board: Board) -> Callable[..., int]:
    def make(name: str, payload: bytes, **words: str) -> int:
        return office.release(image.make(tmp_path, name, signer, payload, board.installed, **words))

    return make


def is_closed(office: Office, action: int, state: str) -> None:
    eventually(lambda: office.action(action)["state"] in {"finished", "error", "canceled"})
    assert office.action(action)["state"] == state, office.texts(action)


def test_swupdate_installs_and_reports_success_after_its_restart(
    office: Office, board: Board, release: Callable[..., int]
) -> None:
    payload = secrets.token_bytes(300_000)
    action = office.assign(SERIAL, release("board-2", payload))
    board.boot()
    eventually(lambda: board.installed.exists() and board.installed.read_bytes() == payload)
    board.says("Update successful, executing post-update actions")
    assert office.action(action)["state"] not in {"finished", "error"}
    board.power_off()
    board.boot(after_install=True)
    is_closed(office, action, "finished")
    eventually(lambda: office.action(action)["verified"])
    assert {"retrieved", "download"} <= set(office.lines(action))
    assert "Installation in progress" in office.texts(action) or "SWUPDATE" in office.texts(action)


def test_an_image_whose_content_is_not_what_was_signed_ends_as_a_failure(
    office: Office, board: Board, release: Callable[..., int]
) -> None:
    action = office.assign(
        SERIAL, release("board-3", secrets.token_bytes(100_000), sha256=hashlib.sha256(b"other").hexdigest())
    )
    board.boot()
    is_closed(office, action, "error")
    assert not office.action(action)["verified"]
    assert "HASH mismatch" in office.texts(action)


def test_a_download_cut_twice_is_resumed_to_the_end(
    office: Office, signer: Signer, tmp_path: Path, release: Callable[..., int]
) -> None:
    payload = secrets.token_bytes(3_000_000)
    with (
        CuttingLine(office.port, cuts=2, after_bytes=800_000) as line,
        Board(tmp_path, SERIAL, signer, line.port) as board,
    ):
        action = office.assign(SERIAL, release("board-4", payload))
        board.boot()
        eventually(lambda: board.installed.exists() and board.installed.read_bytes() == payload)
        assert line.cuts_left == 0
        board.says("Update successful, executing post-update actions")
    assert office.lines(action).count("download") >= 1


def test_an_action_cancelled_before_its_download_never_reaches_the_board(
    office: Office, board: Board, release: Callable[..., int]
) -> None:
    first = office.assign(SERIAL, release("board-5", b"never"))
    office.say("action", "cancel", str(first))
    second = office.assign(SERIAL, release("board-6", b"wanted"))
    board.boot()
    eventually(lambda: board.installed.exists() and board.installed.read_bytes() == b"wanted")
    assert office.action(first)["state"] == "canceled"
    assert "retrieved" not in office.lines(first)
    assert "retrieved" in office.lines(second)


def test_an_action_cancelled_during_its_download_is_acknowledged_and_installs_nothing(
    office: Office, board: Board, release: Callable[..., int]
) -> None:
    action = office.assign(SERIAL, release("board-7", secrets.token_bytes(4_000_000)))
    board.boot(speed="100k")
    eventually(lambda: "download" in office.lines(action))
    office.say("action", "cancel", str(action))
    is_closed(office, action, "canceled")
    assert not board.installed.exists()


def test_a_board_with_a_wrong_token_gets_nothing(
    office: Office, signer: Signer, tmp_path: Path, release: Callable[..., int]
) -> None:
    with Board(tmp_path, SERIAL, signer, office.port, token="another-demo-token-of-32-letters") as board:
        action = office.assign(SERIAL, release("board-8", b"never"))
        board.boot()
        eventually(lambda: "401" in board.log or "ccess" in board.log or "uthori" in board.log)
        assert not board.installed.exists()
    assert office.action(action)["state"] == "running"
    assert "retrieved" not in office.lines(action)
