"""Simulated devices: a driver's socket as CONTRACT.md §7 describes it, and an ESC/POS printer at the end of a terminal line."""

import json
import os
import socket
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

READY_STATUS, OFFLINE_STATUS, PAPER_END_STATUS = 0x12, 0x1A, 0x72


@dataclass
class FakeDriver:
    """Answers as long as it lives; what it says and what it printed can be looked at and changed."""

    path: Path
    state: str = "ready"
    says: bytes | None = None  # this, whatever it is asked
    printed: list[list[str]] = field(default_factory=list)

    def answer(self, line: bytes) -> bytes:
        if self.says is not None:
            return self.says
        asked = json.loads(line)
        if "print" in asked:
            self.printed.append(asked["print"])
            return b'{"state": "printed"}\n'
        return json.dumps({"state": self.state}).encode() + b"\n"


@contextmanager
def fake_driver(path: Path, state: str = "ready") -> Iterator[FakeDriver]:
    """A driver at this address, until the block is left."""
    driver = FakeDriver(path, state)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listening:
        descriptor = os.open(path.parent, os.O_RDONLY)
        listening.bind(f"/proc/self/fd/{descriptor}/{path.name}")  # folders of tests are often longer than an address
        os.close(descriptor)
        listening.listen()
        serving = threading.Thread(target=_serve, args=(listening, driver), daemon=True)
        serving.start()
        try:
            yield driver
        finally:
            path.unlink(missing_ok=True)
            listening.shutdown(socket.SHUT_RDWR)
            serving.join()


def _serve(listening: socket.socket, driver: FakeDriver) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        with connection, connection.makefile("rb") as asked:
            connection.sendall(driver.answer(asked.readline()))


@dataclass
class FakeEscPos:
    """A printer on a line of its own."""

    path: Path
    status: dict[int, int] = field(default_factory=lambda: {1: READY_STATUS, 4: READY_STATUS})
    silent: bool = False
    received: bytearray = field(default_factory=bytearray)
    more: threading.Condition = field(default_factory=threading.Condition)

    def take(self, byte: int) -> None:
        with self.more:
            self.received.append(byte)
            self.more.notify_all()

    def wait_for(self, text: bytes) -> None:
        """Until this is on the paper."""
        with self.more:
            assert self.more.wait_for(lambda: text in self.received, timeout=20.0), bytes(self.received)


@contextmanager
def fake_escpos() -> Iterator[FakeEscPos]:
    """Takes bytes and answers DLE EOT in the middle of them, as a printer does."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    printer = FakeEscPos(Path(os.ttyname(theirs)))
    ended = threading.Event()
    working = threading.Thread(target=_print, args=(ours, printer, ended), daemon=True)
    working.start()
    try:
        yield printer
    finally:
        ended.set()
        os.write(theirs, b"\x00")  # wakes the reader
        working.join()
        os.close(ours)
        os.close(theirs)


def _print(line: int, printer: FakeEscPos, ended: threading.Event) -> None:
    question = b""
    while not ended.is_set():
        for byte in os.read(line, 1024):
            question = (question + bytes([byte]))[-3:]
            if question[:2] == b"\x10\x04":
                if len(question) == 3 and not printer.silent:
                    os.write(line, bytes([printer.status[question[2]]]))
            else:
                printer.take(byte)
