"""What is kept on this terminal, and what is thrown away when nothing needs it any more.

    packages            those of the running slot, so that it can be repaired without a network; the rest when no update is under way
    agents              the running one and the committed one before it
    signed documents    those that are signed now
    logs                two files of a bounded size each
    generations         the running one and the committed one before it (making room, at the begin of each journey)
    backups             three (backup)

Runs between journeys, in the journey's thread. What fails here fails silently but for the log: an old file is nobody's emergency.
"""

import logging
import shutil
import time
from datetime import timedelta
from pathlib import Path
from typing import Final

from evertill.protocol.errors import ProtocolRefused
from evertill.terminal.agent.download import Cache
from evertill.terminal.agent.place import Place
from evertill.terminal.agent.trust import TrustClient
from evertill.terminal.generations.contents import load_contents
from evertill.terminal.program import MAX_LOG_BYTES

EVERY_S: Final = timedelta(days=1).total_seconds()
_log: Final = logging.getLogger(__name__)


class Housekeeping:
    def __init__(self, place: Place, cache: Cache, trust: TrustClient) -> None:
        self._place = place
        self._cache = cache
        self._trust = trust
        self._tidied_at: float | None = None  # monotonic

    def look(self, *, idle: bool) -> None:
        """Tidy after each journey, at the start, and once a day; `idle`: no journey is under way."""
        if not idle:
            self._tidied_at = None
        elif self._tidied_at is None or time.monotonic() - self._tidied_at >= EVERY_S:
            self.tidy()
            self._tidied_at = time.monotonic()

    def tidy(self) -> None:
        """Throw away what is old. Repeating is cheap."""
        for task in (self._packages, self._agents, self._documents, self._logs):
            try:
                task()
            except (OSError, ProtocolRefused) as error:
                _log.warning("not tidied: %s", error)

    def _packages(self) -> None:
        current = self._place.generations.current()
        contents = load_contents(self._place.generations.folder(current)) if current is not None else {}
        self._cache.clean({content.part.sha256 for content in contents.values()})

    def _agents(self) -> None:
        self._place.agents.discard_old()

    def _documents(self) -> None:
        self._trust.forget_unsigned()

    def _logs(self) -> None:
        for log in (self._place.home / "logs").glob("*.log"):
            if log.stat().st_size > MAX_LOG_BYTES:
                _rotate(log)


def _rotate(log: Path) -> None:
    """The program goes on writing into the same file, at its end (O_APPEND): a few lines may be lost between copy and cut."""
    shutil.copyfile(log, log.with_suffix(".log.1"))
    with log.open("r+b") as file:
        file.truncate()
