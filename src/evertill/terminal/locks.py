"""One `flock` file as an object: taken without waiting, released by close, lost with the process.

Rules kept here: the descriptor is never inherited by a child; a lock is never upgraded (shared to exclusive), because two
upgraders would each wait for the other; the file itself is never removed, since a removed lock file can be locked twice.
"""

import fcntl
import os
from pathlib import Path
from typing import Self


class FileLock:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        return self._descriptor is not None

    def take_exclusive(self) -> bool:
        """True = ours alone until released; False = somebody else holds it, shared or not."""
        return self._take(fcntl.LOCK_EX)

    def take_shared(self) -> bool:
        return self._take(fcntl.LOCK_SH)

    def release(self) -> None:
        """Give it back; releasing what is not held is fine."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def _take(self, how: int) -> bool:
        if self._descriptor is not None:
            raise RuntimeError(f"{self.path.name} is held already; a lock is never upgraded or taken twice")
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, how | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True
