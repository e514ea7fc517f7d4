"""Switching a terminal off, or off and on: its processes always, the machine only where the provision file says so.

Rules kept here: the supervisor is asked first and may refuse (a sale in progress, an update under way), and nothing happens then;
`systemctl` is reached by `power: systemd` alone. Not here: whether it is time.
"""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from evertill.terminal.lines import Unreachable, ask

ANSWER_TIMEOUT_S: Final = 5.0
POWEROFF: Final = ("/usr/bin/systemctl", "poweroff")
REBOOT: Final = ("/usr/bin/systemctl", "reboot")


class PowerRefused(Exception):
    """The supervisor will not, with its code, or does not answer."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Power:
    def __init__(
        self, home: Path, power: str, poweroff: Sequence[str] = POWEROFF, reboot: Sequence[str] = REBOOT
    ) -> None:
        """`power`: the provision file's word, `none` or `systemd`; then the commands that switch the machine off, or off and on."""
        self._supervisor = home / "run" / "supervisor.sock"
        self._is_machine = power == "systemd"
        self._poweroff = poweroff
        self._reboot = reboot

    def off(self) -> None:
        """Raises PowerRefused; everything goes on then."""
        self._end(self._poweroff)

    def restart(self) -> None:
        """Off, and on again where the machine's power is ours. Raises PowerRefused; everything goes on then."""
        self._end(self._reboot)

    def _end(self, command: Sequence[str]) -> None:
        try:
            answer = ask(self._supervisor, {"do": "shutdown"}, ANSWER_TIMEOUT_S)
        except Unreachable as error:
            raise PowerRefused("SUPERVISOR_SILENT") from error
        if "error" in answer:
            raise PowerRefused(str(answer["error"]))
        if self._is_machine:
            subprocess.run(command, check=False, stdin=subprocess.DEVNULL)
