"""Where a throw-away copy of the data lies: in memory where it fits easily, because a test's flushes to the disk make a selling till wait.

Rules kept here: an eighth of the memory that is free is the most it may take, and four times the data are counted, since a migration writes
them again; a folder of ours and nobody else's, 0700, one for each terminal, so that a crash leaves one at most, which `clear` takes away; without
such memory the copy lies beside the generations, on the disk.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from evertill.terminal.durable import discard

_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - tmpfs; the folder made in it is ours alone
_ON_DISK: Final = "scratch"
_SHARE: Final = 8
_GROWTH: Final = 4


@contextmanager
def scratch(generations: Path, need_bytes: int) -> Iterator[Path]:
    """A name for a new folder, for a copy of `need_bytes`; what lies there afterwards is thrown away."""
    clear(generations)
    fits = need_bytes * _GROWTH <= _free_memory_bytes() // _SHARE
    try:
        place = _in_memory(generations)
        if not fits or not _made(place):
            place = generations / _ON_DISK
            place.mkdir(mode=0o700)
        yield place / "data"
    finally:
        clear(generations)


def clear(generations: Path) -> None:
    """Take away what a crash left."""
    discard(generations / _ON_DISK)
    with suppress(OSError):  # not ours: then nothing of ours is there
        discard(_in_memory(generations))


def _in_memory(generations: Path) -> Path:
    known = generations.stat()
    return _MEMORY / f"evertill-{known.st_dev:x}-{known.st_ino:x}"


def _made(place: Path) -> bool:
    """False = somebody else's lies there, or there is no such memory."""
    try:
        place.mkdir(mode=0o700)
    except OSError:
        return False
    return True


def _free_memory_bytes() -> int:
    """What both the machine and its tmpfs can spare."""
    with suppress(OSError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        available = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
        space = os.statvfs(_MEMORY)
        return min(available, space.f_bavail * space.f_frsize)
    return 0
