"""Where a demo lies: one folder in the temporary directory, held by a lock as long as one of its two processes lives.

Rules kept here: a folder gets the demo's name only once it is held, so nobody finds one that is not; only what belongs to this user and is held by nobody
is cleared away, and first every process that ran in it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from evertill.sim.demo.processes import end_running_in

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX: Final = "evertill-demo-"


class Held(NamedTuple):
    """`hold`: the descriptor that keeps the lock; who inherits it, holds too."""

    path: Path
    hold: int


def make() -> Held:
    """A new, empty folder of mode 0700."""
    made = Path(tempfile.mkdtemp(prefix=f".{PREFIX}"))
    hold = _open(made)
    fcntl.flock(hold, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return Held(made.rename(made.with_name(made.name[1:])), hold)


def clear_abandoned() -> None:
    """Ends and removes what demos before left behind: killed ones, and those whose folder was kept for its logs."""
    for folder in _abandoned():
        end_running_in(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _abandoned() -> Iterator[Path]:
    for folder in sorted(Path(tempfile.gettempdir()).glob(f"{PREFIX}*")):
        if folder.is_symlink() or not folder.is_dir() or folder.stat().st_uid != os.getuid():
            continue
        hold = _open(folder)
        try:
            fcntl.flock(hold, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue  # a demo that runs
        else:
            yield folder
        finally:
            os.close(hold)


def _open(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
