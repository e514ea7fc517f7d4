"""Switching a terminal off: its processes always, the machine only where the provision file says so.

Rules kept here: the supervisor is asked first and may refuse (a sale in progress, an update under way), and nothing happens then;
`systemctl poweroff` is reached by `power: systemd` alone. Not here: whether it is time.
"""

import subprocess
from pathlib import Path
from typing import Final

from evertill.terminal.lines import Unreachable, ask

ANSWER_TIMEOUT_S: Final = 5.0
POWEROFF: Final = ("/usr/bin/systemctl", "poweroff")


class PowerRefused(Exception):
    """The supervisor will not, with its code, or does not answer."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Power:
    def __init__(self, home: Path, power: str) -> None:
        """`power`: the provision file's word, `none` or `systemd`."""
        self._supervisor = home / "run" / "supervisor.sock"
        self._is_machine = power == "systemd"

    def off(self) -> None:
        """Raises PowerRefused; everything goes on then."""
        try:
            answer = ask(self._supervisor, {"do": "shutdown"}, ANSWER_TIMEOUT_S)
        except Unreachable as error:
            raise PowerRefused("SUPERVISOR_SILENT") from error
        if "error" in answer:
            raise PowerRefused(str(answer["error"]))
        if self._is_machine:
            subprocess.run(POWEROFF, check=False, stdin=subprocess.DEVNULL)
