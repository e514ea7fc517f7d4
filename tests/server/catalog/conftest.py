"""A catalogue to work on: keys, a bundle, a release. The trust repository lies on the disk, so each test gets a data folder of its own."""

from __future__ import annotations

import dataclasses
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from evertill.protocol.release import Operator
from evertill.server.rooms.catalog import artifacts, place, service
from evertill.server.rooms.catalog.bundles import build
from evertill.server.rooms.catalog.service import NewRelease
from evertill.server.rooms.catalog.trust import ceremony, keys
from evertill.server.rooms.catalog.trust.repository import TrustRepository

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pytest_django.fixtures import Settings
    from securesystemslib.signer import CryptoSigner

    from evertill.server.rooms.accounts.access import Identity
    from evertill.server.rooms.catalog.models import Artifact, Release

PASSPHRASE = "plainly a demo passphrase"
COMPONENT = """
format = 1
component = "{name}"
type = "app"
version = "{version}"
python = "cp311"
rollback_index = 0
minutes = 4
[entry_points]
start = ["{{python}}", "{{slot}}/main.py"]
"""


@pytest.fixture(autouse=True)
def data(tmp_path: Path, settings: Settings) -> Path:
    """The installation's folder, empty."""
    settings.INSTALLATION = dataclasses.replace(settings.INSTALLATION, data=tmp_path / "installation")
    (tmp_path / "installation").mkdir()
    return tmp_path / "installation"


MOMENT = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)


@dataclasses.dataclass(frozen=True)
class Ceremony:
    """Offline keys, two of three, and the repository they made; made once, because opening a key takes time on purpose."""

    keys: Path
    trust: Path
    signers: Sequence[CryptoSigner]


@pytest.fixture(scope="session")
def ceremony_held(tmp_path_factory: pytest.TempPathFactory) -> Ceremony:
    data, folder = tmp_path_factory.mktemp("first"), tmp_path_factory.mktemp("offline") / "keys"
    operator = Operator(slug="DEFAULT", name={"zh": "演示收单机构", "en": "Demo operator"})
    ceremony.initialise(TrustRepository(data), folder, operator, lambda _name: PASSPHRASE, MOMENT)
    return Ceremony(folder, data / "trust", keys.open_role(folder, "targets", lambda _name: PASSPHRASE))


@pytest.fixture
def key_folder(data: Path, ceremony_held: Ceremony) -> Path:
    """The offline keys; the installation holds the repository they made."""
    shutil.copytree(ceremony_held.trust, data / "trust")
    return ceremony_held.keys


@pytest.fixture
def signers(key_folder: Path, ceremony_held: Ceremony) -> Sequence[CryptoSigner]:
    """The keys of targets, opened."""
    return ceremony_held.signers


@pytest.fixture
def bundle(tmp_path: Path) -> Callable[..., Path]:
    """Builds a small bundle of a component."""

    def make(version: str = "1.0.0", name: str = "till", main: str = "print('ready')\n") -> Path:
        source = tmp_path / f"{name}-{version}-{len(main)}"
        source.mkdir()
        (source / "component.toml").write_text(COMPONENT.format(name=name, version=version), encoding="utf-8")
        (source / "main.py").write_text(main, encoding="utf-8")
        return build(source, source.with_suffix(".evb")).path

    return make


@pytest.fixture
def upload(bundle: Callable[..., Path], admin: Identity, now: datetime) -> Callable[..., Artifact]:
    def take(version: str = "1.0.0", **made: str) -> Artifact:
        return artifacts.add_bundle(place.artifacts(), [bundle(version, **made).read_bytes()], admin, now)

    return take


NOTES = {"zh": "收款时可以打折", "en": "Discounts at the till"}


@pytest.fixture
def draft(upload: Callable[..., Artifact], admin: Identity, now: datetime) -> Callable[..., Release]:
    def make(version: str = "1.0.0", **fields: object) -> Release:
        said = {
            "name": "till",
            "version": version,
            "severity": "feature",
            "notes": NOTES,
            "artifact_ids": [upload(version).pk],
        }
        return service.create_release(NewRelease(**(said | fields)), admin, now)  # type: ignore[arg-type]

    return make


@pytest.fixture
def passthrough(admin: Identity, now: datetime) -> Artifact:
    """A file for a ddi client's own updater."""
    what = artifacts.Passthrough("board-2.swu", "os", "board", "2")
    return artifacts.add_passthrough(place.artifacts(), what, [b"opaque"], admin, now)
