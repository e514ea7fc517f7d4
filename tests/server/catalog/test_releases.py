"""Releases from draft to published, withdrawn and revoked."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from evertill.protocol.manifest import Requirement
from evertill.protocol.release import decode_release, release_path
from evertill.server.rooms.accounts.errors import NotAllowed
from evertill.server.rooms.accounts.rules import Role
from evertill.server.rooms.audit import queries as audit
from evertill.server.rooms.audit.actor import Actor
from evertill.server.rooms.catalog import jobs, place, queries, service, signing
from evertill.server.rooms.catalog.errors import (
    ArtifactDamaged,
    NotesIncomplete,
    ProtocolSaysNo,
    ReleaseEmpty,
    ReleaseMixed,
    ReleaseStateWrong,
    ReleaseUnknown,
    SignatureInvalid,
    SigningOpen,
    TrustNotInitialised,
)
from evertill.server.rooms.catalog.models import Release
from evertill.server.rooms.catalog.rules import ArtifactKind, State
from evertill.server.rooms.catalog.service import NewRelease
from evertill.server.rooms.catalog.trust import ceremony
from evertill.server.rooms.catalog.trust.requests import KeySignature, SignatureFile
from evertill.server.rooms.kernel.storage import address
from tests.server.catalog.conftest import NOTES, PASSPHRASE
from tests.server.people import make_person

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from securesystemslib.signer import CryptoSigner

    from evertill.server.rooms.accounts.access import Identity
    from evertill.server.rooms.catalog.models import Artifact
    from evertill.server.rooms.organisations.models import Node

REASON = {"zh": "自检会卡住", "en": "its self-test hangs"}


def state_of(release: Release) -> str:
    return queries.by_id(release.pk).state


def sign_elsewhere(key_folder: Path, request: Any) -> SignatureFile:
    return ceremony.sign(request, key_folder, lambda _name: PASSPHRASE)


def test_without_keys_nothing_can_be_published(draft: Callable[..., Release], admin: Identity, now: datetime) -> None:
    release = draft()
    with pytest.raises(TrustNotInitialised):
        service.publish(release.pk, [], admin, now)
    assert state_of(release) == State.DRAFT


def test_published_release_is_a_signed_document_with_its_files(
    draft: Callable[..., Release], signers: Sequence[CryptoSigner], admin: Identity, now: datetime
) -> None:
    release = draft()
    assert service.publish(release.pk, signers, admin, now).published
    body = place.repository().document(release_path(release.pk))
    assert body is not None
    said = decode_release(body)
    (part,) = queries.parts(release.pk)
    assert (said.version, said.notes, said.minutes) == ("1.0.0", NOTES, 4)
    assert (said.components[0].path, said.components[0].sha256) == (part.target_path, part.artifact.sha256)
    assert (place.repository().folder.targets / "components" / f"{part.artifact.sha256}.till-1.0.0.evb").exists()
    assert state_of(release) == State.PUBLISHED


def test_everything_a_publisher_says_of_a_release_is_signed(
    draft: Callable[..., Release], signers: Sequence[CryptoSigner], admin: Identity, now: datetime
) -> None:
    said = {
        "required_at": now + timedelta(days=30),
        "severity": "critical",
        "emergency": True,
        "fixes_on": "1.0.0",
        "must_unplug": True,
        "incompatible_peripherals": ["04b8:0202"],
        "requirements": [Requirement("agent", ">=1.2")],
        "stepping_stone": Requirement("till", "==1.0.0"),
        "recovery": {"zh": "不要断电", "en": "Do not switch it off"},
        "cves": ["CVE-2026-10001"],
    }
    release = draft(**said)
    service.publish(release.pk, signers, admin, now)
    body = place.repository().document(release_path(release.pk))
    assert body is not None
    signed = decode_release(body)
    assert {field: getattr(signed, field) for field in said} == said


def test_one_key_of_two_leaves_it_waiting_and_the_second_signature_publishes(
    draft: Callable[..., Release], signers: Sequence[CryptoSigner], key_folder: Path, admin: Identity, now: datetime
) -> None:
    release = draft()
    outcome = service.publish(release.pk, signers[:1], admin, now)
    assert (outcome.published, outcome.missing, state_of(release)) == (False, 1, State.AWAITING)
    assert place.repository().document(release_path(release.pk)) is None
    outcome = signing.import_signatures(sign_elsewhere(key_folder, outcome.request), admin, now)
    assert (outcome.published, state_of(release)) == (True, State.PUBLISHED)


def test_signature_that_does_not_fit_changes_nothing(
    draft: Callable[..., Release], signers: Sequence[CryptoSigner], admin: Identity, now: datetime
) -> None:
    release = draft()
    request = service.publish(release.pk, signers[:1], admin, now).request
    forged = KeySignature(keyid=signers[1].public_key.keyid, sig="00" * 64)
    with pytest.raises(SignatureInvalid):
        signing.import_signatures(SignatureFile(request=request.id, role="targets", signatures=[forged]), admin, now)
    assert state_of(release) == State.AWAITING


def test_cancelled_request_makes_it_a_draft_again(
    draft: Callable[..., Release], key_folder: Path, admin: Identity, now: datetime
) -> None:
    release = draft()
    request = service.publish(release.pk, [], admin, now).request
    signing.cancel_request(request.id, admin, now)
    assert state_of(release) == State.DRAFT


def test_refusal_by_the_repository_is_in_the_record_like_any_other(
    draft: Callable[..., Release], key_folder: Path, signers: Sequence[CryptoSigner], admin: Identity, now: datetime
) -> None:
    waiting, second = draft("1.0.0"), draft("1.1.0")
    service.publish(waiting.pk, signers[:1], admin, now)
    with pytest.raises(SigningOpen):
        service.publish(second.pk, signers, admin, now)
    with pytest.raises(SigningOpen):
        signing.renew("targets", list(signers), admin, now)
    refused = [(row.act, row.actor) for row in audit.page() if row.refused == "SIGNING_OPEN"]
    assert refused == [("keys.renew", "demo-admin"), ("release.publish", "demo-admin")]
    assert state_of(second) == State.DRAFT


def test_published_release_never_changes(
    draft: Callable[..., Release], signers: Sequence[CryptoSigner], admin: Identity, now: datetime
) -> None:
    release = draft()
    service.publish(release.pk, signers, admin, now)
    with pytest.raises(ReleaseStateWrong):
        service.publish(release.pk, signers, admin, now)


def test_withdrawing_needs_no_offline_key_and_is_said_in_the_signed_snapshot(
    draft: Callable[..., Release], signers: Sequence[CryptoSigner], admin: Identity, now: datetime
) -> None:
    release = draft()
    service.publish(release.pk, signers, admin, now)
    service.withdraw(release.pk, "customers complain", admin, now)
    assert state_of(release) == State.WITHDRAWN
    assert place.repository().withdrawn() == [release.pk]
    assert audit.page(kind="release", ref=str(release.pk))[0].reason == "customers complain"


def test_revoked_release_is_forbidden_by_the_signed_floor(
    draft: Callable[..., Release], signers: Sequence[CryptoSigner], admin: Identity, now: datetime
) -> None:
    release = draft()
    service.publish(release.pk, signers, admin, now)
    assert service.revoke(release.pk, REASON, signers, admin, now).published
    assert state_of(release) == State.REVOKED
    entry = place.repository().floor().revocation(release.pk)
    assert entry is not None
    assert entry.reason == REASON


def test_revoking_without_keys_withdraws_at_once_and_waits_for_the_signature(
    draft: Callable[..., Release], signers: Sequence[CryptoSigner], key_folder: Path, admin: Identity, now: datetime
) -> None:
    release = draft()
    service.publish(release.pk, signers, admin, now)
    outcome = service.revoke(release.pk, REASON, [], admin, now)
    assert (outcome.published, state_of(release)) == (False, State.WITHDRAWN)
    signing.import_signatures(sign_elsewhere(key_folder, outcome.request), admin, now)
    assert state_of(release) == State.REVOKED


def test_draft_cannot_be_withdrawn_or_revoked(
    draft: Callable[..., Release], key_folder: Path, admin: Identity, now: datetime
) -> None:
    release = draft()
    with pytest.raises(ReleaseStateWrong):
        service.withdraw(release.pk, "", admin, now)
    with pytest.raises(ReleaseStateWrong):
        service.revoke(release.pk, REASON, [], admin, now)


def test_row_of_a_process_killed_after_signing_is_caught_up_by_the_daily_job(
    draft: Callable[..., Release], signers: Sequence[CryptoSigner], admin: Identity, now: datetime
) -> None:
    release = draft()
    service.publish(release.pk, signers, admin, now)
    Release.objects.filter(pk=release.pk).update(state=State.AWAITING, published_at=None)
    jobs.renew(now + timedelta(hours=1))
    assert state_of(release) == State.PUBLISHED


def test_daily_job_renews_what_the_server_signs_itself(key_folder: Path, db: None, now: datetime) -> None:
    before = place.repository().in_force()
    jobs.renew(now + timedelta(days=1))
    after = place.repository().in_force()
    assert after.timestamp.signed.expires > before.timestamp.signed.expires
    assert after.snapshot.signed.expires > before.snapshot.signed.expires


def test_daily_job_before_the_first_keys_does_nothing(db: None, now: datetime) -> None:
    jobs.renew(now)


def test_release_id_is_never_used_again_even_after_an_old_database_was_restored(
    draft: Callable[..., Release], signers: Sequence[CryptoSigner], admin: Identity, now: datetime
) -> None:
    first = draft()
    service.publish(first.pk, signers, admin, now)
    from evertill.server.rooms.kernel.models import Sequence as Numbers

    Numbers.objects.filter(name="release").update(last=0)
    assert draft("1.1.0").pk == first.pk + 1


def test_release_id_that_waits_for_signatures_is_never_used_again(
    draft: Callable[..., Release], key_folder: Path, admin: Identity, now: datetime
) -> None:
    waiting = draft()
    service.publish(waiting.pk, [], admin, now)
    from evertill.server.rooms.kernel.models import Sequence as Numbers

    Numbers.objects.filter(name="release").update(last=0)
    assert draft("1.1.0").pk == waiting.pk + 1


def test_date_that_passed_while_it_was_a_draft_is_refused_at_publishing(
    draft: Callable[..., Release], signers: Sequence[CryptoSigner], admin: Identity, now: datetime
) -> None:
    release = draft(severity="critical", required_at=now + timedelta(days=14))
    with pytest.raises(ProtocolSaysNo) as refused:
        service.publish(release.pk, signers, admin, now + timedelta(days=15))
    assert (refused.value.code, state_of(release)) == ("RELEASE_INVALID", State.DRAFT)


def test_damaged_file_is_noticed_before_anybody_signs(
    draft: Callable[..., Release], signers: Sequence[CryptoSigner], admin: Identity, now: datetime
) -> None:
    release = draft()
    (part,) = queries.parts(release.pk)
    address(place.artifacts(), part.artifact.sha256).write_bytes(b"worn out flash")
    with pytest.raises(ArtifactDamaged):
        service.publish(release.pk, signers, admin, now)
    assert (state_of(release), place.repository().open_requests()) == (State.DRAFT, [])


def test_withdrawal_holds_even_after_an_old_database_was_restored(
    draft: Callable[..., Release], signers: Sequence[CryptoSigner], admin: Identity, now: datetime
) -> None:
    release = draft()
    service.publish(release.pk, signers, admin, now)
    service.withdraw(release.pk, "customers complain", admin, now)
    Release.objects.filter(pk=release.pk).update(state=State.PUBLISHED, withdrawn_at=None)
    jobs.renew(now + timedelta(days=1))
    assert state_of(release) == State.WITHDRAWN
    assert place.repository().withdrawn() == [release.pk]


def test_reconcile_changes_nothing_where_both_agree(
    draft: Callable[..., Release], signers: Sequence[CryptoSigner], admin: Identity, now: datetime
) -> None:
    service.publish(draft().pk, signers, admin, now)
    before = len(audit.page())
    service.reconcile(Actor.system("test"), now)
    assert len(audit.page()) == before


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"required_at": timedelta(days=14)}, "RELEASE_INVALID"),
        ({"severity": "critical", "required_at": timedelta(days=-1)}, "RELEASE_INVALID"),
        ({"severity": "urgent"}, "RELEASE_INVALID"),
        ({"version": "not a version"}, "RELEASE_INVALID"),
        ({"fixes_on": "1.0.0"}, "RELEASE_INVALID"),
        ({"emergency": True}, "RELEASE_INVALID"),
    ],
)
def test_release_that_breaks_a_rule_is_refused_with_its_code(
    fields: dict[str, Any], code: str, upload: Callable[..., Artifact], admin: Identity, now: datetime
) -> None:
    fields = {name: now + value if isinstance(value, timedelta) else value for name, value in fields.items()}
    said: dict[str, Any] = {"name": "till", "version": "1.0.0", "severity": "feature", "notes": NOTES}
    with pytest.raises(ProtocolSaysNo) as refused:
        service.create_release(NewRelease(**(said | fields), artifact_ids=[upload().pk]), admin, now)
    assert refused.value.code == code
    assert not Release.objects.exists()


def test_notes_are_owed_in_every_language_of_the_operator(draft: Callable[..., Release]) -> None:
    with pytest.raises(NotesIncomplete, match="en"):
        draft(notes={"zh": "只有中文"})


def test_release_of_nothing_and_of_both_kinds_is_refused(
    draft: Callable[..., Release], upload: Callable[..., Artifact], passthrough: Artifact
) -> None:
    with pytest.raises(ReleaseEmpty):
        draft("1.1.0", artifact_ids=[])
    with pytest.raises(ReleaseMixed):
        draft("1.2.0", artifact_ids=[upload().pk, passthrough.pk])


def test_passthrough_file_is_signed_for_but_never_public(
    draft: Callable[..., Release],
    passthrough: Artifact,
    signers: Sequence[CryptoSigner],
    admin: Identity,
    now: datetime,
) -> None:
    release = draft(artifact_ids=[passthrough.pk])
    service.publish(release.pk, signers, admin, now)
    assert state_of(release) == State.PUBLISHED
    assert [part.artifact.kind for part in queries.parts(release.pk)] == [ArtifactKind.PASSTHROUGH]
    assert not list(place.repository().folder.targets.rglob("*.swu"))


def test_somebody_without_the_role_publishes_nothing(
    draft: Callable[..., Release], signers: Sequence[CryptoSigner], operator: Node, now: datetime
) -> None:
    release = draft()
    by = make_person("demo-support", Role.SUPPORT_AGENT, operator, now)
    with pytest.raises(NotAllowed):
        service.publish(release.pk, signers, by, now)
    assert state_of(release) == State.DRAFT
    assert audit.page(actor="demo-support")[0].refused == "NOT_ALLOWED"


def test_unknown_release_is_refused(admin: Identity, key_folder: Path, now: datetime) -> None:
    with pytest.raises(ReleaseUnknown):
        service.publish(99, [], admin, now)
