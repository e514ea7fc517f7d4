"""strace on one thread of one process: what it does to files, and a bad end to a chosen one of those operations."""

import re
import subprocess
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple, Self

from tests.fakes.rig import DEADLINE_S, until

KILL_WITHIN_S: Final = 60.0

# What changes a disk, or starts a process.
CHANGES: Final = (
    "write", "pwrite64", "pwritev", "fsync", "fdatasync", "rename", "renameat", "renameat2", "mkdir", "mkdirat", "unlink", "unlinkat", "rmdir",
    "symlink", "symlinkat", "link", "linkat", "ftruncate", "fchmod", "chmod", "fchmodat", "copy_file_range", "sendfile", "vfork", "clone", "clone3",
)  # fmt: skip


# What else a supervisor does that others see.
SUPERVISES: Final = ("flock", "bind", "listen", "pidfd_send_signal")


class Call(NamedTuple):
    """The `occurrence`th call of one system call; strace counts each of them by itself."""

    name: str
    occurrence: int


def strace(log: Path, *injections: str, traced: Sequence[str] = CHANGES, options: Sequence[str] = ()) -> list[str]:
    """The command, short of what it is to watch. Without -f it follows one thread, and no child."""
    injected = [argument for injection in injections for argument in ("-e", f"inject={injection}")]
    return ["strace", "-q", *options, "-o", str(log), "-e", f"trace={','.join(traced)}", *injected]


class Tracer:
    """Attached to the main thread of a running process."""

    def __init__(
        self, pid: int, log: Path, *injections: str, traced: Sequence[str] = CHANGES, options: Sequence[str] = ()
    ) -> None:
        self._pid, self._log = pid, log
        command = [*strace(log, *injections, traced=traced, options=options), "-p", str(pid)]
        self._strace = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        until(lambda: _traced(pid), "strace is attached")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """It lets go of the process, which goes on."""
        self._strace.terminate()
        self._strace.wait()

    def lines(self) -> list[str]:
        return self._log.read_text().splitlines()

    def says(self, words: str) -> bool:
        return words in self._log.read_text()

    def await_kill(self) -> None:
        """Its process dies of this very tracer, or the test fails."""
        until(lambda: not alive(self._pid), "strace kills it", KILL_WITHIN_S)
        self._strace.wait(DEADLINE_S)
        assert self.says("+++ killed by SIGKILL +++"), "it died, but not of this"


def calls(lines: Iterable[str]) -> list[Call]:
    """The calls a log shows, numbered as strace's injections count them."""
    seen: Counter[str] = Counter()
    found = []
    for line in lines:
        if match := re.match(r"(\w+)\(", line):
            seen[match[1]] += 1
            found.append(Call(match[1], seen[match[1]]))
    return found


def until_next_transition(lines: list[str]) -> list[Call]:
    """What it did until the next transition was in the journal, durably; empty = it is not there yet."""
    begun = [line for line in lines if re.match(r"\w+\(", line)]
    for number, line in enumerate(begun[:-1], 1):
        if re.match(r"(rename|unlink)\(.*journey\.json\"\)", line):
            return calls(begun[: number + 1])
    return []


def fatal(known: list[Call], number: int) -> list[str]:
    """Death on entering the chosen call; work may need a call less than when it was counted, so at the latest when the step is over."""
    chosen, over = known[number - 1], known[-2]
    ends = [chosen] if chosen.name == over.name or number == len(known) else [chosen, over]
    return [f"{call.name}:signal=SIGKILL:when={call.occurrence}" for call in ends]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _traced(pid: int) -> bool:
    with suppress(FileNotFoundError):
        return "TracerPid:\t0\n" not in Path(f"/proc/{pid}/status").read_text()
    return False
