"""The terminal's clock and its floor: the latest moment that certainly has passed.

A terminal's clock may be reset by an empty battery or by hand. The floor only rises (build, journal, verified timestamp, a
server's date that nobody on the way could have written) and is kept across restarts; a clock below it is wrong.
"""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from evertill.terminal.agent.records import Record

Clock: TypeAlias = Callable[[], datetime]

BUILT_AT: Final = datetime(2026, 1, 1, tzinfo=UTC)  # no agent of this kind ran before; moved on with releases
_SAVE_EVERY: Final = timedelta(hours=1)  # flash wears out; losing an hour of floor costs nothing


def system_clock() -> datetime:
    return datetime.now(UTC)


class _Floor(msgspec.Struct):
    passed: datetime


class ClockFloor:
    def __init__(self, path: Path) -> None:
        self._record = Record(path, _Floor)
        self._lock = threading.Lock()
        self._saved = self._load()
        self._value = self._saved

    @property
    def value(self) -> datetime:
        return self._value

    def rise(self, moment: datetime) -> None:
        """This moment has passed; earlier ones change nothing."""
        with self._lock:
            if moment <= self._value:
                return
            self._value = moment
            if moment - self._saved >= _SAVE_EVERY:
                self._record.save(_Floor(moment))
                self._saved = moment

    def _load(self) -> datetime:
        kept = self._record.rescue()  # lost, the next contact raises it again
        return max(BUILT_AT, kept.passed) if kept and kept.passed.tzinfo else BUILT_AT
