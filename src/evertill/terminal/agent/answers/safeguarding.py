"""The backup before each installation, opened on trial by the very till that wrote the data."""

from datetime import datetime
from pathlib import Path
from typing import Final

from evertill.terminal.agent.backup import Backups, SelfTest
from evertill.terminal.agent.journey.commands import TillCommands
from evertill.terminal.agent.journey.journal import Journey
from evertill.terminal.agent.journey.step import StepFailed
from evertill.terminal.agent.place import Place
from evertill.terminal.generations.folders import SlotDamaged

BACKED_UP_STATE: Final = ("policy.json", "settings.json", "people.json", "acts.json")


class Safeguarding:
    def __init__(self, place: Place, backups: Backups) -> None:
        self._place = place
        self._backups = backups

    def before_install(self, journey: Journey, now: datetime) -> str:
        """The backup's name; the running generation's data, restored on trial."""
        if journey.from_generation is None:
            raise RuntimeError("a terminal without a till has nothing to back up")
        return self.back_up(journey.from_generation, now)

    def back_up(self, generation: int, now: datetime) -> str:
        """Raises TerminalRefused BACKUP_UNVERIFIED, OSError."""
        place = self._place
        return self._backups.make(
            place.generations.data(generation),
            serial=place.serial,
            generation=generation,
            versions=place.generations.versions(generation),
            state_files=tuple(place.state / name for name in BACKED_UP_STATE),
            self_test=self.self_test_of(generation),
            now=now,
        )

    def self_test_of(self, generation: int) -> SelfTest:
        commands = TillCommands(self._place.generations)

        def self_test(data: Path) -> str | None:
            try:
                commands.self_test(generation, data, rehearsal=True)
            except (StepFailed, SlotDamaged) as failed:
                return str(failed)
            return None

        return self_test
