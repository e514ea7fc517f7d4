"""The folder DATA/trust: where each file lies, how it is written, and the one lock of its one signer.

    metadata/   N.root.json, V.targets.json, V.merchants-7.json, V.snapshot.json, timestamp.json   served
    targets/    every public target under its sha256- and its sha512-name (one file, two links)   served
    online/     the two online keys                                                                never served
    pending/    what waits for signatures, one file per role                                       never served

Rules kept here: a file is whole or absent (temp, fsync, rename, fsync of the folder); `timestamp.json` alone says what is in
force: it names a snapshot, which names the targets, so whatever else lies here is not yet or no longer read by anybody.
Merchants' custom software is delivered by the artifact store only and never gets a file under targets/.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp
from tuf.api.serialization.json import JSONSerializer

from evertill.protocol.release import merchant_of
from evertill.server.rooms.catalog.errors import ArtifactDamaged, TrustBusy, TrustDamaged, TrustNotInitialised
from evertill.server.rooms.kernel.storage import sync_folder, whole_file, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK_PATIENCE_S: Final = 30.0
_CHUNK: Final = 1024 * 1024
_COMPACT: Final = JSONSerializer(compact=True)

Role = TypeVar("Role", Root, Snapshot, Targets, Timestamp)


@dataclass(frozen=True)
class InForce:
    """One consistent state of the repository, as a terminal reads it now."""

    roots: list[Metadata[Root]]  # version 1 first
    timestamp: Metadata[Timestamp]
    snapshot: Metadata[Snapshot]
    targets: dict[str, Metadata[Targets]]  # "targets" and the delegated roles that have published something

    @property
    def root(self) -> Root:
        return self.roots[-1].signed

    @property
    def top(self) -> Targets:
        return self.targets[Targets.type].signed


class TrustFolder:
    """Paths, reading and writing; it decides nothing."""

    def __init__(self, data: Path, patience_s: float = LOCK_PATIENCE_S) -> None:
        self._patience_s = patience_s
        self.data = data
        self.path = data / "trust"
        self.metadata = self.path / "metadata"
        self.targets = self.path / "targets"
        self.online = self.path / "online"
        self.pending = self.path / "pending"

    @property
    def initialised(self) -> bool:
        return (self.metadata / "timestamp.json").exists()

    @contextmanager
    def signing(self) -> Iterator[None]:
        """The one signer: every writer holds this lock for its whole change.

        Raises:
            TrustBusy: somebody else held it all the time this one was patient.
        """
        self.path.mkdir(mode=0o755, parents=True, exist_ok=True)
        handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock(handle, self._patience_s)
            yield
        finally:
            os.close(handle)

    def make(self) -> None:
        for folder, mode in (
            (self.metadata, 0o755),
            (self.targets, 0o755),
            (self.online, 0o700),
            (self.pending, 0o700),
        ):
            folder.mkdir(mode=mode, parents=True, exist_ok=True)
        sync_folder(self.path)

    def read(self) -> InForce:
        """What is in force now.

        Raises:
            TrustNotInitialised: nothing was ever published here. TrustDamaged: a file is missing or unreadable.
        """
        if not self.initialised:
            raise TrustNotInitialised
        timestamp = self._load("timestamp.json", Timestamp)
        snapshot = self._load(f"{timestamp.signed.snapshot_meta.version}.snapshot.json", Snapshot)
        roles = {name.removesuffix(".json"): meta.version for name, meta in snapshot.signed.meta.items()}
        targets = {role: self.targets_metadata(role, version) for role, version in roles.items()}
        return InForce(self._roots(), timestamp, snapshot, targets)

    def versions_of(self, role: str) -> list[int]:
        """Every version of a role that lies here, in force or not, the oldest first."""
        names = (path.name.removesuffix(f".{role}.json") for path in self.metadata.glob(f"*.{role}.json"))
        return sorted(int(name) for name in names if name.isdecimal())

    def targets_metadata(self, role: str, version: int) -> Metadata[Targets]:
        """Raises TrustDamaged."""
        return self._load(f"{version}.{role}.json", Targets)

    def write_metadata(self, name: str, metadata: Metadata[Any]) -> None:
        write_whole(self.metadata / name, metadata.to_bytes(_COMPACT))

    def bytes_of(self, path: str, sha256: str) -> bytes:
        """A small target's bytes; raises TrustDamaged when the file is gone or changed."""
        place = self.place_of(path, sha256)
        try:
            content = place.read_bytes()
        except OSError as error:
            raise TrustDamaged(path=place, problem=error.strerror) from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise TrustDamaged(path=place, problem="was changed")
        return content

    def put_document(self, path: str, content: bytes) -> None:
        """A small target, under both its names."""
        place = self.place_of(path, hashlib.sha256(content).hexdigest())
        place.parent.mkdir(parents=True, exist_ok=True)
        write_whole(place, content)
        _link_or_copy(place, self.place_of(path, hashlib.sha512(content).hexdigest()))

    def check_component(self, path: str, source: Path, *, sha256: str, sha512: str) -> None:
        """Raises ArtifactDamaged when the stored bytes are not what was uploaded."""
        short, long = hashlib.sha256(), hashlib.sha512()
        try:
            with source.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    short.update(chunk)
                    long.update(chunk)
        except OSError as error:
            raise ArtifactDamaged(path=path) from error
        if (short.hexdigest(), long.hexdigest()) != (sha256, sha512):
            raise ArtifactDamaged(path=path)

    def put_component(self, path: str, source: Path, *, sha256: str, sha512: str) -> None:
        """A component's file, linked from the artifact store under both its names; nothing for merchants' custom software.

        Raises ArtifactDamaged.
        """
        self.check_component(path, source, sha256=sha256, sha512=sha512)
        if merchant_of(path) is not None:
            return
        place = self.place_of(path, sha256)
        place.parent.mkdir(parents=True, exist_ok=True)
        _link_or_copy(source, place)
        _link_or_copy(place, self.place_of(path, sha512))

    def place_of(self, path: str, digest: str) -> Path:
        parent, _slash, name = path.rpartition("/")
        return self.targets / parent / f"{digest}.{name}"

    def _roots(self) -> list[Metadata[Root]]:
        roots: list[Metadata[Root]] = []
        while (self.metadata / f"{len(roots) + 1}.root.json").exists():
            roots.append(self._load(f"{len(roots) + 1}.root.json", Root))
        if not roots:
            raise TrustDamaged(path=self.metadata / "1.root.json", problem="is missing")
        return roots

    def _load(self, name: str, _role: type[Role]) -> Metadata[Role]:
        path = self.metadata / name
        try:
            return Metadata[Role].from_bytes(path.read_bytes())
        except OSError as error:
            raise TrustDamaged(path=path, problem=error.strerror) from error
        except RepositoryError as error:
            raise TrustDamaged(path=path, problem="cannot be read") from error


def _lock(handle: int, patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise TrustBusy from error
            time.sleep(0.05)
        else:
            return


def _link_or_copy(source: Path, place: Path) -> None:
    """A hard link where the artifact store is on the same file system, a copy elsewhere."""
    if place.exists() and place.samefile(source):
        return  # rename(2) between two links of one file would leave both names
    beside = place.with_name(f".{place.name[:40]}.part")
    with suppress(FileNotFoundError):
        beside.unlink()
    try:
        os.link(source, beside)
    except OSError as error:
        if error.errno not in {errno.EXDEV, errno.EPERM, errno.EMLINK}:
            raise
        with source.open("rb") as file, whole_file(place) as copy:
            shutil.copyfileobj(file, copy, _CHUNK)
    else:
        beside.rename(place)
        sync_folder(place.parent)
