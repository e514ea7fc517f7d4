"""Time, handed in: aware UTC for moments, monotonic for durations, the process's local zone for the business day."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where the till gets its time from."""

    def now(self) -> datetime:
        """Aware UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back; comparable between processes of one boot."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        """Aware UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """CLOCK_MONOTONIC, seconds."""
        return time.monotonic()


def stamp(moment: datetime) -> str:
    """A moment as the journal keeps it: ISO 8601, UTC, milliseconds; sorts as text."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def business_day(moment: datetime) -> str:
    """The shop's date at a moment, in the process's local zone (TZ)."""
    return moment.astimezone().date().isoformat()
