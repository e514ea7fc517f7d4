"""A real terminal of the demo: its home, set up and run by `evertill-terminal`, and what a person does at it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from evertill.sim.demo.cashier import Cashier, new_pin
from evertill.sim.demo.lines import LineBroken, ask
from evertill.sim.demo.office import CommandRefused
from evertill.sim.demo.processes import start
from evertill.sim.demo.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evertill.sim.demo.cast import Till

EVERTILL_TERMINAL: Final = Path(sys.executable).with_name("evertill-terminal")
ANSWERS_WITHIN_S: Final = 60.0


class RealTerminal:
    def __init__(self, till: Till, folder: Path, environment: Mapping[str, str]) -> None:
        self.serial, self.name, self.node = till.serial, till.name, till.node
        self.folder = folder
        self.home = folder / "home"
        self.provision = folder / "provision.json"
        self.owner_pin = new_pin()
        self.cashier = Cashier(self.home)
        self._pins = folder / "pins"
        self._environment = dict(environment)

    def set_up(self) -> None:
        """`evertill-terminal setup`, as a technician does. Raises `CommandRefused`."""
        self._pins.touch(mode=0o600)
        self._pins.write_text(f"owner {self.owner_pin}\n", encoding="ascii")
        recovery = self.folder / "recovery.key"
        self.say(
            "setup", "--provision", self.provision, "--pin-file", self._pins, "--recovery-out", recovery, "--simulated"
        )

    def switch_on(self) -> None:
        """`evertill-terminal run`: the supervisor, and with it everything else."""
        command: list[str | Path] = [EVERTILL_TERMINAL, "run", "--home", self.home, "--screen-port", "0"]
        start(command, self.folder / "terminal.log", self._environment)

    def switch_off(self) -> None:
        """The power port's order to the supervisor. Raises `CommandRefused` when the till will not stop."""
        said = self._tell("supervisor.sock", {"do": "shutdown"})
        if "error" in said:
            raise CommandRefused(f"{self.serial} cannot be switched off now: {said['error']}")

    def wait_for_screen(self) -> None:
        """Until it tells where its screen is shown. Raises `CommandRefused`."""
        deadline = time.monotonic() + ANSWERS_WITHIN_S
        while self.screen_port() is None:
            if time.monotonic() > deadline:
                raise CommandRefused(f"{self.serial} shows no screen")
            time.sleep(0.1)

    def say(self, command: str, *words: str | Path) -> str:
        """Types `evertill-terminal …` for this home; what it printed. Raises `CommandRefused`."""
        line = [str(EVERTILL_TERMINAL), command, "--home", str(self.home), *map(str, words)]
        done = subprocess.run(line, env=self._environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CommandRefused(f"evertill-terminal {command} ({self.serial}): {done.stderr.strip()}")
        return done.stdout

    @property
    def screen(self) -> Screen:
        """Its touch screen, wherever it is shown since it was switched on last. Raises `CommandRefused` while there is none."""
        port = self.screen_port()
        if port is None:
            raise CommandRefused(f"{self.serial} shows no screen")
        return Screen(port)

    def screen_port(self) -> int | None:
        try:
            return int((self.home / "run" / "screen.port").read_text())
        except (OSError, ValueError):
            return None

    def _tell(self, name: str, order: dict[str, Any]) -> dict[str, Any]:
        """An order on one of the terminal's own sockets; right after a start it may take a moment until somebody listens."""
        deadline = time.monotonic() + ANSWERS_WITHIN_S
        while True:
            try:
                return ask(self.home / "run" / name, order)
            except LineBroken as broken:
                if time.monotonic() > deadline:
                    raise CommandRefused(f"{self.serial}: {broken}") from broken
                time.sleep(0.1)
