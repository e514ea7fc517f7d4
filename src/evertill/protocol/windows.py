"""When: windows of the day, freezes and polls, as instants of a terminal's own zone.

Rules kept here, with daylight saving:
- A window is wall-clock time, `03:00-05:00`; it may span midnight; `00:00-24:00` is every moment.
- A wall-clock time that is skipped (spring) means the first moment after the gap; a window wholly inside it is left out that night.
- A wall-clock time that happens twice (autumn): of the possible readings the shortest counts, then the earliest. So every moment
  of a window shows a wall clock inside the window, and no night gives more time than the clock on the wall shows.
- A freeze counts whole local days, first and last included, by the longer reading.
- Opening hours are cut out of a window; of what is left that night, the longest piece counts.
- Spans are half-open, [opens_at, closes_at), aware and in UTC.
Not here: who obeys (the rules) and what a zone is (the caller brings a `ZoneInfo`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Final
from zlib import crc32

import msgspec

from evertill.protocol.ddi import MAX_SLEEP_S, MIN_SLEEP_S

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from zoneinfo import ZoneInfo

DAY_MINUTES: Final = 24 * 60
# A gap or a skipped date (Samoa, 30 December 2011) can cost single nights, never ten in a row.
_NIGHTS_AHEAD: Final = 10
# The last poll before a window brings cancellations; spread by the same jitter as every poll.
POLL_LEAD_S: Final = 600
_WINDOW = re.compile(r"(\d{2}):(\d{2})[-–](\d{2}):(\d{2})")


@dataclass(frozen=True, slots=True)
class Span:
    opens_at: datetime
    closes_at: datetime

    def __contains__(self, moment: datetime) -> bool:
        return self.opens_at <= moment < self.closes_at

    def without(self, other: Span) -> list[Span]:
        before = Span(self.opens_at, min(self.closes_at, other.opens_at))
        after = Span(max(self.opens_at, other.closes_at), self.closes_at)
        return [rest for rest in (before, after) if rest.opens_at < rest.closes_at]


@dataclass(frozen=True, slots=True)
class Window:
    """Minutes of the day; `closes` at or before `opens` lies on the next day. Equal minutes are refused: it would say nothing."""

    opens: int
    closes: int

    def __post_init__(self) -> None:
        if not (0 <= self.opens < DAY_MINUTES and 0 < self.closes <= DAY_MINUTES and self.opens != self.closes):
            raise ValueError(f"not a window: {self.opens} to {self.closes}")

    @classmethod
    def parse(cls, text: str) -> Window:
        """`03:00-05:00`; `22:00-24:00` ends at midnight. ValueError for everything else."""
        match = _WINDOW.fullmatch(text)
        if not match or int(match[2]) > 59 or int(match[4]) > 59:  # noqa: PLR2004 - minutes of an hour
            raise ValueError(f"not a window: {text[:32]!r}")
        return cls(int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4]) or DAY_MINUTES)

    def __str__(self) -> str:
        return f"{clock(self.opens)}-{clock(self.closes)}"

    @property
    def shown(self) -> str:
        return str(self).replace("-", "–")

    @property
    def always(self) -> bool:
        return self.opens == 0 and self.closes == DAY_MINUTES

    @property
    def minutes(self) -> int:
        return (self.closes - self.opens) % DAY_MINUTES or DAY_MINUTES

    def complement(self) -> Window | None:
        """The rest of the day; None for a whole day."""
        return None if self.always else Window(self.closes % DAY_MINUTES, self.opens or DAY_MINUTES)

    def overlaps(self, other: Window) -> bool:
        ahead, behind = (other.opens - self.opens) % DAY_MINUTES, (self.opens - other.opens) % DAY_MINUTES
        return ahead < self.minutes or behind < other.minutes


DEFAULT_WINDOW: Final = Window(3 * 60, 5 * 60)


class FreezeRange(msgspec.Struct, frozen=True):
    """Local calendar days, both included."""

    starts_on: date
    ends_on: date

    @property
    def days(self) -> int:
        return (self.ends_on - self.starts_on).days + 1


@dataclass(frozen=True, slots=True)
class Share:
    """Which part of the store's window a terminal starts in: the tills of a store spread over it, in a fixed order."""

    index: int = 0
    count: int = 1


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def default_window(hours: Window | None) -> Window:
    """03:00–05:00, or two hours in the middle of the night of a shop that is open then."""
    closed = hours.complement() if hours else None
    if hours is None or closed is None or not hours.overlaps(DEFAULT_WINDOW):
        return DEFAULT_WINDOW
    length = min(DEFAULT_WINDOW.minutes, closed.minutes)
    opens = (closed.opens + (closed.minutes - length) // 2) % DAY_MINUTES
    return Window(opens, (opens + length) % DAY_MINUTES or DAY_MINUTES)


def span_on(window: Window, day: date, zone: ZoneInfo) -> Span | None:
    """The window that opens on this local day; None when the clock skips over all of it."""
    last_day = day if window.closes > window.opens else day + timedelta(days=1)
    spans = [
        Span(opens_at, closes_at)
        for opens_at in _readings(day, window.opens, zone)
        for closes_at in _readings(last_day, window.closes, zone)
        if opens_at < closes_at
    ]
    return min(spans, key=lambda span: (span.closes_at - span.opens_at, span.opens_at), default=None)


def upcoming(window: Window, zone: ZoneInfo, now: datetime) -> Iterator[tuple[date, Span]]:
    """The windows of the next nights with the local day they open on, the one that is open now first."""
    today = now.astimezone(zone).date()
    for ahead in range(-1, _NIGHTS_AHEAD):
        day = today + timedelta(days=ahead)
        span = span_on(window, day, zone)
        if span and now < span.closes_at:
            yield day, span


@dataclass(frozen=True, slots=True)
class Nights:
    """When one terminal may start by itself, night after night."""

    window: Window
    zone: ZoneInfo
    serial: str
    estimate: timedelta
    share: Share = Share()
    hours: Window | None = None

    def turn(self, now: datetime) -> Span | None:
        """From this terminal's own minute until the end minus the estimate: the turn that is on, or the next one.

        None when the window is too short for the estimate on each of the coming nights.
        """
        return next((self._own(day, span) for day, span in self._nights(now)), None)

    def open(self, now: datetime) -> Span | None:
        """The same, whichever minute is this terminal's own: when it is not too early and not too late for any."""
        return next((span for _day, span in self._nights(now)), None)

    def _nights(self, now: datetime) -> Iterator[tuple[date, Span]]:
        """From the first to the last moment at which something could start, night after night."""
        for day, span in upcoming(self.window, self.zone, now):
            quiet = max(self._quiet(day, span), key=lambda piece: piece.closes_at - piece.opens_at, default=None)
            latest = quiet.closes_at - self.estimate if quiet else span.opens_at
            if quiet and quiet.opens_at < latest and now < latest:
                yield day, Span(quiet.opens_at, latest)

    def _own(self, day: date, night: Span) -> Span:
        share = (night.closes_at - night.opens_at) / self.share.count
        minutes = max(1, int(share.total_seconds() // 60))
        own = timedelta(minutes=_number(self.serial, day.isoformat()) % minutes)
        return Span(_whole_second(night.opens_at + share * self.share.index) + own, night.closes_at)

    def _quiet(self, day: date, span: Span) -> list[Span]:
        """What is left of a window when opening hours are cut out."""
        if self.hours is None:
            return [span]
        pieces = [span]
        for ahead in (-1, 0, 1):
            if cut := span_on(self.hours, day + timedelta(days=ahead), self.zone):
                pieces = [rest for piece in pieces for rest in piece.without(cut)]
        return pieces


def quiet_time(hours: Window, zone: ZoneInfo, estimate: timedelta, now: datetime) -> Span | None:
    """The closed hours that are on or come next, ending early enough to finish; None when there are none long enough."""
    closed = hours.complement()
    if closed is None:
        return None
    spans = (Span(span.opens_at, span.closes_at - estimate) for _, span in upcoming(closed, zone, now))
    return next((span for span in spans if span.opens_at < span.closes_at and now < span.closes_at), None)


def freezes(ranges: Iterable[FreezeRange], zone: ZoneInfo) -> list[tuple[FreezeRange, Span]]:
    """Freezes as instants, in order; ranges that touch are one."""
    merged: list[FreezeRange] = []
    for each in sorted(ranges, key=lambda r: r.starts_on):
        if merged and each.starts_on <= merged[-1].ends_on + timedelta(days=1):
            merged[-1] = FreezeRange(merged[-1].starts_on, max(merged[-1].ends_on, each.ends_on))
        else:
            merged.append(each)
    return [(each, _whole_days(each, zone)) for each in merged]


def poll_sleep_s(interval_s: int, serial: str, now: datetime, opens_at: datetime | None = None) -> int:
    """How long a terminal sleeps: the interval ± 20 %, cut so that one poll comes shortly before a window and one as it opens."""
    sleep_s = interval_s * _spread(serial, now)
    if opens_at is not None and opens_at > now:
        until_open_s = (opens_at - now).total_seconds()
        until_lead_s = until_open_s - POLL_LEAD_S * _spread(serial, opens_at)
        # Within the lead the next poll is the opening itself: a client that installs by link must see it open.
        sleep_s = min(sleep_s, until_lead_s if until_lead_s >= MIN_SLEEP_S else until_open_s)
    return max(MIN_SLEEP_S, min(MAX_SLEEP_S, round(sleep_s)))


def _spread(serial: str, moment: datetime) -> float:
    """A checksum is random enough for a spread, and this is on the way of every poll."""
    return 0.8 + 0.4 * (crc32(f"{serial}|{int(moment.timestamp())}".encode()) % 1000) / 1000


def _readings(day: date, minute: int, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """A wall-clock time as instants, earlier and later reading: equal unless the clock is set back over it."""
    wall = datetime.combine(day, time()) + timedelta(minutes=minute)
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first <= second:
        return first, second
    # Skipped: PEP 495 reads fold=0 by the offset before the gap (too late) and fold=1 by the one after (too early).
    return (_first_at(wall, zone, second, first),) * 2


def _first_at(wall: datetime, zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first whole second between two instants that shows `wall` or later."""
    while after - before > timedelta(seconds=1):
        middle = _whole_second(before + (after - before) / 2)
        if middle.astimezone(zone).replace(tzinfo=None) < wall:
            before = middle
        else:
            after = middle
    return after


def _whole_days(freeze: FreezeRange, zone: ZoneInfo) -> Span:
    return Span(_readings(freeze.starts_on, 0, zone)[0], _readings(freeze.ends_on, DAY_MINUTES, zone)[1])


def _whole_second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def _number(*parts: str) -> int:
    """The same on every machine and in every process, unlike hash()."""
    return int.from_bytes(blake2b("|".join(parts).encode(), digest_size=8).digest(), "big")
