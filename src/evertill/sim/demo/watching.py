"""The player's line to the observer, a program of its own that believes nothing the player says."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from evertill.sim.demo.processes import start

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from evertill.sim.demo.office import Office
    from evertill.sim.demo.terminal import RealTerminal


class ObserverGone(Exception):
    """It ended; its log says why."""


class Watching:
    """`proxy_port`: where terminals find the server, counted."""

    def __init__(self, upstream_port: int, log: Path, environment: Mapping[str, str]) -> None:
        command = [sys.executable, "-m", "evertill.sim.observer", "--upstream", str(upstream_port)]
        self._process = start(command, log, environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._log = log
        self.proxy_port: int = self._read()["port"]

    def meet(self, office: Office, access: Mapping[str, Any], terminals: Sequence[RealTerminal]) -> None:
        """Whom to look at, and what to read the server with: `token`, `command`, `login`, `password`."""
        homes = [{"serial": each.serial, "home": str(each.home)} for each in terminals]
        self._ask(do="meet", server=office.url, **access, terminals=homes)

    def mark(self, *serials: str) -> None:
        """Remember how these terminals are now."""
        self._ask(do="mark", serials=list(serials))

    def see(self, chapter: str, what: str, within_s: float, **words: Any) -> dict[str, Any]:
        """Wait until it is so, or until the time is over."""
        return self._ask(do="see", chapter=chapter, what=what, within_s=within_s, **words)

    def report(self, file: Path | None, *, broken: str) -> bool:
        """Whether all of it was observed; written where a file is named. `broken`: why the story did not come to its end."""
        return bool(self._ask(do="report", file=str(file) if file else "", broken=broken)["observed"])

    def _ask(self, **request: Any) -> dict[str, Any]:
        stdin = self._process.stdin
        if stdin is None:
            raise ObserverGone(str(self._log))
        try:
            stdin.write(json.dumps(request, ensure_ascii=False) + "\n")
            stdin.flush()
        except OSError as error:
            raise ObserverGone(str(self._log)) from error
        return self._read()

    def _read(self) -> dict[str, Any]:
        stdout = self._process.stdout
        line = stdout.readline() if stdout else ""
        if not line:
            raise ObserverGone(f"see {self._log}")
        answer: dict[str, Any] = json.loads(line)
        return answer
