"""What the processes cost when nothing happens, and how long a release takes from its publication to the server's belief: python -m tests.bench.idle [SECONDS]

A real server and one real terminal with its screen on this machine, poll every 2 s. Prints one JSON line: memory in MiB and processor time in percent of one core, by process; seconds from publish to verified.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import psutil

from tests.journeys.office import Office
from tests.journeys.terminal.counter import SERIAL, Counter, demo_shop, until

BUNDLES: Final = Path(__file__).parents[2] / "build/bundles"
MIB: Final = 1024 * 1024
# How each process is known by its command line.
PROCESSES: Final = {
    "supervisor": "evertill.terminal.supervisor",
    "agent": "evertill.terminal.agent.main",
    "screen": "evertill.terminal.shell.main",
    "till": "till/main.py",
    "web": "evertill.server.processes.web",
    "worker": "evertill.server.processes.worker",
}


def found(mark: str, near: Path) -> list[psutil.Process]:
    """The processes of this run: below our own process, or of this terminal's home."""
    ours = {process.pid for process in psutil.Process().children(recursive=True)}
    listed = []
    for process in psutil.process_iter():
        line = " ".join(process.cmdline())
        if mark in line and (process.pid in ours or str(near) in line):
            listed.append(process)
    return listed


def cost(home: Path, seconds: float) -> dict[str, dict[str, float]]:
    known = {name: found(mark, home) for name, mark in PROCESSES.items()}
    before = {name: _cpu_s(processes) for name, processes in known.items()}
    time.sleep(seconds)
    return {
        name: {
            "rss_mib": round(sum(process.memory_info().rss for process in processes) / MIB, 1),
            "cpu_percent": round((_cpu_s(processes) - before[name]) / seconds * 100, 2),
        }
        for name, processes in known.items()
        if processes
    }


def _cpu_s(processes: list[psutil.Process]) -> float:
    return float(sum(sum(process.cpu_times()[:2]) for process in processes))


def main(seconds: float) -> None:
    with tempfile.TemporaryDirectory() as scratch, Office(Path(scratch)) as office:
        demo_shop(office)
        counter = Counter(office, Path(scratch), screen=True)
        try:
            release = office.till_release(BUNDLES / "till-1.0.0.evb", "1.0.0")
            began = time.monotonic()
            action = office.assign(SERIAL, release)
            until(lambda: bool(office.action(action)["verified"]), "the server believes it")
            verified_s = round(time.monotonic() - began, 1)
            print(json.dumps({"assigned_to_verified_s": verified_s, "idle": cost(counter.home, seconds)}))  # noqa: T201
        finally:
            counter.stop()


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 30.0)
