"""The two preflights of a journey: is this terminal fit to download, and, moments before, to install?"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from evertill.protocol.policy import Download, Peripherals
from evertill.protocol.release import Release, ReleaseComponent
from evertill.terminal.agent.download import Cache
from evertill.terminal.agent.journey.journal import Journey
from evertill.terminal.agent.journey.step import NotYet
from evertill.terminal.agent.metering import CellularMeter
from evertill.terminal.agent.permissions import Permissions
from evertill.terminal.agent.place import Place, Senses
from evertill.terminal.agent.preflight import STAGE_1, STAGE_2, STAGE_REPAIR, Findings, Need, Subject, preflight
from evertill.terminal.agent.preflight.check import Check

if TYPE_CHECKING:
    from evertill.protocol.reasons import Reason

UNPACKED_FACTOR: Final = 4  # zstd packs code 3 to 4 times; the exact size is known only inside the bundle


class Preflights:
    def __init__(
        self,
        place: Place,
        senses: Senses,
        cache: Cache,
        meter: CellularMeter,
        permissions: Permissions,
        release_of: Callable[[int], Release],
    ) -> None:
        self._place = place
        self._senses = senses
        self._cache = cache
        self._meter = meter
        self._permissions = permissions
        self._release_of = release_of
        self.warnings: tuple[Reason, ...] = ()  # of the latest stage 2, for the screens

    def before_download(self, journey: Journey, now: datetime) -> NotYet | None:
        return _held(self._preflight(STAGE_REPAIR if _is_local(journey) else STAGE_1, journey, now))

    def before_install(self, journey: Journey, now: datetime) -> NotYet | None:
        found = self._preflight(STAGE_REPAIR if journey.repair else STAGE_2, journey, now)
        self.warnings = found.warnings
        return _held(found)

    def _preflight(self, stage: tuple[Check, ...], journey: Journey, now: datetime) -> Findings:
        """Asked about the release as it is signed; going back and repairing need none, only room, and going back power and a clock."""
        is_new = journey.back_to is None and not journey.repair
        release = self._release_of(journey.release) if is_new else None
        policy, senses = self._permissions.effective().policy, self._senses
        ignores = policy.peripherals is Peripherals.IGNORE
        subject = Subject(
            home=self._place.home,
            now=now,
            need=self._need(journey),
            sources=senses.sources,
            clock_floor=senses.floor.value,
            server_date=senses.server_now(),
            battery_floor_percent=max(
                policy.battery_floor_percent, self._permissions.guardrails().battery_floor_percent
            ),
            unmetered_only=policy.download is Download.UNMETERED,
            budget_left_bytes=self._meter.allowance_left_bytes,
            clean_cache=lambda: self._cache.clean({part.sha256 for part in journey.parts}),
            must_unplug=release.must_unplug if release else False,
            incompatible=frozenset(release.incompatible_peripherals if release else ()),
            daily=senses.daily.usb_ids(now.astimezone(self._place.zone).date()),
            version=journey.version,
            power_confirmed=senses.confirmations.holds("power", now),
            peripherals_confirmed=ignores or senses.confirmations.holds("peripherals", now),
        )
        return preflight(stage, subject)

    def _need(self, journey: Journey) -> Need:
        generations = self._place.generations
        running = journey.from_generation
        data = tree_bytes(generations.data(running)) if running is not None else 0
        if journey.back_to is not None:
            return Need(0, tree_bytes(generations.slots(journey.back_to)), data)
        missing = 0 if _is_local(journey) else sum(map(self._missing_bytes, journey.parts))
        kept = tree_bytes(generations.slots(running)) if running is not None else 0
        return Need(missing, kept + UNPACKED_FACTOR * sum(part.length for part in journey.parts), data)

    def _missing_bytes(self, part: ReleaseComponent) -> int:
        return max(0, part.length - self._cache.have_bytes(part))


def tree_bytes(folder: Path) -> int:
    """The bytes of all files below a folder; one that vanishes meanwhile (a journal of SQLite) counts nothing."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_size
        except FileNotFoundError:
            continue
    return total


def _is_local(journey: Journey) -> bool:
    """A repair with what lies here."""
    return journey.repair and journey.action is None


def _held(found: Findings) -> NotYet | None:
    return NotYet(found.reasons) if found.reasons else None
