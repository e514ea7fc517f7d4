"""Taking files in."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from evertill.server.rooms.accounts.errors import NotAllowed
from evertill.server.rooms.accounts.rules import Role
from evertill.server.rooms.catalog import artifacts, place
from evertill.server.rooms.catalog.artifacts import Passthrough
from evertill.server.rooms.catalog.errors import ArtifactNameTaken, ProtocolSaysNo
from evertill.server.rooms.kernel import storage
from evertill.server.rooms.kernel.errors import Refused
from tests.server.people import make_person

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from evertill.server.rooms.accounts.access import Identity
    from evertill.server.rooms.catalog.models import Artifact
    from evertill.server.rooms.organisations.models import Node


def kept_files() -> list[Path]:
    return [path for path in place.artifacts().rglob("*") if path.is_file()]


def test_bundle_is_kept_under_its_hash_and_known_by_its_manifest(
    bundle: Callable[..., Path], admin: Identity, now: datetime
) -> None:
    body = bundle().read_bytes()
    artifact = artifacts.add_bundle(place.artifacts(), [body[:10], body[10:]], admin, now)
    assert (artifact.filename, artifact.name, artifact.version, artifact.type) == (
        "till-1.0.0.evb",
        "till",
        "1.0.0",
        "app",
    )
    assert artifact.sha256 == hashlib.sha256(body).hexdigest()
    assert storage.address(place.artifacts(), artifact.sha256).read_bytes() == body


def test_same_bundle_twice_is_one_artifact(bundle: Callable[..., Path], admin: Identity, now: datetime) -> None:
    body = bundle().read_bytes()
    first = artifacts.add_bundle(place.artifacts(), [body], admin, now)
    assert artifacts.add_bundle(place.artifacts(), [body], admin, now).pk == first.pk


def test_other_content_under_a_known_version_is_refused(upload: Callable[..., Artifact]) -> None:
    upload()
    with pytest.raises(ArtifactNameTaken):
        upload(main="print('something else')\n")


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "rubbish"])
def test_damaged_bundle_is_refused_with_a_code_and_not_kept(
    damage: str, bundle: Callable[..., Path], admin: Identity, now: datetime
) -> None:
    body = bundle().read_bytes()
    damaged = {
        "truncated": body[: len(body) // 2],
        "flipped": body[:40] + bytes([body[40] ^ 1]) + body[41:],
        "empty": b"",
        "rubbish": b"<html>not a bundle</html>",
    }[damage]
    with pytest.raises(ProtocolSaysNo) as refused:
        artifacts.add_bundle(place.artifacts(), [damaged], admin, now)
    assert refused.value.code.startswith("BUNDLE_")
    assert refused.value.todo
    assert kept_files() == []


@pytest.mark.parametrize(
    "what",
    [
        Passthrough("../evil.swu", "os", "board", "2"),
        Passthrough("board.swu", "spaceship", "board", "2"),
        Passthrough("board.swu", "os", "two words", "2"),
        Passthrough("board.swu", "app", "board", "not a version"),
        Passthrough("", "os", "board", "2"),
    ],
)
def test_badly_named_file_is_refused_and_not_kept(what: Passthrough, admin: Identity, now: datetime) -> None:
    with pytest.raises(Refused) as refused:
        artifacts.add_passthrough(place.artifacts(), what, [b"opaque"], admin, now)
    assert refused.value.status == 400
    assert kept_files() == []


def test_somebody_without_the_role_uploads_nothing(bundle: Callable[..., Path], operator: Node, now: datetime) -> None:
    by = make_person("demo-auditor", Role.AUDITOR, operator, now)
    with pytest.raises(NotAllowed):
        artifacts.add_bundle(place.artifacts(), [bundle().read_bytes()], by, now)
    assert kept_files() == []
