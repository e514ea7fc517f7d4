"""Taking files in."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from evertill.server.rooms.accounts.errors import NotAllowed
from evertill.server.rooms.accounts.rules import Role
from evertill.server.rooms.audit import queries as audit
from evertill.server.rooms.catalog import artifacts, jobs, place, queries
from evertill.server.rooms.catalog.artifacts import Passthrough
from evertill.server.rooms.catalog.errors import ArtifactNameTaken, ArtifactTooLarge, ArtifactUnknown, ProtocolSaysNo
from evertill.server.rooms.catalog.rules import ARTIFACT_MOST_BYTES
from evertill.server.rooms.kernel import storage
from evertill.server.rooms.kernel.errors import Refused
from tests.server.people import make_person

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from evertill.server.rooms.accounts.access import Identity
    from evertill.server.rooms.catalog.models import Artifact, Release
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


class Giant(bytes):
    """A chunk as long as it says, without the memory for it."""

    def __len__(self) -> int:
        return ARTIFACT_MOST_BYTES + 1


def test_file_beyond_the_quota_is_refused_and_not_kept(
    bundle: Callable[..., Path], admin: Identity, now: datetime
) -> None:
    what = Passthrough("board-2.swu", "os", "board", "2")
    with pytest.raises(ArtifactTooLarge):
        artifacts.add_passthrough(place.artifacts(), what, [b"begins small", Giant(b"x")], admin, now)
    assert kept_files() == []


def test_artifact_that_nobody_uploaded_is_unknown(db: None) -> None:
    with pytest.raises(ArtifactUnknown):
        queries.artifact_by_id(999)


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


def test_upload_that_no_release_took_up_goes_after_a_month_with_its_file(
    upload: Callable[..., Artifact], draft: Callable[..., Release], now: datetime
) -> None:
    used = draft("1.0.0")
    idle = upload("2.0.0")
    old = (now - timedelta(days=1)).timestamp()
    for path in kept_files():
        os.utime(path, (old, old))

    jobs.sweep(now + timedelta(days=29))
    assert len(kept_files()) == 2
    jobs.sweep(now + timedelta(days=31))

    (part,) = queries.parts(used.pk)
    assert kept_files() == [storage.address(place.artifacts(), part.artifact.sha256)]
    assert [row.ref for row in audit.page(kind="artifact") if row.act == "artifact.remove"] == [idle.filename]
    assert upload("2.0.0", main="print('another')\n").filename == idle.filename  # nobody ever trusted that name


def test_file_without_a_row_goes_after_a_month_and_not_while_it_is_being_judged(db: None, now: datetime) -> None:
    digests = storage.store(place.artifacts(), [b"its upload was refused"])
    half = place.artifacts() / ".0a1b.part"
    half.write_bytes(b"half")
    for path in (half, storage.address(place.artifacts(), digests.sha256)):
        os.utime(path, (now.timestamp(), now.timestamp()))

    jobs.sweep(now + timedelta(days=30))
    assert len(kept_files()) == 2
    jobs.sweep(now + timedelta(days=31))
    assert kept_files() == []


def test_file_that_is_stored_again_while_it_is_swept_stays(tmp_path: Path, now: datetime) -> None:
    digests = storage.store(tmp_path, [b"the same bytes"])
    path = storage.address(tmp_path, digests.sha256)
    os.utime(path, (0, 0))

    def uploaded_meanwhile(_sha256: str) -> bool:
        storage.store(tmp_path, [b"the same bytes"])
        return False

    moment = datetime.fromtimestamp(path.parent.stat().st_mtime, UTC) - timedelta(days=1)
    assert storage.sweep(tmp_path, uploaded_meanwhile, moment) == []
    assert path.read_bytes() == b"the same bytes"
