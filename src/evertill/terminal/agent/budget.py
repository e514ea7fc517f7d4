"""How many bytes of mobile data updates have used this month.

Rules kept here: bytes are counted before they are needed again, so a crash never forgets more than one save's worth; months
are the terminal's own; a clock that went back opens no new month; a damaged count means the month is spent.
"""

import threading
from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from evertill.terminal.agent.clock import Clock
from evertill.terminal.agent.records import Record
from evertill.terminal.errors import TerminalRefused

_SPENT: Final = 2**53


class Month(msgspec.Struct, frozen=True):
    month: str  # 2026-11
    used_bytes: int


class CellularBudget:
    def __init__(self, path: Path, clock: Clock, zone: ZoneInfo) -> None:
        self._record = Record(path, Month)
        self._clock = clock
        self._zone = zone
        self._lock = threading.Lock()

    def left_bytes(self, allowance_bytes: int) -> int:
        with self._lock:
            return max(0, allowance_bytes - self._current().used_bytes)

    def spend(self, size_bytes: int) -> None:
        with self._lock:
            month = self._current()
            self._record.save(Month(month.month, min(month.used_bytes + size_bytes, _SPENT)))

    def _current(self) -> Month:
        name = _month(self._clock().astimezone(self._zone))
        try:
            kept = self._record.load()
        except TerminalRefused:
            kept = Month(name, _SPENT)
            self._record.save(kept)
        return kept if kept and kept.month >= name else Month(name, 0)


def _month(local: datetime) -> str:
    return f"{local.year:04}-{local.month:02}"
