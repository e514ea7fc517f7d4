"""What this terminal may believe: releases, files and bounds, verified from the root it was provisioned with.

Rules kept here: everything comes from signed targets, nothing from the server's other answers; one check refuses a release that
is revoked, withdrawn, for another model or hardware, below the lowest rollback index, of another merchant, or whose component is not
the very file the release names; expired is refused at every read, not only at refresh, by a clock that never runs backwards;
a failed refresh leaves what was verified before as it was. Payloads are fetched elsewhere and compared with `target_of`.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import quote, urljoin

import msgspec
from tuf.api import exceptions as tuf
from tuf.api.metadata import TargetFile
from tuf.ngclient import FetcherInterface

from evertill.protocol.release import (
    FLOOR_PATH,
    GUARDRAILS_PATH,
    MAX_DOCUMENT_BYTES,
    OPERATOR_PATH,
    ComponentWords,
    Floor,
    Guardrails,
    Operator,
    Release,
    ReleaseComponent,
    decode_floor,
    decode_guardrails,
    decode_operator,
    decode_release,
    decode_words,
    is_component_path,
    merchant_of,
    release_path,
)
from evertill.terminal.agent.clock import Clock
from evertill.terminal.agent.metadata import CacheFetcher, TrustedMetadata
from evertill.terminal.agent.records import Record
from evertill.terminal.durable import write_atomic
from evertill.terminal.errors import TerminalRefused

_OFFLINE_URL: Final = "cache:///"


class TrustRefused(TerminalRefused):
    """The signatures, or what they say, forbid it."""


class PassedTime(Protocol):
    """The moment that certainly has passed; `ClockFloor` is one."""

    @property
    def value(self) -> datetime: ...
    def rise(self, moment: datetime) -> None: ...


@dataclass(frozen=True)
class Identity:
    """Who this terminal is, by its provision file."""

    model: str
    hardware_revision: str
    merchant_id: int | None


@dataclass(frozen=True)
class TargetInfo:
    """What is signed about one component's file."""

    path: str
    length: int
    sha256: str
    sha512: str
    words: ComponentWords


class _Verified(msgspec.Struct, frozen=True):
    at: datetime


@dataclass(frozen=True)
class _State:
    """One verified walk, and the three documents that bind everything else."""

    metadata: TrustedMetadata
    floor: Floor
    operator: Operator
    guardrails: Guardrails


