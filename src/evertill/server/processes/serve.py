"""`evertill serve`: starts the web process and the worker, starts them again when they end, and stops them together.

It touches no database itself. A process that ends again and again is started again more and more slowly, at most every 30 s, and each end is said on stderr.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

SLOWEST_S = 30.0
STEADY_S = 10.0
STOP_S = 15.0
LOOK_S = 0.2


@dataclass
class Watched:
    """One child process and how often it has ended lately."""

    name: str
    argv: list[str]
    process: subprocess.Popen[bytes] | None = None
    ends: int = 0
    started: float = 0.0
    not_before: float = field(default=0.0)

    def start(self) -> None:
        self.started = time.monotonic()
        self.process = subprocess.Popen(self.argv)

    def ended(self) -> None:
        """Notes the end and decides when the next start may come."""
        now = time.monotonic()
        self.ends = 1 if now - self.started > STEADY_S else self.ends + 1
        wait_s = min(SLOWEST_S, 0.5 * 2**self.ends)
        code = self.process.returncode if self.process else None
        print(f"evertill serve: {self.name} ended ({code}); starting again in {wait_s:.0f} s", file=sys.stderr)  # noqa: T201
        self.process, self.not_before = None, now + wait_s


def module(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", f"evertill.server.processes.{name}", *arguments]


def watch(children: list[Watched]) -> None:
    """Runs until SIGTERM or SIGINT, then stops every child."""
    stop = threading.Event()

    def told_to_stop(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, told_to_stop)
    while not stop.wait(LOOK_S):
        for child in children:
            if child.process is None and time.monotonic() >= child.not_before:
                child.start()
            elif child.process is not None and child.process.poll() is not None:
                child.ended()
    _stop(children)


def _stop(children: list[Watched]) -> None:
    running = [child.process for child in children if child.process is not None]
    for process in running:
        process.terminate()
    deadline = time.monotonic() + STOP_S
    for process in running:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def children(host: str, port: int, only: str, tls: tuple[str, str] | None) -> list[Watched]:
    """What `serve` watches; `only` is empty or device, console, worker."""
    os.environ["EVERTILL_ONLY"] = only if only in {"device", "console"} else ""
    tls_words = ["--tls-cert", tls[0], "--tls-key", tls[1]] if tls else []
    web = Watched("web", module("web", "--host", host, "--port", str(port), *tls_words))
    worker = Watched("worker", module("worker"))
    chosen = {"": [web, worker], "worker": [worker], "device": [web], "console": [web]}
    return chosen[only]
