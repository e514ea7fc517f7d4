"""hawkBit's maintenance windows: a Quartz schedule, a duration and an offset, read as instants. Pure.

Rules kept here: the six or seven Quartz fields (seconds, minutes, hours, day of month, month, day of week with 1 = Sunday, year) with `*`, `?`, lists,
ranges, steps and names; spans are half-open. Quartz's L, W and # are refused by name rather than misread.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

from evertill.protocol.windows import Span

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

_MONTHS: Final = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_DAYS: Final = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
_NAMES: Final = {name: number for names in (_MONTHS, _DAYS) for number, name in enumerate(names, start=1)}
_FIELDS: Final = (
    ("seconds", 0, 59),
    ("minutes", 0, 59),
    ("hours", 0, 23),
    ("day of month", 1, 31),
    ("month", 1, 12),
    ("day of week", 1, 7),
    ("year", 1970, 2099),
)
_NEEDED_FIELDS: Final = 6
_DURATION: Final = re.compile(r"(\d{1,3}):([0-5]\d):([0-5]\d)")
_OFFSET: Final = re.compile(r"([+-])(\d{2}):([0-5]\d)")
_LONGEST: Final = timedelta(days=31)
_MOST_OFFSET: Final = timedelta(hours=14)
_DAYS_AHEAD: Final = 8 * 366 + 1  # a schedule on 29 February can be eight years away


@dataclass(frozen=True)
class MaintenanceWindow:
    schedule: tuple[frozenset[int], ...]
    duration: timedelta
    zone: timezone

    @classmethod
    def parse(cls, words: dict[str, Any]) -> MaintenanceWindow:
        """From {schedule, duration, timezone}. Raises ValueError with what is wrong."""
        return cls(
            _schedule(str(words.get("schedule", ""))),
            _duration(str(words.get("duration", ""))),
            _zone(str(words.get("timezone", ""))),
        )

    def span(self, now: datetime) -> Span | None:
        """The window that is open now, else the next one; None when there is none any more."""
        for opens_at in self._openings(now - self.duration):
            if now < opens_at + self.duration:
                return Span(opens_at, opens_at + self.duration)
        return None

    def _openings(self, after: datetime) -> Iterator[datetime]:
        """Every opening after `after`, in order."""
        seconds, minutes, hours, *_ = self.schedule
        times = [time(h, m, s) for h in sorted(hours) for m in sorted(minutes) for s in sorted(seconds)]
        first = after.astimezone(self.zone).date()
        for ahead in range(_DAYS_AHEAD):
            day = first + timedelta(days=ahead)
            if day.year > max(self.schedule[6]):
                return
            if not self._falls_on(day):
                continue
            for moment in times:
                opens_at = datetime.combine(day, moment, self.zone).astimezone(UTC)
                if opens_at > after:
                    yield opens_at

    def _falls_on(self, day: date) -> bool:
        *_, days, months, weekdays, years = self.schedule
        return day.day in days and day.month in months and day.isoweekday() % 7 + 1 in weekdays and day.year in years


def _schedule(text: str) -> tuple[frozenset[int], ...]:
    parts = text.upper().split()
    if not _NEEDED_FIELDS <= len(parts) <= len(_FIELDS):
        raise ValueError("a schedule has six or seven fields, such as 0 0 3 ? * *")
    parts += ["*"] * (len(_FIELDS) - len(parts))
    return tuple(_field(part, *words) for part, words in zip(parts, _FIELDS, strict=True))


def _field(text: str, name: str, least: int, most: int) -> frozenset[int]:
    values: set[int] = set()
    for part in text.split(","):
        span, _slash, step = part.partition("/")
        low, dash, high = span.partition("-")
        if span in {"*", "?"}:
            first, last = least, most
        else:
            first = _number(low, name)
            last = _number(high, name) if dash else (most if step else first)
        width = _number(step, name) if step else 1
        if not (least <= first <= most and least <= last <= most) or first > last or width < 1:
            raise ValueError(f"{name}: {part!r} is not within {least} to {most}")
        values.update(range(first, last + 1, width))
    return frozenset(values)


def _number(text: str, name: str) -> int:
    if text in _NAMES:
        return _NAMES[text]
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{name}: {text!r} is not supported")
    return int(text)


def _duration(text: str) -> timedelta:
    match = _DURATION.fullmatch(text)
    length = timedelta(hours=int(match[1]), minutes=int(match[2]), seconds=int(match[3])) if match else timedelta(0)
    if not timedelta(0) < length <= _LONGEST:
        raise ValueError("write the duration as HH:MM:SS, more than nothing")
    return length


def _zone(text: str) -> timezone:
    match = _OFFSET.fullmatch(text)
    if not match:
        raise ValueError("write the timezone as an offset such as +08:00")
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
    if offset > _MOST_OFFSET:
        raise ValueError("no place on earth has this offset")
    return timezone(-offset if match[1] == "-" else offset)
