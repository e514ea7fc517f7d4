"""A shop's counter in a test: one real terminal with its processes, its owner and its cashier."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evertill.sim.demo.cashier import Cashier

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.journeys.office import Office

TERMINAL = Path(sys.executable).with_name("evertill-terminal")
SERIAL = "DEMO-0001"
SOON_S = 90.0


class Counter:
    """A shop's counter: one real terminal, its people and its cashier."""

    def __init__(self, office: Office, folder: Path, *, screen: bool = False) -> None:
        self.office, self.home = office, folder / "home"
        self._pins, self._log = folder / "pins", folder / "terminal.log"
        self._pins.touch(mode=0o600)
        self._pins.write_text("demo-owner 486259\n", encoding="ascii")
        provision = folder / "provision.json"
        words = ("--serial", SERIAL, "--model", "D10", "--hardware-revision", "A", "--at", "DEFAULT/shop")
        office.say("terminal", "add", *words, "--url", f"http://127.0.0.1:{office.port}", "--provision", str(provision))
        setup = (
            "--provision",
            provision,
            "--pin-file",
            self._pins,
            "--recovery-out",
            folder / "recovery",
            "--simulated",
        )
        self.type("setup", *setup)
        self.cashier = Cashier(self.home)
        self._screen = ["--screen-port", "0"] if screen else []
        self.process = self._run()

    def _run(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [TERMINAL, "run", "--home", self.home, *self._screen], stdout=log, stderr=subprocess.STDOUT
            )

    def try_to(self, command: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
        line = [str(word) for word in (TERMINAL, command, "--home", self.home, *words)]
        return subprocess.run(line, capture_output=True, text=True, check=False, env={**os.environ, "LANG": "C"})

    def type(self, command: str, *words: str | Path) -> str:
        done = self.try_to(command, *words)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    def status(self) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(self.type("status", "--json"))
        return said

    def switch(self, mode: str) -> None:
        self.type("updates", mode, "--person", "demo-owner", "--pin-file", self._pins)

    def runs(self, version: str) -> bool:
        found = self.status()
        return bool(found["components"].get("till") == version and found["journey"] is None)

    def held_by(self) -> list[str]:
        journey = self.status()["journey"] or {"held": []}
        return [reason["code"] for reason in journey["held"]]

    def books(self) -> tuple[int, int]:
        """Sales in the journal that is in force, and their sum in fen."""
        with closing(
            sqlite3.connect(f"file:{self.home}/generations/current/data/journal.db?mode=ro", uri=True)
        ) as journal:
            count, total = journal.execute("SELECT count(*), coalesce(sum(total_fen), 0) FROM entries").fetchone()
        return count, total

    def slots(self) -> dict[str, str]:
        """Every installed generation with one hash over its slot."""
        found = {}
        for slot in sorted((self.home / "generations").glob("[0-9]*/slot")):
            whole = hashlib.sha256()
            for file in sorted(path for path in slot.rglob("*") if path.is_file()):
                whole.update(str(file.relative_to(slot)).encode() + file.read_bytes())
            found[slot.parent.name] = whole.hexdigest()
        return found

    def start_again(self) -> None:
        self.process.wait(10)
        self.process = self._run()

    def stop(self) -> None:
        """Everything of this counter; a till outlives its supervisor on purpose, so it is ended by name."""
        self.process.terminate()
        self.process.wait(30)
        subprocess.run(["pkill", "-9", "-f", str(self.home)], check=False)


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SOON_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def demo_shop(office: Office) -> None:
    """A shop that may be updated at any moment, again and again, and polls every two seconds: ordinary policy."""
    shop = ["node", "add", "DEFAULT/shop", "--kind", "merchant", "--name-zh", "演示商户", "--name-en", "Demo merchant"]
    model = ["model", "add", "D10", "--hardware", "A"]
    fields = (("window", '"00:00-24:00"'), ("rate_limit_days", "0"), ("poll_s", "2"))
    policy = [["policy", "set", "DEFAULT", field, value, "--reason", "demo"] for field, value in fields]
    office.say_all(shop, model, *policy)
