"""TUF metadata on a terminal: python-tuf's updater, with our connection, our clock and writes that survive a power cut.

Rules kept here: metadata comes from our own server's origin alone, each file bounded in bytes (python-tuf) and in time (here);
whether something has expired is judged by the moment handed in, never by the library's own look at the clock; what is
trusted on disk is always complete, because rollback protection is worth as much as the file it reads. Payloads never pass here.
"""

import re
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

import httpx
from tuf.api.exceptions import DownloadHTTPError
from tuf.api.metadata import Root, Snapshot, Targets, Timestamp
from tuf.ngclient import FetcherInterface, Updater, UpdaterConfig

from evertill.terminal.agent.connection import ConnectionRefused, raise_for_status
from evertill.terminal.agent.download import Source
from evertill.terminal.durable import write_atomic

FILE_DEADLINE_S: Final = 300.0  # 5 MB of targets over a slow mobile link
LIMITS: Final = UpdaterConfig(
    max_root_rotations=64,
    root_max_length=256 * 1024,
    timestamp_max_length=16 * 1024,
    snapshot_max_length=256 * 1024,
    targets_max_length=5 * 1024 * 1024,
)
SHA256: Final = "sha256"
_VERSIONED = re.compile(r"\A[0-9]+\.(snapshot|targets|merchants-[0-9]+)\.json\Z")
WITHDRAWN_FIELD: Final = "x-evertill-withdrawn"  # in the snapshot: releases taken back by the online keys


class Fetcher(Protocol):
    """Bytes of a small file; python-tuf's FetcherInterface is one."""

    def download_bytes(self, url: str, max_length: int) -> bytes: ...


class MetadataFetcher(FetcherInterface):
    """From the server, through the terminal's own connection."""

    def __init__(self, source: Source, deadline_s: float = FILE_DEADLINE_S) -> None:
        self._source = source
        self._deadline_s = deadline_s

    def _fetch(self, url: str) -> Iterator[bytes]:
        """Raises DownloadHTTPError for "not there" (that is how roots end), ConnectionRefused for everything else."""
        deadline = time.monotonic() + self._deadline_s
        with self._source.open("GET", url, headers={"Accept": "application/json"}) as response:
            if response.status_code in {httpx.codes.NOT_FOUND, httpx.codes.FORBIDDEN}:
                raise DownloadHTTPError(url, response.status_code)
            raise_for_status(response)
            if response.headers.get("Content-Encoding", "identity") != "identity":
                raise ConnectionRefused("ANSWER_ENCODED", status=response.status_code)
            for part in response.iter_raw():  # no chunk size: it would wait for a whole chunk, past any deadline
                if time.monotonic() > deadline:
                    raise ConnectionRefused("ANSWER_TIMEOUT", status=response.status_code)
                yield part


class CacheFetcher(FetcherInterface):
    """From what was trusted last time, for a terminal without a network; the same checks follow."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _fetch(self, url: str) -> Iterator[bytes]:
        # What is cached is the version in force, under its plain name (TUF spec 5.1).
        name = _VERSIONED.sub(r"\1.json", url.rpartition("/")[2])
        try:
            yield (self._folder / name).read_bytes()
        except FileNotFoundError as error:
            raise DownloadHTTPError(url, httpx.codes.NOT_FOUND) from error


class TrustedMetadata(Updater):
    """One walk from root to targets, as of one moment."""

    def __init__(self, folder: Path, url: str, fetcher: FetcherInterface, root: bytes, moment: datetime) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        super().__init__(str(folder), url, fetcher=fetcher, config=LIMITS, bootstrap=root)
        # python-tuf has no public way to hand in a clock; the tests on expired metadata hold this line in place.
        self._trusted_set.reference_time = moment

    def first_to_expire(self) -> tuple[str, datetime]:
        trusted = self._trusted_set
        expiries = {
            signed.type: signed.expires
            for signed in (trusted.root, trusted.timestamp, trusted.snapshot, trusted.targets)
        }
        role = min((Root.type, Timestamp.type, Snapshot.type, Targets.type), key=lambda each: expiries[each])
        return role, expiries[role]

    def withdrawn(self) -> frozenset[int]:
        listed = self._trusted_set.snapshot.unrecognized_fields.get(WITHDRAWN_FIELD, [])
        return (
            frozenset(entry for entry in listed if isinstance(entry, int)) if isinstance(listed, list) else frozenset()
        )

    def signed_hashes(self) -> frozenset[str]:
        """The SHA-256 of every file the top role signs."""
        files = self._trusted_set.targets.targets.values()
        return frozenset(file.hashes[SHA256] for file in files if SHA256 in file.hashes)

    def _persist_file(self, filename: str, data: bytes) -> None:
        write_atomic(Path(filename), data)
