"""`flock` on a file or a folder: never waiting, never upgraded, never inherited by a child.

Who takes which lock, and when, is written in CONTRACT.md §3. A lock dies with its process, so a crash leaves none
behind.
"""

import fcntl
import os
from pathlib import Path


class FileLock:
    """One lock of this process. Taken either shared or exclusive; to change, release it first."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """Whether this process holds it."""
        return self._descriptor is not None

    def take_shared(self) -> bool:
        """Takes it unless somebody holds it exclusively."""
        return self._take(fcntl.LOCK_SH)

    def take_exclusive(self) -> bool:
        """Takes it unless anybody holds it."""
        return self._take(fcntl.LOCK_EX)

    def release(self) -> None:
        """Lets it go; nothing happens if it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _take(self, kind: int) -> bool:
        if self._descriptor is not None:
            raise RuntimeError(f"{self._path} is already held")
        how = os.O_RDONLY | os.O_DIRECTORY if self._path.is_dir() else os.O_RDWR | os.O_CREAT
        descriptor = os.open(self._path, how | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True
