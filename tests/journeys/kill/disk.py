"""What a power cut would leave of an agent's work, judged by the order of its system calls: SIGKILL alone keeps what was never flushed.

Rules checked here, over one journey as strace saw it:
    content before name    nothing gets its final name by a rename while it, or anything in it, was written and not flushed since
    name before journal    the journal moves on, or ends, only when every new name of the step before is durable in its folder
    journal before action  after the journal's rename, the flush of its folder is the very next thing done to the disk
    each act in its state  slot, data, link and mark change only while the journal says the state whose work that is
What is thrown away may be half thrown away, what is readable only for a moment lies in scratch folders, and SQLite keeps its own logs: left out.
"""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Final

from evertill.protocol.journey import State

TRACED: Final = (
    "openat", "write", "pwrite64", "pwritev", "ftruncate", "sendfile", "copy_file_range", "fsync", "fdatasync", "rename", "renameat", "renameat2",
    "mkdir", "mkdirat", "symlink", "symlinkat", "unlink", "unlinkat", "vfork", "clone", "clone3",
)  # fmt: skip
OPTIONS: Final = ("-y", "-s", "8192")  # the paths of descriptors, and enough of a write to read the journal
_WRITES: Final = frozenset({"write", "pwrite64", "pwritev", "ftruncate", "sendfile"})
_NAMES: Final = frozenset({"mkdir", "mkdirat", "symlink", "symlinkat"})
_CHILDREN: Final = frozenset({"vfork", "clone", "clone3"})
_PASSING: Final = re.compile(r"\.doomed|/scratch/|/\.scratch|\.log$|-(wal|shm|journal)$")
_ROLLS: Final = frozenset({State.ROLLING_BACK})
_KEPT: Final = ("generations", "state/outbox", "backups")
_PLACE: Final = re.compile(r'(?:\w+<([^>]*)>)|(?:"((?:[^"\\]|\\.)*)")')
# What changes a name below generations/, and in which states of the journal it may.
_ACTS: Final[tuple[tuple[re.Pattern[str], frozenset[State]], ...]] = (
    (re.compile(r"/generations/\d+/slot$"), frozenset({State.INSTALLING})),
    (re.compile(r"/generations/\d+/data$"), frozenset({State.MIGRATING})),
    (re.compile(r"/generations/current$"), frozenset({State.SWITCHING}) | _ROLLS),
    (re.compile(r"/generations/\d+/committed$"), frozenset({State.COMMITTED})),
)


class Disk:
    """Fed with strace's lines; `problems` says what a power cut could have broken."""

    def __init__(self, home: str) -> None:
        self.problems: list[str] = []
        self.states: list[State] = []
        self._home = home
        self._unflushed: set[str] = set()  # files with content, folders with names
        self._written: set[str] = set()
        self._intended: State | None = None
        self._journal = f"{home}/state/journey.json"
        self._awaits_flush = False

    def watch(self, lines: Iterable[str]) -> None:
        for line in lines:
            if (match := re.match(r"(\w+)\((.*)\)\s+= (?!-1)", line)) is not None:
                self._see(match[1], match[2])

    def _see(self, call: str, words: str) -> None:
        paths = self._paths(words)
        if call in _CHILDREN and self.states[-1:] == [State.MIGRATING]:  # the till's command writes there
            self._unflushed |= {path for path in self._written if "/data.part/" in path}
        elif call in {"fsync", "fdatasync"}:
            self._unflushed.difference_update(paths)
            self._awaits_flush = self._awaits_flush and paths != [str(PurePosixPath(self._journal).parent)]
        elif paths and (call != "openat" or "O_CREAT" in words):
            self._judge_haste(call, paths)
            self._change(call, paths, words)

    def _judge_haste(self, call: str, paths: list[str]) -> None:
        if self._awaits_flush:
            self.problems.append(f"{call} of {paths[-1]} before the journal's name was flushed")
            self._awaits_flush = False

    def _change(self, call: str, paths: list[str], words: str) -> None:
        if call in _WRITES:
            self._write(paths[0])
            if paths[0].endswith("/.journey.json.part"):
                self._intended = State(re.findall(r'\\"state\\":\\"(\w+)\\"', words)[0])
        elif call.startswith("rename"):
            self._rename(*paths)
        elif call.startswith("unlink"):
            if paths[-1] == self._journal:
                self._check_names("the end of the journal")
        elif call in _NAMES or call == "openat":
            self._name(paths[-1])

    def _rename(self, old: str, new: str) -> None:
        inside = sorted(path for path in self._unflushed if path == old or path.startswith(f"{old}/"))
        if inside and not _PASSING.search(new):
            self.problems.append(f"{new} got its name before {inside[0]} was flushed")
        self._unflushed -= set(inside)
        if new == self._journal:
            self._check_names(f"the journal's entry {self._intended}")
            if self._intended is not None:
                self.states.append(self._intended)
            self._awaits_flush = True
        for pattern, states in _ACTS:
            if pattern.search(new) and self.states[-1] not in states:
                self.problems.append(f"{new} changed in {self.states[-1]}")
        self._name(new)

    def _write(self, path: str) -> None:
        if not _PASSING.search(path):
            self._unflushed.add(path)
            self._written.add(path)

    def _name(self, path: str) -> None:
        if not _PASSING.search(path):
            self._unflushed.add(str(PurePosixPath(path).parent))

    def _check_names(self, what: str) -> None:
        kept = tuple(f"{self._home}/{folder}" for folder in _KEPT)
        if lost := [path for path in sorted(self._unflushed) if path.startswith(kept)]:
            self.problems.append(f"{what} before {lost[0]} was flushed")

    def _paths(self, words: str) -> list[str]:
        """Those below the home, in order; a name behind a descriptor of a folder lies in that folder."""
        found, folder = list[str](), ""
        for descriptor, name in _PLACE.findall(words):
            if name:
                found.append(str(PurePosixPath(folder, name)))
            folder = descriptor
            if descriptor and not words.startswith("AT_FDCWD"):
                found.append(descriptor)
        return [path for path in found if path.startswith(self._home)]
