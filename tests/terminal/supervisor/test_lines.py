"""JSON lines over unix sockets, and processes known by pid and start time."""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from evertill.terminal.lines import Unreachable, ask, connect, listen
from evertill.terminal.processes import command_line, read_pidfile, start_ticks, write_pidfile
from evertill.terminal.till_client import Till, TillRefused, TillSilent


@contextmanager
def answering(path: Path, answer: bytes) -> Iterator[None]:
    """Somebody who answers one request with these bytes and hangs up."""
    listener = listen(path)

    def serve() -> None:
        peer, _ = listener.accept()
        with peer:
            peer.recv(1000)
            peer.sendall(answer)

    server = threading.Thread(target=serve)
    server.start()
    try:
        yield
    finally:
        server.join()
        listener.close()


def test_answer_comes_back(tmp_path: Path) -> None:
    with answering(tmp_path / "a.sock", b'{"ok": true}\n'):
        assert ask(tmp_path / "a.sock", {"ask": "state"}, 3) == {"ok": True}


def test_socket_deeper_than_an_address_allows_is_reached(tmp_path: Path) -> None:
    deep = tmp_path / ("long" * 40)
    deep.mkdir()
    with answering(deep / "a.sock", b"{}\n"):
        assert ask(deep / "a.sock", {}, 3) == {}


def test_socket_is_for_its_owner_only(tmp_path: Path) -> None:
    listen(tmp_path / "a.sock").close()
    assert (tmp_path / "a.sock").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("answer", [b"", b"{", b"[]\n", b"\xff\n", b"<html>\n", b"{}"])
def test_rubbish_is_no_answer(tmp_path: Path, answer: bytes) -> None:
    with answering(tmp_path / "a.sock", answer), pytest.raises(Unreachable):
        ask(tmp_path / "a.sock", {}, 3)


def test_endless_answer_is_given_up(tmp_path: Path) -> None:
    with answering(tmp_path / "a.sock", b"x" * 70_000), pytest.raises(Unreachable):
        ask(tmp_path / "a.sock", {}, 3)


def test_slow_answer_is_given_up(tmp_path: Path) -> None:
    with listen(tmp_path / "a.sock"), pytest.raises(Unreachable, match="timed out"):
        ask(tmp_path / "a.sock", {}, 0.05)


def test_nobody_is_unreachable(tmp_path: Path) -> None:
    for path in (tmp_path / "a.sock", tmp_path / "nowhere" / "a.sock"):
        with pytest.raises(Unreachable):
            connect(path, 1)


@pytest.mark.parametrize("answer", [{}, {"version": "1"}, {"version": 1, "schema": "x"}, {"mode": "dancing"}])
def test_till_that_answers_something_else_is_silent(tmp_path: Path, answer: dict[str, object]) -> None:
    with answering(tmp_path / "ready.sock", json.dumps(answer).encode() + b"\n"), pytest.raises(TillSilent):
        Till(tmp_path).state()


def test_refusal_of_a_till_keeps_its_code(tmp_path: Path) -> None:
    with answering(tmp_path / "ready.sock", b'{"error": "SALE_IN_PROGRESS"}\n'), pytest.raises(TillRefused) as refused:
        Till(tmp_path).stop()
    assert refused.value.code == "SALE_IN_PROGRESS"


def test_order_neither_done_nor_refused_is_silence(tmp_path: Path) -> None:
    with answering(tmp_path / "ready.sock", b'{"yes": 1}\n'), pytest.raises(TillSilent):
        Till(tmp_path).sell()


def test_own_process_is_found_by_its_pidfile(tmp_path: Path) -> None:
    write_pidfile(tmp_path / "me.pid")
    assert read_pidfile(tmp_path / "me.pid") == os.getpid()
    assert command_line(os.getpid())


def test_recycled_pid_is_nobody(tmp_path: Path) -> None:
    ticks = start_ticks(os.getpid())
    assert ticks is not None
    (tmp_path / "old.pid").write_text(json.dumps({"pid": os.getpid(), "start_ticks": ticks - 1}))
    assert read_pidfile(tmp_path / "old.pid") is None


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"pid": "x", "start_ticks": 1}', '{"pid": 999999999, "start_ticks": null}']
)
def test_rubbish_in_a_pidfile_is_nobody(tmp_path: Path, content: str) -> None:
    (tmp_path / "x.pid").write_text(content)
    assert read_pidfile(tmp_path / "x.pid") is None
    assert read_pidfile(tmp_path / "absent.pid") is None


def test_zombie_is_dead() -> None:
    pid = os.posix_spawn("/bin/true", ["true"], {})
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert start_ticks(pid) is None
    os.waitpid(pid, 0)
