"""Which process is that: a pid together with its start time, so that a recycled pid is never mistaken for an old friend.

A long-living program writes its own pidfile (till/CONTRACT.md, section 5, is the same format); a supervisor that was
restarted finds it again by that file. Source of the start time: field 22 of /proc/PID/stat, proc(5).
"""

import json
import os
from pathlib import Path

from evertill.terminal.durable import write_atomic


def start_ticks(pid: int) -> int | None:
    """Clock ticks between boot and the start of the process; None = no such process, or only its zombie."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if after_name[0] in "ZX" else int(after_name[19])


def write_pidfile(path: Path) -> None:
    """Announce the calling process."""
    pid = os.getpid()
    write_atomic(path, json.dumps({"pid": pid, "start_ticks": start_ticks(pid)}).encode())


def read_pidfile(path: Path) -> int | None:
    """The pid of the living process that wrote the file; None = there is none."""
    try:
        found = json.loads(path.read_bytes())
        pid, ticks = found["pid"], found["start_ticks"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return pid if isinstance(pid, int) and ticks is not None and start_ticks(pid) == ticks else None


def command_line(pid: int) -> list[str]:
    """What the process was started with; empty = it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except (FileNotFoundError, ProcessLookupError):
        return []
