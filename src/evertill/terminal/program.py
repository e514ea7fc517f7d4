"""One program the supervisor keeps alive: which process it is now, and when it may be started next.

Rules kept here: a process is known by its pidfd, whether we started it or found it by its pidfile, so a recycled pid is never
signalled; the generation it runs is read from its own command line; ends are spaced, a first one is not. Like all of the
supervisor it needs the small parts of the standard library only. It decides nothing.
"""

import json
import os
import re
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from evertill.terminal.generations.folders import GenerationFolders
from evertill.terminal.processes import command_line, read_pidfile

STEADY_S = 60.0  # up for so long = the next failure is a first one again
MAX_PAUSE_S = 30.0
MAX_LOG_BYTES = 1 << 20


class Program:
    def __init__(self, home: Path, name: str, folder: str, pidfile: Path) -> None:
        self.name = name
        self.generations = GenerationFolders(home / folder)
        self.pid: int | None = None
        self.exit_fd = -1  # readable once the process has ended, child of ours or not: pidfd_open(2)
        self.ends = 0
        self.started = self.next_start = 0.0
        self._log = home / "logs" / f"{name}.log"
        self._pidfile = pidfile
        self._chosen: int | None = None
        self._in_folder = re.compile(rf"/{folder}/(\d+)/")

    @property
    def command(self) -> list[str]:
        return command_line(self.pid) if self.pid else []

    @property
    def generation(self) -> int | None:
        """The generation the process was started from, by its own command line."""
        found = self._in_folder.search(" ".join(self.command))
        return int(found[1]) if found else None

    def attach(self) -> None:
        """Find it alive by its pidfile, if it is."""
        pid = read_pidfile(self._pidfile)
        if self.pid is None and pid is not None:
            self._watch(pid)

    def start(self, command: list[str], home: Path) -> None:
        if self._log.exists() and self._log.stat().st_size > MAX_LOG_BYTES:
            self._log.replace(self._log.with_suffix(".log.1"))
        log = (os.POSIX_SPAWN_OPEN, 1, str(self._log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        actions = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0), log, (os.POSIX_SPAWN_DUP2, 1, 2)]
        pid = os.posix_spawn(command[0], command, _environment(home), file_actions=actions, setpgroup=0)
        self._watch(pid)

    def signal(self, number: int) -> None:
        if self.exit_fd >= 0:
            signal.pidfd_send_signal(self.exit_fd, number)

    def ended(self) -> None:
        """Its process is over: note the failure and when to try again."""
        os.close(self.exit_fd)
        with suppress(ChildProcessError):  # found by its pidfile: somebody else's child
            os.waitpid(self.pid or 0, os.WNOHANG)
        if time.monotonic() - self.started > STEADY_S:
            self.ends = 0
        self.put_off()
        self.pid, self.exit_fd = None, -1

    def put_off(self) -> None:
        """It ended, or could not be started: again at once the first time, then after growing pauses."""
        self.ends += 1
        self.next_start = time.monotonic() + (0 if self.ends == 1 else min(0.1 * 2**self.ends, MAX_PAUSE_S))

    def choose(self, generation: int | None) -> None:
        """What is started from now on; another one begins with a clean record."""
        if generation != self._chosen:
            self._chosen = generation
            self.forgive()

    def forgive(self) -> None:
        """What happened so far was on orders."""
        self.ends, self.next_start = 0, 0.0

    def state(self) -> dict[str, Any]:
        return {"pid": self.pid, "generation": self.generation, "ends": self.ends}

    def _watch(self, pid: int) -> None:
        try:
            self.exit_fd = os.pidfd_open(pid)
        except ProcessLookupError:
            return  # ended between two looks
        self.pid, self.started = pid, time.monotonic()


def _environment(home: Path) -> dict[str, str]:
    """Little, and the shop's own time zone: business day and receipts follow the process's local time."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "HOME", "TZ") if name in os.environ}
    try:
        kept["TZ"] = str(json.loads((home / "provision.json").read_bytes())["time_zone"])
    except (OSError, ValueError, KeyError):
        kept.setdefault("TZ", "UTC")
    return kept
