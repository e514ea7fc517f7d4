"""Files that must be whole or absent: written beside their place, flushed, then renamed.

Content-addressed folders hold each file under the sha256 of its bytes; a stream is hashed once, while it is written.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime
    from pathlib import Path


@dataclass(frozen=True)
class Digests:
    """What a file is, by its bytes; md5 and sha1 only because DDI clients ask for them."""

    size_bytes: int
    md5: str
    sha1: str
    sha256: str
    sha512: str


def sync_folder(folder: Path) -> None:
    """Makes renames and new names in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def whole_file(path: Path, *, mode: int = 0o644) -> Iterator[IO[bytes]]:
    """A file opened beside `path` that takes its name only when the block ends well, flushed; a failure leaves `path` as it was."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.rename(path)
    except BaseException:
        with suppress(FileNotFoundError):
            beside.unlink()
        raise
    sync_folder(path.parent)


def write_whole(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    with whole_file(path, mode=mode) as file:
        file.write(content)


def address(folder: Path, sha256: str) -> Path:
    """Where a content-addressed folder keeps the file with this hash."""
    return folder / sha256[:2] / sha256


def sweep(folder: Path, keep: Callable[[str], bool], before: datetime) -> list[str]:
    """Removes from a content-addressed folder what was stored before `before` and has a hash that nobody keeps, and what killed
    writers left; answers the names of the files that went.

    A file is moved aside before it is judged: whoever stores the same bytes meanwhile puts a new file into its place, or finds it back.
    """
    for left in [*folder.glob(".*.part"), *folder.glob("*/.*.gone")]:
        if _written_before(left, before):
            left.unlink()
    gone = []
    for path in sorted(folder.glob("??/[0-9a-f]*")):
        if not _written_before(path, before) or keep(path.name):
            continue
        aside = path.with_name(f".{path.name}.gone")
        path.rename(aside)
        if _written_before(aside, before):
            aside.unlink()
            gone.append(path.name)
        else:
            aside.rename(path)
    return gone


def _written_before(path: Path, moment: datetime) -> bool:
    return path.stat().st_mtime < moment.timestamp()


def store(folder: Path, chunks: Iterable[bytes]) -> Digests:
    """Writes a stream into a content-addressed folder, hashing it on the way; the same bytes are kept once."""
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / f".{secrets.token_hex(8)}.part"
    hashes = {
        name: hashlib.new(name, usedforsecurity=name.startswith("sha2")) for name in ("md5", "sha1", "sha256", "sha512")
    }
    size = 0
    try:
        with beside.open("xb") as file:
            for chunk in chunks:
                file.write(chunk)
                size += len(chunk)
                for each in hashes.values():
                    each.update(chunk)
            file.flush()
            os.fsync(file.fileno())
        digests = Digests(size_bytes=size, **{name: each.hexdigest() for name, each in hashes.items()})
        place = address(folder, digests.sha256)
        place.parent.mkdir(exist_ok=True)
        beside.rename(place)
    except BaseException:
        with suppress(FileNotFoundError):
            beside.unlink()
        raise
    sync_folder(place.parent)
    sync_folder(folder)
    return digests
