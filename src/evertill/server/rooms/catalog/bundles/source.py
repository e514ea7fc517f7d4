"""A component's folder as the publisher hands it in, walked without trusting anything in it.

Rules kept here: only plain files count; links, devices, pipes, sockets and setuid bits are refused, never repaired; `component.toml`
in the root is not a file of the component; `__pycache__` is left out, because compiled code comes from the builder alone; folders
without files are not kept. Of a file's mode only the owner's x bit matters. Nothing here writes.
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Final, NamedTuple

from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.manifest import UNPACKED_LIMIT_BYTES
from evertill.protocol.paths import FILE_LIMIT, check_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DESCRIPTION: Final = "component.toml"

_SPECIAL_BITS: Final = stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX


class SourceFile(NamedTuple):
    """A file to pack: its name in the component, where it lies, whether it is a program."""

    path: str
    location: Path
    executable: bool


def source_files(root: Path) -> list[SourceFile]:
    """Every file of the component in `root`, in any order.

    Raises:
        ProtocolRefused: BUNDLE_LINK, BUNDLE_DEVICE, BUNDLE_SETUID, BUNDLE_TOO_MANY_FILES, BUNDLE_TOO_LARGE,
            BUNDLE_SOURCE_UNREADABLE or what `check_path` says of a name.
    """
    files = []
    size_bytes = 0
    for path, entry in _entries(root, ""):
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError as error:
            raise _unreadable(path, error) from error
        size_bytes += status.st_size
        files.append(_judged(path, root / path, status))
        if len(files) > FILE_LIMIT:
            raise ProtocolRefused("BUNDLE_TOO_MANY_FILES", limit=FILE_LIMIT)
        if size_bytes > UNPACKED_LIMIT_BYTES:
            raise ProtocolRefused("BUNDLE_TOO_LARGE", what="all files together", limit_bytes=UNPACKED_LIMIT_BYTES)
    return files


@contextmanager
def opened(path: str, location: Path) -> Iterator[IO[bytes]]:
    """The file opened for reading, as a plain file whatever has happened to the folder since it was walked.

    Raises:
        ProtocolRefused: BUNDLE_SOURCE_UNREADABLE.
    """
    try:
        descriptor = os.open(location, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            yield file
    except OSError as error:
        raise _unreadable(path, error) from error


def _entries(folder: Path, above: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Everything below `folder` that is not itself a folder."""
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise _unreadable(above or str(folder), error) from error
    for entry in found:
        path = above + entry.name
        check_path(path)
        if not entry.is_dir(follow_symlinks=False):
            if path != DESCRIPTION:
                yield path, entry
        elif entry.name != "__pycache__":
            yield from _entries(folder / entry.name, f"{path}/")


def _judged(path: str, location: Path, status: os.stat_result) -> SourceFile:
    if stat.S_ISLNK(status.st_mode):
        raise ProtocolRefused("BUNDLE_LINK", path=path)
    if not stat.S_ISREG(status.st_mode):
        raise ProtocolRefused("BUNDLE_DEVICE", path=path)
    if status.st_mode & _SPECIAL_BITS:
        raise ProtocolRefused("BUNDLE_SETUID", path=path)
    return SourceFile(path, location, bool(status.st_mode & stat.S_IXUSR))


def _unreadable(path: str, error: OSError) -> ProtocolRefused:
    return ProtocolRefused("BUNDLE_SOURCE_UNREADABLE", path=path, problem=error.strerror or type(error).__name__)
