"""The demo's processes as one tree that ends whole.

Rules kept here: a child in a group of its own does not hear the keyboard; who adopts orphans (a till outlives its supervisor by design) can end them; nothing is
ever ended that did not grow out of this process, or out of a demo before it. prctl(2), proc(5).
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import FrameType

PR_SET_PDEATHSIG: Final = 1
PR_SET_CHILD_SUBREAPER: Final = 36
MARK: Final = "EVERTILL_DEMO"  # in the environment of everything a demo starts: its folder
POLITE_S: Final = 10.0
LOOK_S: Final = 0.05
_PARENT_FIELD: Final = 1  # of /proc/PID/stat, counted after the name


class ToldToStop(BaseException):
    """A signal said that it is enough. Like KeyboardInterrupt nobody but the outermost handles it."""


def raise_when_told_to_stop() -> None:
    def told(_number: int, _frame: FrameType | None) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # once is enough: the rest is cleaning up
        raise ToldToStop

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, told)


def end_with_parent() -> None:
    """Asks the kernel for SIGTERM when the parent ends, even by SIGKILL."""
    parent = os.getppid()
    _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it ended before the kernel was asked
        sys.exit(1)


def adopt_orphans() -> None:
    """From now on the descendants of a child that ended are ours."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def start(
    command: Sequence[str | Path], log: Path, environment: Mapping[str, str] | None = None, **options: int
) -> subprocess.Popen[str]:
    """A child in a process group of its own that writes to a log; `stdin` and `stdout` may be pipes."""
    streams = {"stdin": subprocess.DEVNULL, "stdout": None, **options}
    with log.open("ab") as stream:
        output = stream if streams["stdout"] is None else streams["stdout"]
        return subprocess.Popen(
            [str(word) for word in command],
            stdin=streams["stdin"],
            stdout=output,
            stderr=stream,
            env=environment,
            process_group=0,
            text=True,
        )


def end_descendants() -> None:
    """Ends everything that grew out of this process: politely, and after POLITE_S for good."""
    _end(lambda: descendants(os.getpid()))


def end_running_in(folder: Path) -> None:
    """The same for what an earlier demo left running: it bears the demo's mark, or is a Python program whose command line names its folder."""
    _end(lambda: _running_in(folder))


def _end(find: Callable[[], set[int]]) -> None:
    deadline = time.monotonic() + POLITE_S
    asked: set[int] = set()
    while left := find():
        late = time.monotonic() > deadline
        for pid in left:
            if late or pid not in asked:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL if late else signal.SIGTERM)
                asked.add(pid)
        _reap()
        time.sleep(LOOK_S)
    _reap()


def _running_in(folder: Path) -> set[int]:
    """Somebody else who only looks at the folder, an editor or a shell, is not meant: it is neither."""
    mine, mark, python = f"{folder}/".encode(), f"{MARK}={folder}".encode(), Path("/proc/self/exe").readlink()
    found = set()
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            words = [(entry / name).read_bytes().split(b"\0") for name in ("cmdline", "environ")]
            ours = any(word.startswith(mine) for word in words[0]) and (entry / "exe").readlink() == python
            if (ours or mark in words[1]) and _parent(entry):
                found.add(int(entry.name))
    return found - {os.getpid()}


def descendants(ancestor: int) -> set[int]:
    """Every living process below this one."""
    parents = {
        pid: parent for entry in Path("/proc").iterdir() if entry.name.isdigit() for pid, parent in _parent(entry)
    }
    found: set[int] = set()
    layer = {ancestor}
    while layer:
        layer = {pid for pid, parent in parents.items() if parent in layer} - found
        found |= layer
    return found


def _parent(entry: Path) -> list[tuple[int, int]]:
    """(pid, parent) of a process that lives; nothing of one that is over."""
    try:
        after_name = (entry / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [] if after_name[0] in "ZX" else [(int(entry.name), int(after_name[_PARENT_FIELD]))]


def _reap() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