class TrustClient:
    """One per agent; calls from several threads take turns."""

    def __init__(
        self,
        folder: Path,
        root: bytes,
        metadata_url: str,
        fetcher: FetcherInterface,
        identity: Identity,
        clock: Clock,
        passed: PassedTime,
    ) -> None:
        self._metadata = folder / "metadata"
        self._documents = folder / "documents"
        self._record = Record(folder / "verified.json", _Verified)
        self._root = root
        self._url = metadata_url
        self._targets_url = urljoin(metadata_url, "../targets/")
        self._fetcher = fetcher
        self._identity = identity
        self._clock = clock
        self._passed = passed
        self._state: _State | None = None
        self._lock = threading.RLock()
        self._documents.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def verified_at(self) -> datetime | None:
        """When this terminal last verified everything with its server; survives restarts."""
        verified = self._record.load()
        return verified.at if verified else None

    def refresh(self, now: datetime) -> None:
        """Fetch and verify everything anew; what was trusted before stays when this fails.

        Raises:
            ConnectionRefused: no contact. TrustRefused: what came is not to be trusted, by its code.
        """
        with self._lock, _translated():
            moment = max(now, self._passed.value)
            self._state = self._walk(self._url, self._fetcher, moment)
            self._record.save(_Verified(moment))
            self._passed.rise(moment)

    def release(self, release_id: int) -> Release:
        """The signed words of a release that this terminal may install.

        Raises:
            TrustRefused: why it may not. ProtocolRefused: the document breaks the format.
        """
        with self._lock, _translated():
            state = self._usable()
            release = decode_release(self._document(state.metadata, release_path(release_id), "RELEASE_UNKNOWN"))
            if release.id != release_id:
                raise TrustRefused("TARGET_MISMATCH", path=release_path(release_id))
            if state.floor.revocation(release_id) is not None:
                raise TrustRefused("REVOKED", release=release_id)
            if release_id in state.metadata.withdrawn():
                raise TrustRefused("WITHDRAWN", release=release_id)
            for component in release.components:
                self._check_component(component, self._target(state, component.path), state.floor)
            return release

    def target_of(self, path: str) -> TargetInfo:
        """What is signed about a component's file, for the downloader to compare with.

        Raises:
            TrustRefused: FOREIGN_MERCHANT, TARGET_UNKNOWN, TRUST_EXPIRED, …
        """
        with self._lock, _translated():
            return self._target(self._usable(), path)

    def check_installed(self, part: ReleaseComponent, release_id: int) -> None:
        """Whether a file that was installed from this release may be installed once more: by the signatures, whatever their dates.

        An expiry keeps a terminal from being held back at an old version; installing the same one again holds nobody back.

        Raises:
            TrustRefused: REVOKED, ROLLBACK_INDEX_LOW, COMPONENT_SWAPPED, TARGET_UNKNOWN, FOREIGN_MERCHANT, MODEL_MISMATCH, or nothing
            was ever verified here.
        """
        with self._lock, _translated():
            state = self._state or self._as_verified_last()
            if state.floor.revocation(release_id) is not None:
                raise TrustRefused("REVOKED", release=release_id)
            self._check_component(part, self._target(state, part.path), state.floor)

    def forget_unsigned(self) -> None:
        """Throw away the documents that nobody signs any more."""
        with self._lock:
            if self._state is None:
                return
            signed = self._state.metadata.signed_hashes()
            for path in self._documents.iterdir():
                if path.name not in signed:
                    path.unlink()

    def floor(self) -> Floor:
        with self._lock, _translated():
            return self._usable().floor

    def operator(self) -> Operator:
        with self._lock, _translated():
            return self._usable().operator

    def guardrails(self) -> Guardrails:
        with self._lock, _translated():
            return self._usable().guardrails

    def _usable(self) -> _State:
        """What was verified last, read from disk after a restart; never past its expiry."""
        moment = max(self._clock(), self._passed.value)
        if self._state is None:
            if not (self._metadata / "timestamp.json").exists():
                raise TrustRefused("NO_FRESH_TRUST")
            self._state = self._walk(_OFFLINE_URL, CacheFetcher(self._metadata), moment)
        role, expires_at = self._state.metadata.first_to_expire()
        if expires_at <= moment:
            raise TrustRefused("TRUST_EXPIRED", detail=f"{role}, {expires_at:%Y-%m-%d}")
        return self._state

    def _as_verified_last(self) -> _State:
        """What lies on the disk, as it was on the day it was verified."""
        if (verified_at := self.verified_at) is None:
            raise TrustRefused("NO_FRESH_TRUST")
        return self._walk(_OFFLINE_URL, CacheFetcher(self._metadata), verified_at)

    def _walk(self, url: str, fetcher: FetcherInterface, moment: datetime) -> _State:
        metadata = TrustedMetadata(self._metadata, url, fetcher, self._root, moment)
        metadata.refresh()
        return _State(
            metadata,
            decode_floor(self._document(metadata, FLOOR_PATH, "TRUST_INCOMPLETE")),
            decode_operator(self._document(metadata, OPERATOR_PATH, "TRUST_INCOMPLETE")),
            decode_guardrails(self._document(metadata, GUARDRAILS_PATH, "TRUST_INCOMPLETE")),
        )

    def _document(self, metadata: TrustedMetadata, path: str, unknown: str) -> bytes:
        """A small signed target: from the disk where it lies already, checked either way."""
        target = metadata.get_targetinfo(path)
        if target is None:
            raise TrustRefused(unknown, path=path)
        if target.length > MAX_DOCUMENT_BYTES:
            raise TrustRefused("TRUST_TOO_LARGE", path=path)
        sha256, _sha512 = _hashes(target)
        place = self._documents / sha256
        if place.exists() and _matches(target, body := place.read_bytes()):
            return body
        folder, _slash, name = path.rpartition("/")
        url = urljoin(self._targets_url, quote(f"{folder}/{sha256}.{name}".lstrip("/")))
        body = self._fetcher.download_bytes(url, target.length)
        if not _matches(target, body):
            raise TrustRefused("TARGET_MISMATCH", path=path)
        write_atomic(place, body)
        return body

    def _target(self, state: _State, path: str) -> TargetInfo:
        if not is_component_path(path):
            raise TrustRefused("TARGET_UNKNOWN", path=path)
        if merchant_of(path) not in {None, self._identity.merchant_id}:
            raise TrustRefused("FOREIGN_MERCHANT", path=path)
        target = state.metadata.get_targetinfo(path)
        if target is None:
            raise TrustRefused("TARGET_UNKNOWN", path=path)
        sha256, sha512 = _hashes(target)
        return TargetInfo(path, target.length, sha256, sha512, decode_words(target.custom))

    def _check_component(self, component: ReleaseComponent, target: TargetInfo, floor: Floor) -> None:
        """The file is the one the release names, it fits this terminal, and it is not below the floor."""
        named = (
            component.length,
            component.sha256,
            component.sha512,
            component.type,
            component.component,
            component.version,
        )
        words = target.words
        if named != (target.length, target.sha256, target.sha512, words.type, words.component, words.version):
            raise TrustRefused("COMPONENT_SWAPPED", path=component.path)
        model, revision = self._identity.model, self._identity.hardware_revision
        if not words.fits(model, revision):
            raise TrustRefused("MODEL_MISMATCH", component=component.component, model=model, revision=revision or "-")
        least = floor.minimum_rollback_index.get(component.component, 0)
        if words.rollback_index < least:
            raise TrustRefused(
                "ROLLBACK_INDEX_LOW", component=component.component, version=component.version, least=least
            )


def _hashes(target: TargetFile) -> tuple[str, str]:
    """Both of them: whoever signs with one alone does not follow our rules."""
    try:
        return target.hashes["sha256"], target.hashes["sha512"]
    except KeyError as error:
        raise TrustRefused("TRUST_DAMAGED", detail=f"{target.path}: {error}") from error


def _matches(target: TargetFile, body: bytes) -> bool:
    try:
        target.verify_length_and_hashes(body)
    except tuf.LengthOrHashMismatchError:
        return False
    return True


@contextmanager
def _translated() -> Iterator[None]:
    """python-tuf's errors, each as one code of ours."""
    try:
        yield
    except tuf.ExpiredMetadataError as error:
        raise TrustRefused("TRUST_EXPIRED", detail=error) from error
    except tuf.UnsignedMetadataError as error:
        raise TrustRefused("TRUST_UNSIGNED", detail=error) from error
    except tuf.BadVersionNumberError as error:
        raise TrustRefused("TRUST_ROLLED_BACK", detail=error) from error
    except tuf.LengthOrHashMismatchError as error:
        raise TrustRefused("TRUST_MIXED", detail=error) from error
    except tuf.RepositoryError as error:
        raise TrustRefused("TRUST_DAMAGED", detail=error) from error
    except tuf.DownloadLengthMismatchError as error:
        raise TrustRefused("TRUST_TOO_LARGE", path=error) from error
    except tuf.DownloadHTTPError as error:
        raise TrustRefused("TRUST_INCOMPLETE", path=error) from error
