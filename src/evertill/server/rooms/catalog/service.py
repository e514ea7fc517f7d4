"""Releases from draft to published, withdrawn or revoked.

What is in force is what is signed: after every signature `reconcile` reads the repository and moves the rows after it, so that a process killed between the two is caught up by the next command or
the daily job. Withdrawing needs no offline key and works at once; revoking is a signed floor.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
from django.db import transaction

from evertill.protocol import release as documents
from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.manifest import Requirement
from evertill.server.rooms.accounts.commands import command, refusals_recorded
from evertill.server.rooms.accounts.rules import Operation
from evertill.server.rooms.audit import service as audit
from evertill.server.rooms.catalog import place, queries
from evertill.server.rooms.catalog.errors import (
    NotesIncomplete,
    ProtocolSaysNo,
    ReleaseEmpty,
    ReleaseMixed,
    ReleaseStateWrong,
    TrustNotInitialised,
)
from evertill.server.rooms.catalog.events import ReleasePublished, ReleaseTakenBack
from evertill.server.rooms.catalog.models import Artifact, Release, ReleaseComponent
from evertill.server.rooms.catalog.rules import MAY_BECOME, ArtifactKind, State, component_path
from evertill.server.rooms.catalog.trust.targets import ComponentFile, TargetsChange
from evertill.server.rooms.kernel import ids, storage
from evertill.server.rooms.kernel.events import raise_event
from evertill.server.rooms.organisations import queries as organisations

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from securesystemslib.signer import CryptoSigner

    from evertill.server.rooms.accounts.access import Identity
    from evertill.server.rooms.audit.actor import Actor
    from evertill.server.rooms.catalog.trust.repository import Outcome

DEFAULT_MINUTES = 3


@dataclass(frozen=True)
class NewRelease:
    """What its publisher says of a release; files in the order in which they are installed."""

    name: str
    version: str
    severity: documents.Severity
    notes: dict[str, str]
    artifact_ids: Sequence[int]
    required_at: datetime | None = None
    emergency: bool = False
    fixes_on: str = ""
    minutes: int = 0
    must_unplug: bool = False
    recovery: dict[str, str] = field(default_factory=dict)
    stepping_stone: Requirement | None = None
    requirements: Sequence[Requirement] = ()
    incompatible_peripherals: Sequence[str] = ()
    cves: Sequence[str] = ()


def create_release(new: NewRelease, by: Identity, now: datetime) -> Release:
    """A draft. Raises `ReleaseEmpty`, `ReleaseMixed`, `NotesIncomplete`, `ArtifactUnknown`, `ProtocolSaysNo`, `NotAllowed`."""
    with command(by, "release.create", kind="release", ref=f"{new.name} {new.version}", now=now) as act:
        act.require(Operation.RELEASES_EDIT, organisations.operator())
        artifacts = [queries.artifact_by_id(artifact_id) for artifact_id in new.artifact_ids]
        _check_files(artifacts)
        ids.never_below(ids.RELEASE, max(_spoken_for(), default=0))
        release = Release(
            pk=ids.take_one(ids.RELEASE),
            name=new.name,
            version=new.version,
            severity=new.severity,
            notes=new.notes,
            required_at=new.required_at,
            emergency=new.emergency,
            fixes_on=new.fixes_on,
            minutes=new.minutes or _minutes(artifacts),
            requirements=msgspec.to_builtins(list(new.requirements)),
            stepping_stone=msgspec.to_builtins(new.stepping_stone),
            recovery=new.recovery,
            must_unplug=new.must_unplug,
            incompatible_peripherals=list(new.incompatible_peripherals),
            cves=list(new.cves),
            state=State.DRAFT,
            created_at=now,
        )
        _check_document(_document(release, artifacts, now))
        release.save(force_insert=True)
        modules = ids.take(ids.DEVICE, len(artifacts))
        ReleaseComponent.objects.bulk_create(
            ReleaseComponent(release=release, artifact=artifact, module_id=module, position=position)
            for position, (artifact, module) in enumerate(zip(artifacts, modules, strict=True))
        )
        act.ref = str(release.pk)
        act.details.update(name=new.name, version=new.version, severity=new.severity)
    return release


def publish(release_id: int, signers: Iterable[CryptoSigner], by: Identity, now: datetime) -> Outcome:
    """Signs with the keys at hand; what is still missing then waits as a signing request.

    Raises `ReleaseUnknown`, `ReleaseStateWrong`, `ProtocolSaysNo`, `TrustNotInitialised`, `SigningOpen`, `TargetPathTaken`, `ArtifactDamaged`, `NotAllowed`.
    """
    repository = place.repository()
    with command(by, "release.publish", kind="release", ref=str(release_id), now=now) as act:
        act.require(Operation.RELEASES_EDIT, organisations.operator())
        release = queries.by_id(release_id)
        repository.in_force()
        artifacts = [part.artifact for part in queries.parts(release_id)]
        document = _document(release, artifacts, now)
        _check_document(document)  # again: a date that lay ahead of the draft may lie behind by now
        _move(release, State.AWAITING, now)
    change = TargetsChange(
        documents={documents.release_path(release_id): documents.encode(document)},
        components=[_component_file(artifact) for artifact in artifacts if artifact.kind == ArtifactKind.BUNDLE],
    )
    with refusals_recorded(by, "release.publish", kind="release", ref=str(release_id), now=now):
        try:
            return repository.change_targets(change, now, signers)
        finally:
            reconcile(by.actor, now)


def withdraw(release_id: int, reason: str, by: Identity, now: datetime) -> None:
    """Takes a published release back at once, without offline keys: no offers, open actions cancelled. Raises `ReleaseUnknown`, `ReleaseStateWrong`, `NotAllowed`."""
    with command(by, "release.withdraw", kind="release", ref=str(release_id), reason=reason, now=now) as act:
        act.require(Operation.RELEASES_EDIT, organisations.operator())
        _move(queries.by_id(release_id), State.WITHDRAWN, now)
        raise_event(ReleaseTakenBack(now, release_id, revoked=False))
        sign_freshness(now)


def revoke(
    release_id: int, reason: dict[str, str], signers: Iterable[CryptoSigner], by: Identity, now: datetime
) -> Outcome:
    """Withdraws at once, and signs (or leaves to be signed) a floor that forbids this release for ever.

    Raises `ReleaseUnknown`, `ReleaseStateWrong`, `TrustNotInitialised`, `SigningOpen`, `NotAllowed`.
    """
    repository = place.repository()
    with command(
        by, "release.revoke", kind="release", ref=str(release_id), reason=reason.get("en", ""), now=now
    ) as act:
        act.require(Operation.RELEASES_EDIT, organisations.operator())
        release = queries.by_id(release_id)
        if State.REVOKED not in MAY_BECOME[State(release.state)]:
            raise ReleaseStateWrong(release=release_id, state=release.state)
        if release.state == State.PUBLISHED:
            _move(release, State.WITHDRAWN, now)
            raise_event(ReleaseTakenBack(now, release_id, revoked=False))
            sign_freshness(now)
    floor = repository.floor()
    entry = documents.Revocation(release=release_id, revoked_at=now, reason=reason)
    body = documents.encode(msgspec.structs.replace(floor, revoked=[*floor.revoked, entry]))
    with refusals_recorded(by, "release.revoke", kind="release", ref=str(release_id), now=now):
        try:
            return repository.change_targets(TargetsChange(documents={documents.FLOOR_PATH: body}), now, signers)
        finally:
            reconcile(by.actor, now)


@transaction.atomic
def reconcile(actor: Actor, now: datetime) -> None:
    """Moves the rows after what is signed. Changes nothing where both agree."""
    repository = place.repository()
    signed, waiting = set(repository.signed_release_ids()), _waiting_ids(repository.open_requests())
    for release in Release.objects.filter(state__in=[State.DRAFT, State.AWAITING]):
        if release.pk in signed:
            _follow(release, State.PUBLISHED, actor, now)
            raise_event(ReleasePublished(now, release.pk))
        elif release.state == State.AWAITING and release.pk not in waiting:
            _follow(release, State.DRAFT, actor, now)
    for release in Release.objects.filter(pk__in=repository.withdrawn(), state=State.PUBLISHED):
        _follow(release, State.WITHDRAWN, actor, now)
        raise_event(ReleaseTakenBack(now, release.pk, revoked=False))
    revoked = [entry.release for entry in repository.floor().revoked]
    for release in Release.objects.filter(pk__in=revoked, state__in=[State.PUBLISHED, State.WITHDRAWN]):
        _follow(release, State.REVOKED, actor, now)
        raise_event(ReleaseTakenBack(now, release.pk, revoked=True))


def sign_freshness(now: datetime) -> None:
    """Renews snapshot and timestamp; the snapshot tells terminals which releases were taken back, and that list only grows."""
    repository = place.repository()
    gone = Release.objects.filter(state__in=[State.WITHDRAWN, State.REVOKED]).values_list("pk", flat=True)
    repository.renew(now, withdrawn={*gone, *repository.withdrawn()})


def _follow(release: Release, state: State, actor: Actor, now: datetime) -> None:
    if release.state == State.DRAFT and state is State.PUBLISHED:
        _move(release, State.AWAITING, now)
    _move(release, state, now)
    audit.record(actor, f"release.{state.value}", kind="release", ref=str(release.pk), now=now)


def _move(release: Release, state: State, now: datetime) -> None:
    """Raises `ReleaseStateWrong` where the row is not, or no longer, in a state that may become `state`."""
    before = State(release.state)
    moments: dict[str, Any] = {
        State.PUBLISHED: {"published_at": now},
        State.WITHDRAWN: {"withdrawn_at": now},
        State.REVOKED: {"revoked_at": now},
    }.get(state, {})
    if state not in MAY_BECOME[before] or not Release.objects.filter(pk=release.pk, state=before).update(
        state=state, **moments
    ):
        raise ReleaseStateWrong(release=release.pk, state=before.value)
    release.state = state


def _spoken_for() -> set[int]:
    """Release ids that are signed or wait for it, whatever the table remembers after a restore."""
    repository = place.repository()
    try:
        return set(repository.signed_release_ids()) | _waiting_ids(repository.open_requests())
    except TrustNotInitialised:
        return set()


def _waiting_ids(open_requests: Iterable[Any]) -> set[int]:
    """Releases whose document is part of an open request."""
    paths = {path for request in open_requests for path in request.documents}
    return {int(path.removeprefix("releases/").removesuffix(".json")) for path in paths if path.startswith("releases/")}


def _check_files(artifacts: Sequence[Artifact]) -> None:
    if not artifacts:
        raise ReleaseEmpty
    if len({artifact.kind for artifact in artifacts}) > 1:
        raise ReleaseMixed


def _minutes(artifacts: Sequence[Artifact]) -> int:
    """The longest of the components' own estimates."""
    said = [int(artifact.manifest["minutes"]) for artifact in artifacts if artifact.manifest]
    return max([*said, 0]) or DEFAULT_MINUTES


