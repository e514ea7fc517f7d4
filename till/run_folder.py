"""The run folder R: ours alone, with the pidfile and the sockets' addresses.

Unix addresses end at 107 bytes, folders do not: sockets are addressed through an open descriptor of R.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from till.errors import Refused
from till.files import write_whole


class RunFolder:
    """A checked run folder."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    @classmethod
    @contextmanager
    def prepare(cls, path: Path) -> Iterator["RunFolder"]:
        """Makes or checks the folder and keeps it open for the block.

        Raises:
            Refused: RUN_FOLDER_UNSAFE.
        """
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError as error:
            raise Refused("RUN_FOLDER_UNSAFE", str(error)) from error
        try:
            found = os.fstat(descriptor)
            if found.st_uid != os.getuid() or found.st_mode & 0o077:
                raise Refused("RUN_FOLDER_UNSAFE", "the folder must belong to us with mode 0700")
            yield cls(path, descriptor)
        finally:
            os.close(descriptor)

    def socket(self, name: str) -> str:
        """The address of a socket in this folder, free to bind: what a killed till left is removed (we hold data.lock)."""
        (self.path / name).unlink(missing_ok=True)
        return f"/proc/self/fd/{self._descriptor}/{name}"

    @contextmanager
    def pidfile(self, version: str) -> Iterator[None]:
        """`till.pid` for as long as the block runs."""
        path = self.path / "till.pid"
        content = {"pid": os.getpid(), "start_ticks": _start_ticks(), "version": version}
        write_whole(path, json.dumps(content).encode())
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _start_ticks() -> int:
    """Field 22 of /proc/self/stat (proc(5)); counted after the name, which may contain spaces and brackets."""
    fields = Path("/proc/self/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    return int(fields[22 - 3])
