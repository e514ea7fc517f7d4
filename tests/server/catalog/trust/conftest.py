"""A repository that two of three keys made, on the disk of one test."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from evertill.protocol.release import ComponentWords, Release, ReleaseComponent, encode, release_path
from evertill.server.rooms.catalog.trust import keys
from evertill.server.rooms.catalog.trust.repository import TrustRepository
from evertill.server.rooms.catalog.trust.targets import ComponentFile, TargetsChange
from tests.server.catalog.conftest import PASSPHRASE

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from securesystemslib.signer import CryptoSigner


@pytest.fixture
def repository(data: Path, key_folder: Path) -> TrustRepository:
    return TrustRepository(data, patience_s=5)


@pytest.fixture
def root_signers(key_folder: Path) -> list[CryptoSigner]:
    """As many keys of root as must sign."""
    return [keys.open_file(key_folder / f"root-{number}.pem", PASSPHRASE) for number in (1, 2)]


@pytest.fixture
def component(tmp_path: Path) -> Callable[..., ComponentFile]:
    """A file as the artifact store keeps it."""

    def make(
        path: str = "components/till-1.0.0.evb", body: bytes = b"plainly a demo till", **words: Any
    ) -> ComponentFile:
        source = tmp_path / "artifacts" / hashlib.sha256(body).hexdigest()
        source.parent.mkdir(exist_ok=True)
        source.write_bytes(body)
        said: dict[str, Any] = {"type": "app", "component": "till", "version": "1.0.0", **words}
        return ComponentFile(
            path=path,
            source=str(source),
            length=len(body),
            sha256=hashlib.sha256(body).hexdigest(),
            sha512=hashlib.sha512(body).hexdigest(),
            words=ComponentWords(**said),
        )

    return make


@pytest.fixture
def publication(component: Callable[..., ComponentFile], now: datetime) -> Callable[..., TargetsChange]:
    """The change that publishes a release of one component."""

    def make(release_id: int = 1, file: ComponentFile | None = None, **fields: Any) -> TargetsChange:
        file = file or component()
        part = ReleaseComponent(
            path=file.path,
            sha256=file.sha256,
            sha512=file.sha512,
            length=file.length,
            type=file.words.type,
            component=file.words.component,
            version=file.words.version,
        )
        said: dict[str, Any] = {
            "name": "till",
            "version": "1.0.0",
            "components": [part],
            "notes": {"zh": "新", "en": "New"},
            "severity": "feature",
            "minutes": 3,
            "published_at": now,
        }
        release = Release(id=release_id, **(said | fields))
        return TargetsChange(documents={release_path(release_id): encode(release)}, components=[file])

    return make
