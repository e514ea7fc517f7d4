"""Which USB devices the shop uses every day, learned by looking once a day: nobody is asked to unplug their scanner each time."""

from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import msgspec

from evertill.terminal.agent.preflight.sources import Peripheral
from evertill.terminal.agent.records import Record

DAYS: Final = 3  # seen on so many days …
WITHIN: Final = timedelta(days=14)  # … of these


class _Seen(msgspec.Struct, frozen=True):
    days: dict[str, tuple[date, ...]] = {}


class DailyUse:
    def __init__(self, path: Path) -> None:
        self._record = Record(path, _Seen)

    def note(self, devices: Iterable[Peripheral], today: date) -> None:
        """These are plugged in today. Days long ago are forgotten."""
        known = self._load()
        found = {device.usb_id for device in devices}
        days = {
            usb_id: tuple(
                day
                for day in sorted({*known.get(usb_id, ()), *([today] if usb_id in found else [])})
                if _recent(day, today)
            )
            for usb_id in known.keys() | found
        }
        kept = {usb_id: seen for usb_id, seen in days.items() if seen}
        if kept != known:
            self._record.save(_Seen(kept))

    def forget(self) -> None:
        """Learn them anew."""
        self._record.save(_Seen())

    def usb_ids(self, today: date) -> frozenset[str]:
        return frozenset(
            usb_id for usb_id, days in self._load().items() if sum(_recent(day, today) for day in days) >= DAYS
        )

    def _load(self) -> dict[str, tuple[date, ...]]:
        kept = self._record.rescue()  # learned again within days; until then a warning too many
        return kept.days if kept else {}


def _recent(day: date, today: date) -> bool:
    return today - WITHIN < day <= today
