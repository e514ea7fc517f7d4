"""The notice of an update: shown at sign-in, once a business day, and never while a sale is running.

Rules kept here: what somebody agreed to, put off or is installing needs no notice; with updates off only security has one; what
counts is that the till has shown it, not that it was asked to; the day is kept on disk, so a screen that starts again does not repeat it. Not here: how it looks
(the till's sign-in page), what is offered.
"""

import threading
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from evertill.terminal.agent.records import Record
from evertill.terminal.shell.facts import Facts, OfferFacts

SECURITY: Final = frozenset({"security", "critical"})


class _Shown(msgspec.Struct, frozen=True):
    day: date


class Notices:
    def __init__(self, home: Path, zone: ZoneInfo) -> None:
        self._record = Record(home / "state" / "notice.json", _Shown)
        self._zone = zone
        self._lock = threading.Lock()
        self._latest: date | None = None  # also where the disk is full

    def due(self, facts: Facts, now: datetime) -> str:
        """The version to tell of; empty = none today any more."""
        offer = facts.best_offer
        if offer is None or facts.till is None or facts.till.sale or facts.journey is not None:
            return ""
        is_silent = facts.mode == "never" and offer.severity not in SECURITY
        if is_silent or _is_answered(offer, now) or self._shown_on() == self._day(now):
            return ""
        return offer.version

    def shown(self, now: datetime) -> None:
        """It stood on the screen: not again before tomorrow."""
        with self._lock, suppress(OSError):
            self._latest = self._day(now)
            self._record.save(_Shown(self._latest))

    def _shown_on(self) -> date | None:
        with self._lock:
            if self._latest is None and (kept := self._record.rescue()) is not None:
                self._latest = kept.day
            return self._latest

    def _day(self, now: datetime) -> date:
        return now.astimezone(self._zone).date()


def _is_answered(offer: OfferFacts, now: datetime) -> bool:
    return offer.is_agreed(now) or offer.is_postponed(now)
