"""Unpack one component's bundle into a new folder of an inactive slot.

Rules kept here: every name is opened relative to its folder's descriptor and never through a link; files and folders are new, flushed,
and of the mode the manifest states whatever the umask; `manifest.json` is written last, after the whole bundle was verified, so a
folder without it is not complete whatever killed us. A failure removes what was written. The caller hands in a temporary name, makes
the finished folder appear by a rename, and has checked the signature; this file verifies only that the bundle is what it says.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from evertill.protocol.archive import Bundle
from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.manifest import MANIFEST_NAME
from evertill.terminal.durable import discard

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from evertill.protocol.archive import Member
    from evertill.protocol.frame import ByteSource
    from evertill.protocol.manifest import Manifest

_FOLDER_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


def unpack(source: ByteSource, folder: Path) -> Manifest:
    """Write the bundle read from `source` into `folder`, which must not exist yet.

    Raises:
        ProtocolRefused: what `Bundle` raises, or BUNDLE_DISK_FULL. `folder` does not exist then.
        FileExistsError: somebody left `folder` behind; it is not touched.
        OSError: the disk or `source` failed; `folder` does not exist then.
    """
    bundle = Bundle(source)
    folder.mkdir(mode=0o755)
    try:
        _write(bundle, folder)
    except OSError as error:
        discard(folder)
        if error.errno in _FULL:
            manifest = bundle.manifest
            raise ProtocolRefused("BUNDLE_DISK_FULL", component=manifest.component, version=manifest.version) from error
        raise
    except BaseException:
        discard(folder)
        raise
    return bundle.manifest


def _write(bundle: Bundle, folder: Path) -> None:
    root = os.open(folder, _FOLDER_FLAGS)
    try:
        os.fchmod(root, 0o755)
        folders: set[str] = set()
        for member in bundle.members():
            _write_member(root, member, folders)
        for path in sorted(folders, reverse=True):  # what lies deeper comes first
            with _opened(root, path) as at:
                os.fsync(at)
        _write_file(root, MANIFEST_NAME, 0o644, [bundle.manifest_bytes])
        os.fsync(root)
    finally:
        os.close(root)


def _write_member(root: int, member: Member, folders: set[str]) -> None:
    path, _, name = member.file.path.rpartition("/")
    _make_folders(root, path, folders)
    with _opened(root, path) as at:
        _write_file(at, name, int(member.file.mode, 8), member.pieces)


def _make_folders(root: int, path: str, folders: set[str]) -> None:
    if not path or path in folders:
        return
    above, _, name = path.rpartition("/")
    _make_folders(root, above, folders)
    with _opened(root, above) as at:
        os.mkdir(name, 0o755, dir_fd=at)
    with _opened(root, path) as made:
        os.fchmod(made, 0o755)
    folders.add(path)


@contextmanager
def _opened(root: int, path: str) -> Iterator[int]:
    """A descriptor of the folder `path` below `root`, reached segment by segment without following a link."""
    at = os.dup(root)
    try:
        for segment in filter(None, path.split("/")):
            deeper = os.open(segment, _FOLDER_FLAGS, dir_fd=at)
            os.close(at)
            at = deeper
        yield at
    finally:
        os.close(at)


def _write_file(at: int, name: str, mode: int, pieces: Iterable[bytes]) -> None:
    file = os.open(name, _FILE_FLAGS, mode, dir_fd=at)
    try:
        for piece in pieces:
            rest = memoryview(piece)
            while rest:
                rest = rest[os.write(file, rest) :]
        os.fchmod(file, mode)
        os.fsync(file)
    finally:
        os.close(file)