def _document(release: Release, artifacts: Sequence[Artifact], now: datetime) -> documents.Release:
    """The signed words of a release."""
    fields: dict[str, Any] = {
        name: getattr(release, name)
        for name in (
            "name",
            "version",
            "notes",
            "severity",
            "required_at",
            "emergency",
            "recovery",
            "minutes",
            "must_unplug",
            "incompatible_peripherals",
            "cves",
        )
    }
    return documents.Release(
        id=release.pk,
        components=[_component(artifact) for artifact in artifacts],
        requirements=msgspec.convert(release.requirements, list[Requirement]),
        stepping_stone=msgspec.convert(release.stepping_stone, Requirement | None),
        fixes_on=release.fixes_on or None,
        published_at=now.replace(microsecond=0),
        **fields,
    )


def _component(artifact: Artifact) -> documents.ReleaseComponent:
    words = {
        "path": component_path(artifact.filename),
        "sha256": artifact.sha256,
        "sha512": artifact.sha512,
        "length": artifact.size_bytes,
        "type": artifact.type,
        "component": artifact.name,
        "version": artifact.version,
    }
    return msgspec.convert(words, documents.ReleaseComponent)


def _component_file(artifact: Artifact) -> ComponentFile:
    words = {
        name: (artifact.manifest or {})[name]
        for name in ("type", "component", "version", "models", "hardware", "rollback_index")
    }
    return ComponentFile(
        path=component_path(artifact.filename),
        source=str(storage.address(place.artifacts(), artifact.sha256)),
        length=artifact.size_bytes,
        sha256=artifact.sha256,
        sha512=artifact.sha512,
        words=msgspec.convert(words, documents.ComponentWords),
    )


def _check_document(document: documents.Release) -> None:
    missing = documents.missing_languages(document, place.languages())
    if missing:
        raise NotesIncomplete(languages=", ".join(missing))
    try:
        documents.check_release(document)
    except ProtocolRefused as refused:
        raise ProtocolSaysNo(refused) from None
