"""What a preflight check is given and what it says: reasons that hold, and findings that only inform."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from evertill.protocol.reasons import Reason
from evertill.terminal.agent.preflight.sources import Sources

MARGIN_BYTES: Final = 64 * 1024 * 1024  # what the shop writes meanwhile, and what a file system wants for itself


class Need(NamedTuple):
    """How much room an update takes at its fullest moment: package + inactive slot + backup + margin."""

    package_bytes: int  # still to download
    slot_bytes: int  # the inactive slot, unpacked
    data_bytes: int  # the shop's data now

    @property
    def total_bytes(self) -> int:
        """A backup holds a copy, its archive and the restored copy at once; later the rehearsal's and the new data do."""
        return self.package_bytes + self.slot_bytes + 3 * self.data_bytes + MARGIN_BYTES


class Subject(NamedTuple):
    """One update about to be downloaded (stage 1) or installed (stage 2) on this terminal."""

    home: Path
    now: datetime
    need: Need
    sources: Sources
    clock_floor: datetime
    server_date: datetime | None  # of a server nobody could have impersonated, moments ago
    battery_floor_percent: int
    unmetered_only: bool
    budget_left_bytes: Callable[[], int]
    clean_cache: Callable[[], int]  # remove caches, never data; returns the bytes it freed
    must_unplug: bool = False
    incompatible: frozenset[str] = frozenset()  # USB ids the release does not work with
    daily: frozenset[str] = frozenset()  # USB ids in daily use
    version: str = ""
    power_confirmed: bool = False  # a person said the power is connected
    peripherals_confirmed: bool = False  # a person said to go on with them


class Findings(NamedTuple):
    """`reasons` hold the update; `warnings` are shown and hold nothing."""

    reasons: tuple[Reason, ...] = ()
    warnings: tuple[Reason, ...] = ()


Check: TypeAlias = Callable[[Subject], Findings]
