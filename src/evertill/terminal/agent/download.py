"""Fetch one signed file, as often as it takes, and give it out only when it is exactly what was signed.

Rules kept here: bytes come only from the link the server gave for this terminal; what arrived stays on disk, fsync'd, under the
name of its sha256, across cuts and restarts, and is continued by Range and If-Range; never one byte more than the signed
length is kept; length, sha256 and sha512 are checked over what lies on the disk, before every use. Over mobile data each
byte is counted, and the download stops where the month's allowance ends.
Not here: whether it may download at all (`permission`) and what the file means.
"""

import hashlib
import os
import re
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import httpx

from evertill.terminal.agent.board import FileLink
from evertill.terminal.agent.connection import ConnectionRefused, raise_for_status
from evertill.terminal.durable import remove, sync_file, sync_folder, write_atomic
from evertill.terminal.errors import TerminalRefused

CHUNK_BYTES: Final = 64 * 1024
SAVE_EVERY_BYTES: Final = 1024 * 1024  # how often data are fsync'd and mobile bytes are counted
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")


class SignedFile(Protocol):
    """What a signed target says of a file."""

    @property
    def length(self) -> int: ...
    @property
    def sha256(self) -> str: ...
    @property
    def sha512(self) -> str: ...


class Source(Protocol):
    """What a download needs of a connection; `Connection` is one."""

    def open(
        self, method: str, url: str, *, headers: dict[str, str], content: bytes | None = None
    ) -> AbstractContextManager[httpx.Response]: ...


class Meter(Protocol):
    """Asked before each stretch: how many bytes may still come (None = as many as you like), told what came."""

    def left_bytes(self) -> int | None: ...
    def spend(self, size_bytes: int) -> None: ...


class Progress(NamedTuple):
    have_bytes: int
    of_bytes: int


