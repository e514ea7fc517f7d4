"""A board that runs Debian's own swupdate against the device door."""

from __future__ import annotations

import os
import subprocess
import tempfile
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from tests.journeys.office import TOKEN, eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.journeys.swupdate.image import Signer


# What it tells of itself once per start (configData).
IDENTITY = """
globals : { };
identify : (
  { name = "board"; value = "demo"; },
  { name = "hardware"; value = "1.0"; }
);
"""


class Board:
    """One device; `boot` starts its swupdate, `power_off` ends it. Nothing of the machine's own boot loader is touched."""

    def __init__(self, folder: Path, serial: str, signer: Signer, port: int, *, token: str = TOKEN) -> None:
        self.serial, self.port = serial, port
        self._signer, self._token = signer, token
        self._log = folder / f"{serial}.log"
        self._configuration = folder / f"{serial}.cfg"
        self._configuration.write_text(IDENTITY, encoding="ascii")
        self.installed = folder / f"{serial}-installed.bin"
        self._stack = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        # Its sockets lie in TMPDIR, whose path must stay short.
        self._sockets = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="swu-"))
        return self

    def __exit__(self, *_problem: object) -> None:
        self.power_off()
        self._stack.close()

    def boot(self, *, after_install: bool = False, speed: str = "") -> None:
        """`after_install`: says that the boot loader started the new system."""
        server = f"-t DEFAULT -u http://127.0.0.1:{self.port} -i {self.serial} -k {self._token} -p 2 -r 5 -w 1"
        server += " -c 2" if after_install else ""
        server += f" -n {speed}" if speed else ""
        device = f"-f {self._configuration} -l 3 -B none -M -m -H board:1.0 -k {self._signer.certificate}"
        argv = ["swupdate", *device.split(), "-u", server]
        with self._log.open("ab") as log:
            environment = {**os.environ, "TMPDIR": self._sockets}
            self._process = subprocess.Popen(
                argv, stdout=log, stderr=subprocess.STDOUT, env=environment, start_new_session=True
            )

    def power_off(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, 9)
            self._process.wait()
            self._process = None

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def says(self, text: str) -> None:
        """Waits until its log contains this."""
        eventually(lambda: text in self.log)
