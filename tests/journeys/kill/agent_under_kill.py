"""The agent of the kill tests: the real journey with the real backup, neighbours that say yes, and a tripwire before and after each save.

Started by the supervisor as the agent component of a prepared home: `agent_under_kill.py HOME`. It reads `order.json` (what to install),
`trip.json` (`{"state", "when"}`: where to stop and wait for `trip.go`, once) and leaves each report in `reports/`.
Everything runs in one thread, so that a tracer attached to this one process sees every file operation in order.
"""

import json
import os
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from evertill.protocol.release import ReleaseComponent
from evertill.terminal.agent.backup import Backups, Keys
from evertill.terminal.agent.journey.commands import TillCommands
from evertill.terminal.agent.journey.journal import Journal, Journey
from evertill.terminal.agent.journey.run import Journeys, Order
from evertill.terminal.agent.journey.states import Neighbours
from evertill.terminal.agent.journey.step import StepFailed
from evertill.terminal.durable import write_atomic
from evertill.terminal.generations.folders import GenerationFolders
from evertill.terminal.locks import FileLock
from evertill.terminal.processes import write_pidfile

LOOK_EVERY_S = 0.02


class TrippedJournal(Journal):
    """Stops the process where it was told to: before or after the save that enters a state."""

    def __init__(self, home: Path) -> None:
        super().__init__(home / "state" / "journey.json")
        self._home = home

    def save(self, journey: Journey) -> None:
        self._trip(journey, "before")
        super().save(journey)
        self._trip(journey, "after")

    def _trip(self, journey: Journey, when: str) -> None:
        wire = self._home / "trip.json"
        if wire.exists() and json.loads(wire.read_text()) == {"state": journey.state, "when": when}:
            wire.unlink()
            go = os.open(self._home / "trip.go", os.O_RDWR)
            write_atomic(self._home / "trip.reached", str(os.getpid()).encode())
            os.read(go, 1)  # until the test lets go, or kills us


class Told:
    """What a neighbour of the journey would do: a real backup, and reports that survive us."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._generations = GenerationFolders(home / "generations")
        keys = msgspec.json.decode((home / "keys.json").read_bytes(), type=Keys)
        self._backups = Backups(home / "backups", keys)

    def neighbours(self) -> Neighbours:
        def yes(_journey: Journey, _now: datetime) -> None:
            return None

        return Neighbours(
            consent=yes,
            before_download=yes,
            download=yes,
            trusted=yes,
            permitted=yes,
            before_install=yes,
            back_up=self._back_up,
            fresh=yes,
            bundle=lambda part: self._home / "cache" / part.path,
            entered=lambda _journey: None,
            ended=self._ended,
        )

    def _back_up(self, journey: Journey, now: datetime) -> str:
        generation = journey.from_generation or 0
        commands = TillCommands(self._generations)

        def self_test(data: Path) -> str | None:
            try:
                commands.self_test(generation, data, rehearsal=False)
            except StepFailed as failed:
                return str(failed)
            return None

        return self._backups.make(
            self._generations.data(generation),
            serial="T1",
            generation=generation,
            versions=self._generations.versions(generation),
            state_files=(),
            self_test=self_test,
            now=now,
        )

    def _ended(self, journey: Journey) -> None:
        told = {
            "outcome": journey.outcome,
            "runs": self._generations.current(),
            "release": journey.release,
            "failure": msgspec.to_builtins(journey.failure),
        }
        number = len(list((self._home / "reports").iterdir()))
        write_atomic(self._home / "reports" / f"{journey.id}.{number}.json", json.dumps(told).encode())


def order_of(home: Path) -> Order | None:
    """The action that is still open: none after its report."""
    order = json.loads((home / "order.json").read_bytes())
    if any((home / "reports").iterdir()):
        return None
    parts = tuple(msgspec.convert(part, ReleaseComponent) for part in order["parts"])
    return Order(id="action-7", action=7, release=order["release"], version=order["version"], parts=parts)


def main(home: Path) -> None:
    lock = FileLock(home / "run" / "agent.lock")
    if not lock.take_exclusive():
        sys.exit("another agent runs")
    write_pidfile(home / "run" / "agent.pid")
    told = Told(home)
    journeys = Journeys(home, told.neighbours(), lambda: datetime.now(UTC), TrippedJournal(home))
    journeys.resume()
    while True:
        order = order_of(home)
        if journeys.journey is None and order is not None:
            with suppress(OSError):
                journeys.begin(order)
        if journeys.turn() is None or journeys.journey is None or journeys.journey.held:
            time.sleep(LOOK_EVERY_S)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