class Cache:
    """Finished and unfinished files by sha256. Losing it costs traffic, never data."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        self.folder = folder

    def finished(self, file: SignedFile) -> Path:
        return self.folder / file.sha256

    def part(self, file: SignedFile) -> Path:
        return self.folder / f"{file.sha256}.part"

    def etag(self, file: SignedFile) -> Path:
        return self.folder / f"{file.sha256}.etag"

    def have_bytes(self, file: SignedFile) -> int:
        """How much of it lies here already, finished or not."""
        for path in (self.finished(file), self.part(file)):
            with suppress(FileNotFoundError):
                return path.stat().st_size
        return 0

    def clean(self, keep: set[str]) -> int:
        """Remove everything but the files with these sha256; returns how many bytes that freed."""
        freed = 0
        for path in list(self.folder.iterdir()):
            if path.name.partition(".")[0] not in keep:
                freed += path.stat().st_size
                path.unlink()
        sync_folder(self.folder)
        return freed

    def drop(self, file: SignedFile) -> None:
        for path in (self.finished(file), self.part(file), self.etag(file)):
            path.unlink(missing_ok=True)
        sync_folder(self.folder)


class Downloader:
    def __init__(self, cache: Cache, source: Source, meter: Meter) -> None:
        self._cache = cache
        self._source = source
        self._meter = meter

    def fetch(
        self,
        file: SignedFile,
        link: FileLink | None,
        *,
        go_on: Callable[[], bool] = lambda: True,
        progress: Callable[[Progress], None] = lambda _: None,
    ) -> Path:
        """The file's path, whole and checked; continues where an earlier call stopped.

        Raises:
            ConnectionRefused: the way is cut or the server is busy; what came stays.
            TerminalRefused: DOWNLOAD_STOPPED when `go_on` said no, NETWORK_BUDGET when mobile data ran out (what came stays),
                ARTIFACT_MISMATCH when it is not what was signed (nothing stays), DOWNLOAD_NOT_OFFERED without a link.
            OSError: the disk said no.
        """
        if self._cache.finished(file).exists():
            return self.check(file)
        if link is None:
            raise TerminalRefused("DOWNLOAD_NOT_OFFERED", file=file.sha256[:16])
        while self._cache.have_bytes(file) < file.length:
            self._stretch(file, link, go_on, progress)
        part = self._cache.part(file)
        sync_file(part)
        part.rename(self._cache.finished(file))
        remove(self._cache.etag(file))
        return self.check(file)

    def check(self, file: SignedFile) -> Path:
        """Read the finished file again and compare it with what was signed.

        Raises:
            TerminalRefused: ARTIFACT_MISMATCH, and the file is gone.
        """
        path = self._cache.finished(file)
        sha256, sha512, length = hashlib.sha256(), hashlib.sha512(), 0
        with path.open("rb") as content:
            while block := content.read(CHUNK_BYTES):
                sha256.update(block)
                sha512.update(block)
                length += len(block)
        if (length, sha256.hexdigest(), sha512.hexdigest()) != (file.length, file.sha256, file.sha512):
            raise self._mismatch(file)
        return path

    def _mismatch(self, file: SignedFile) -> TerminalRefused:
        self._cache.drop(file)
        return TerminalRefused("ARTIFACT_MISMATCH", file=file.sha256[:16])

    def _stretch(
        self, file: SignedFile, link: FileLink, go_on: Callable[[], bool], progress: Callable[[Progress], None]
    ) -> None:
        """One request: as much as the way, the allowance and `go_on` let through."""
        have = self._cache.have_bytes(file)
        left = self._left(file, have)
        with self._source.open("GET", link.url, headers=self._headers(file, have, left)) as response:
            start = self._start(file, have, response)
            sink = _Sink(self._cache.part(file), start, self._meter)
            try:
                for block in response.iter_raw(chunk_size=CHUNK_BYTES):
                    if sink.have + len(block) > file.length:
                        raise self._mismatch(file)
                    sink.write(block)
                    progress(Progress(sink.have, file.length))
                    if not go_on():
                        raise TerminalRefused("DOWNLOAD_STOPPED")
                    if left is not None and sink.have - start >= left:
                        break
            finally:
                sink.close()
            if sink.have == start:
                raise ConnectionRefused("ANSWER_TRUNCATED", status=response.status_code, detail="no bytes")

    def _headers(self, file: SignedFile, have: int, left: int | None) -> dict[str, str]:
        """A range only where one is needed, closed where mobile data end before the file does."""
        headers = {"Accept": "application/octet-stream"}
        if have or left is not None:
            end = "" if left is None else str(min(have + left, file.length) - 1)
            headers["Range"] = f"bytes={have}-{end}"
        with suppress(FileNotFoundError):
            headers["If-Range"] = self._cache.etag(file).read_text()
        return headers

    def _start(self, file: SignedFile, have: int, response: httpx.Response) -> int:
        """At which byte this answer begins.

        Raises:
            TerminalRefused: ARTIFACT_MISMATCH: the server's file has another length than the signed one.
            ConnectionRefused: it is no answer to what was asked.
        """
        status = response.status_code
        if status == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise self._mismatch(file)
        raise_for_status(response)
        if response.headers.get("Content-Type", "").startswith("text/html"):  # a Wi-Fi's sign-in page is no wrong file
            raise ConnectionRefused("ANSWER_NOT_JSON", status=status, kind="text/html")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise ConnectionRefused("ANSWER_ENCODED", status=status)
        start, total = 0, response.headers.get("Content-Length", "")
        if status == httpx.codes.PARTIAL_CONTENT:
            found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
            if not found or int(found[1]) != have:
                raise ConnectionRefused("ANSWER_UNEXPECTED", status=status)
            start, total = have, found[2]
        if total.isdecimal() and int(total) != file.length:
            raise self._mismatch(file)
        if (etag := response.headers.get("ETag", "")).startswith('"') and start == 0:
            write_atomic(self._cache.etag(file), etag.encode())  # a weak one cannot be used for ranges
        return start

    def _left(self, file: SignedFile, have: int) -> int | None:
        left = self._meter.left_bytes()
        if left == 0:
            raise TerminalRefused("NETWORK_BUDGET", need_bytes=file.length - have, left_bytes=0)
        return left


class _Sink:
    """The partial file while bytes come in: written at once, fsync'd and counted every stretch."""

    def __init__(self, path: Path, start: int, meter: Meter) -> None:
        self.have = start
        self._unsaved = 0
        self._meter = meter
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        os.ftruncate(self._descriptor, start)
        os.lseek(self._descriptor, start, os.SEEK_SET)

    def write(self, block: bytes) -> None:
        self._unsaved += len(block)  # counted even if the disk says no: it came over the network
        rest = memoryview(block)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        self.have += len(block)
        if self._unsaved >= SAVE_EVERY_BYTES:
            self._save()

    def close(self) -> None:
        try:
            self._save()
        finally:
            os.close(self._descriptor)

    def _save(self) -> None:
        os.fsync(self._descriptor)
        self._meter.spend(self._unsaved)
        self._unsaved = 0
