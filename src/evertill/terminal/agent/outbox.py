"""What the server must still be told: reports kept on disk until it has taken them, sent in the order they were written.

Rules kept here: `put` returns after the report is durable; a report is removed only after the server answered; trouble on the
way keeps it and everything after it. A server that says no to one report for good (400, 404, 409, 410 …) has answered: that
report is dropped, the next one goes. A crash between answer and removal sends a report twice, therefore every report is
idempotent on the server (an action closes once, acts and changes carry a uuid). Progress is worth less than room: beyond
the limit the oldest progress reports go, a closing report, an act or a change never does.
"""

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal, Protocol

import msgspec

from evertill.terminal.agent.connection import ConnectionRefused
from evertill.terminal.durable import remove, write_atomic

MAX_WAITING: Final = 500
_log = logging.getLogger(__name__)


class Sender(Protocol):
    """What an outbox needs of a connection."""

    def send(self, method: str, url: str, body: bytes) -> None: ...


class Report(msgspec.Struct, frozen=True):
    """`path` is relative to the controller's base; `passing` = progress that a later report makes worthless."""

    method: Literal["POST", "PUT"]
    path: str
    body: msgspec.Raw
    passing: bool = False
    tag: str = ""  # the uuid of an act or change


class Outbox:
    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        self._folder = folder
        self.refused: set[str] = set()  # the uuids the server said no to, since this process began
        self._lock = threading.Lock()
        self._delivering = threading.Lock()

    def __len__(self) -> int:
        return len(self._waiting())

    def tags(self) -> frozenset[str]:
        """The uuids of the acts and changes the server has not taken yet."""
        reports = [self._read(path) for path in self._waiting()]
        return frozenset(report.tag for report in reports if report and report.tag)

    def put(
        self, path: str, body: msgspec.Struct | Sequence[msgspec.Struct], *, passing: bool = False, tag: str = ""
    ) -> None:
        report = Report("POST", path, msgspec.Raw(msgspec.json.encode(body)), passing, tag)
        with self._lock:
            waiting = self._waiting()
            if len(waiting) >= MAX_WAITING:
                self._make_room(waiting)
            number = int(waiting[-1].stem) + 1 if waiting else 1
            write_atomic(self._folder / f"{number:010}.json", msgspec.json.encode(report))

    def deliver(self, sender: Sender) -> None:
        """Send all that waits, oldest first.

        Raises:
            ConnectionRefused: the report could not be handed over now; it and all later ones stay.
        """
        with self._delivering:
            for path in self._waiting():
                self._hand_over(path, sender)

    def _hand_over(self, path: Path, sender: Sender) -> None:
        if report := self._read(path):
            try:
                sender.send(report.method, report.path, bytes(report.body))
            except ConnectionRefused as refused:
                if refused.code != "SERVER_SAID_NO":
                    raise
                self.refused.add(report.tag)
                _log.warning("the server did not take %s %s: %s", report.method, report.path, refused.status)
        remove(path)

    def _read(self, path: Path) -> Report | None:
        """The report, or None where it made room for others meanwhile or is damaged beyond reading."""
        try:
            return msgspec.json.decode(path.read_bytes(), type=Report)
        except FileNotFoundError:
            return None
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            _log.error("report %s is damaged: %s", path.name, error)
            return None

    def _waiting(self) -> list[Path]:
        return sorted(path for path in self._folder.iterdir() if path.suffix == ".json")

    def _make_room(self, waiting: list[Path]) -> None:
        for path in waiting:
            report = self._read(path)
            if report and report.passing:
                remove(path)
                return
