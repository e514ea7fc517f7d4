"""The operator's desk: an installation, its running server, and the commands that somebody types beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx

from evertill.sim.demo.processes import MARK, start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

EVERTILL: Final = Path(sys.executable).with_name("evertill")
STARTS_WITHIN_S: Final = 60.0
ANSWERS_WITHIN_S: Final = 5.0
AT_ONCE: Final = 2  # commands typed side by side while laying out; the processor is what limits them


def side_by_side(doings: Iterable[Callable[[], object]]) -> None:
    """All of them, AT_ONCE at a time; raises what the first of them raised."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for begun in [pool.submit(doing) for doing in doings]:
            begun.result()


class CommandRefused(Exception):
    """A command said no; its sentence."""


class Office:
    """`installation`: what a shell needs to work beside it."""

    server: subprocess.Popen[str]

    def __init__(self, folder: Path, port: int, passphrase: str) -> None:
        self.folder, self.port = folder, port
        self.url = f"http://127.0.0.1:{port}"
        self.installation = {
            "EVERTILL_DATA": str(folder / "server"),
            "EVERTILL_KEYS": str(folder / "keys"),
            "EVERTILL_PASSPHRASE": passphrase,
        }
        self.environment = {**os.environ, **self.installation, MARK: str(folder)}
        for name in ("EVERTILL_DATABASE", "EVERTILL_AS", "DJANGO_SETTINGS_MODULE"):
            self.environment.pop(name, None)
        # Else each of some fifty programs compiles all that it imports.
        if self.environment.pop("PYTHONDONTWRITEBYTECODE", None):
            self.environment["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")

    def say(self, *words: str | Path) -> str:
        """Types `evertill …`; what it printed. Raises `CommandRefused`."""
        command = [str(EVERTILL), *map(str, words)]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CommandRefused(f"evertill {' '.join(map(str, words))}: {done.stderr.strip()}")
        return done.stdout

    def ask(self, *words: str | Path) -> Any:
        """The same with `--json`. Raises `CommandRefused`."""
        return json.loads(self.say(*words, "--json"))

    def say_all(self, lines: Iterable[Sequence[str | Path]]) -> None:
        """Commands that do not need each other. Raises `CommandRefused`, the first one there was."""
        side_by_side([partial(self.say, *words) for words in lines])

    def open(self) -> None:
        """Starts the server; commands can be typed beside it at once."""
        self.server = start([EVERTILL, "serve", "--port", str(self.port)], self._log, self.environment)

    def wait_until_open(self) -> None:
        """Until the server answers. Raises `CommandRefused` when it does not."""
        deadline = time.monotonic() + STARTS_WITHIN_S
        while time.monotonic() < deadline and self.server.poll() is None:
            if self.shows("/healthz"):
                return
            time.sleep(0.1)
        raise CommandRefused(f"the server did not start: {self._log.read_text(errors='replace')[-2000:]}")

    @property
    def _log(self) -> Path:
        return self.folder / "logs" / "server.log"

    def shows(self, path: str) -> bool:
        """Whether the server has this page, or a sign-in before it."""
        with suppress(httpx.HTTPError):
            return not httpx.get(f"{self.url}{path}", trust_env=False, timeout=ANSWERS_WITHIN_S).is_error
        return False
