"""Taking files in: each is hashed once while it is written, judged, and kept under its hash or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

import msgspec
from django.db import transaction
from django.utils.translation import gettext as _

from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.release import ComponentWords
from evertill.protocol.versions import check_version
from evertill.server.rooms.accounts.commands import command
from evertill.server.rooms.accounts.rules import Operation
from evertill.server.rooms.audit import service as audit
from evertill.server.rooms.catalog import queries
from evertill.server.rooms.catalog.bundles import inspect
from evertill.server.rooms.catalog.errors import ArtifactNameTaken, ArtifactTooLarge, ProtocolSaysNo
from evertill.server.rooms.catalog.models import Artifact
from evertill.server.rooms.catalog.rules import ARTIFACT_MOST_BYTES, ArtifactKind, is_filename
from evertill.server.rooms.kernel import storage
from evertill.server.rooms.kernel.errors import FieldInvalid
from evertill.server.rooms.organisations import queries as organisations

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

    from evertill.protocol.manifest import Manifest
    from evertill.server.rooms.accounts.access import Identity
    from evertill.server.rooms.audit.actor import Actor
    from evertill.server.rooms.kernel.storage import Digests


UNUSED_FOR: Final = timedelta(days=30)


@dataclass(frozen=True)
class Passthrough:
    """What a file for another updater is; nothing of it is looked into."""

    filename: str
    type: str
    name: str
    version: str


def add_bundle(folder: Path, chunks: Iterable[bytes], by: Identity, now: datetime) -> Artifact:
    """One of our components, verified whole. The same bytes twice are one artifact.

    Raises `ProtocolSaysNo` with the protocol's code, `ArtifactTooLarge`, `ArtifactNameTaken`, `NotAllowed`.
    """
    with command(by, "artifact.add", kind="artifact", ref="bundle", now=now) as act:
        act.require(Operation.ARTIFACTS_ADD, organisations.operator())
        digests = storage.store(folder, _limited(chunks))
        manifest = _inspected(storage.address(folder, digests.sha256))
        act.ref = manifest.bundle_name
        act.details["sha256"] = digests.sha256
        said = msgspec.to_builtins(manifest)
        del said["files"]
        return _keep(
            Artifact(
                filename=manifest.bundle_name,
                kind=ArtifactKind.BUNDLE,
                type=manifest.type,
                name=manifest.component,
                version=manifest.version,
                manifest=said,
            ),
            digests,
            by,
            now,
        )


def add_passthrough(folder: Path, what: Passthrough, chunks: Iterable[bytes], by: Identity, now: datetime) -> Artifact:
    """A file for a ddi client's own updater, protected by its own signatures. Raises as `add_bundle`, and `FieldInvalid`."""
    with command(by, "artifact.add", kind="artifact", ref=what.filename, now=now) as act:
        act.require(Operation.ARTIFACTS_ADD, organisations.operator())
        _check(what)
        digests = storage.store(folder, _limited(chunks))
        act.details["sha256"] = digests.sha256
        row = Artifact(
            filename=what.filename, kind=ArtifactKind.PASSTHROUGH, type=what.type, name=what.name, version=what.version
        )
        return _keep(row, digests, by, now)


def remove_unused(folder: Path, by: Actor, now: datetime) -> None:
    """Forgets uploads that no release took up within a month, and files of that age without a row.

    A release, also a draft or one that was taken back, keeps its files for ever. A file without a row may be an upload that is still
    being judged, or belong to rows that a restored database has forgotten for the moment: hence the month.
    """
    for artifact in queries.unused_artifacts(now - UNUSED_FOR):
        with transaction.atomic():
            Artifact.objects.filter(pk=artifact.pk).delete()
            audit.record(by, "artifact.remove", kind="artifact", ref=artifact.filename, now=now)
    storage.sweep(folder, queries.is_artifact, now - UNUSED_FOR)


def _keep(row: Artifact, digests: Digests, by: Identity, now: datetime) -> Artifact:
    known = Artifact.objects.filter(filename=row.filename).first()
    if known is not None:
        if known.sha256 != digests.sha256 or known.kind != row.kind:
            raise ArtifactNameTaken(filename=row.filename)
        return known
    for name in ("size_bytes", "md5", "sha1", "sha256", "sha512"):
        setattr(row, name, getattr(digests, name))
    row.added_at, row.added_by = now, by.actor.name
    row.save(force_insert=True)
    return row


def _limited(chunks: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > ARTIFACT_MOST_BYTES:
            raise ArtifactTooLarge(most_bytes=ARTIFACT_MOST_BYTES)
        yield chunk


def _inspected(path: Path) -> Manifest:
    """A refused bundle is not kept, unless the same bytes were there before for another reason."""
    try:
        return inspect(path)
    except ProtocolRefused as refused:
        if not Artifact.objects.filter(sha256=path.name).exists():
            path.unlink(missing_ok=True)
        raise ProtocolSaysNo(refused) from None


def _check(what: Passthrough) -> None:
    if not is_filename(what.filename) or PurePosixPath(what.filename).name != what.filename:
        raise FieldInvalid(
            field="filename", problem=_("use letters, digits, dots, hyphens, underscores and plus signs")
        )
    try:
        words = msgspec.convert({"type": what.type, "component": what.name, "version": what.version}, ComponentWords)
        check_version(words.type, words.version)
    except msgspec.ValidationError as error:
        problem, _at, place = str(error).partition(" - at `$.")
        raise FieldInvalid(field=place.strip("`"), problem=problem) from None
    except ProtocolRefused as refused:
        raise ProtocolSaysNo(refused) from None
