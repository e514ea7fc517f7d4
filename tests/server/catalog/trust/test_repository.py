"""The repository on disk: what is in force, what waits, what can never happen."""

from __future__ import annotations

import fcntl
import shutil
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from evertill.protocol.release import (
    FLOOR_PATH,
    GUARDRAILS_PATH,
    OPERATOR_PATH,
    Floor,
    Guardrails,
    Operator,
    Revocation,
    decode_guardrails,
    decode_operator,
    encode,
    release_path,
)
from evertill.server.rooms.catalog.errors import (
    ArtifactDamaged,
    KeyNotListed,
    KeysTooFew,
    RequestForged,
    RequestUnknown,
    RotationBreaksTargets,
    SignatureInvalid,
    SigningOpen,
    TargetPathInvalid,
    TargetPathTaken,
    TrustBusy,
    TrustDamaged,
    TrustExists,
    TrustNotInitialised,
)
from evertill.server.rooms.catalog.trust import ceremony, keys, requests
from evertill.server.rooms.catalog.trust.expiry import expiries
from evertill.server.rooms.catalog.trust.repository import TrustRepository
from evertill.server.rooms.catalog.trust.requests import SignatureFile
from evertill.server.rooms.catalog.trust.roots import RootChange
from evertill.server.rooms.catalog.trust.targets import Delegation, TargetsChange, public_keys
from tests.server.catalog.conftest import MOMENT, PASSPHRASE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from securesystemslib.signer import CryptoSigner

    from evertill.server.rooms.catalog.trust.targets import ComponentFile


def tree(folder: Path) -> dict[str, bytes]:
    """Everything a terminal could fetch."""
    places = (folder / "trust" / "metadata", folder / "trust" / "targets")
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for place in places
        for path in place.rglob("*")
        if path.is_file()
    }


def test_first_version_is_two_of_three_offline_and_one_online_each(repository: TrustRepository) -> None:
    roles = repository.in_force().root.roles

    assert {role: (len(roles[role].keyids), roles[role].threshold) for role in roles} == {
        "root": (3, 2),
        "targets": (3, 2),
        "snapshot": (1, 1),
        "timestamp": (1, 1),
    }
    assert repository.in_force().root.consistent_snapshot


def test_first_version_holds_the_floor_the_operator_and_the_guardrails(repository: TrustRepository) -> None:
    bodies = {path: repository.document(path) or b"" for path in (OPERATOR_PATH, GUARDRAILS_PATH)}

    assert repository.floor() == Floor()
    assert decode_guardrails(bodies[GUARDRAILS_PATH]) == Guardrails()
    assert (decode_operator(bodies[OPERATOR_PATH]).licence, decode_operator(bodies[OPERATOR_PATH]).contacts) == ("", [])


def test_root_cannot_be_made_twice(repository: TrustRepository, data: Path, tmp_path: Path) -> None:
    card = Operator(slug="DEFAULT", name={"zh": "演示"})

    with pytest.raises(TrustExists):
        ceremony.initialise(repository, tmp_path / "again", card, lambda _name: PASSPHRASE, MOMENT)

    assert not (tmp_path / "again").exists()


def test_empty_installation_says_that_nothing_was_set_up(data: Path) -> None:
    with pytest.raises(TrustNotInitialised):
        TrustRepository(data).in_force()


def test_each_public_target_is_one_file_under_two_names(
    repository: TrustRepository,
    publication: Callable[..., TargetsChange],
    signers: Sequence[CryptoSigner],
    now: datetime,
) -> None:
    change = publication()
    repository.change_targets(change, now, signers)

    (file,) = change.components
    folder = repository.folder.targets / "components"
    names = [folder / f"{digest}.till-1.0.0.evb" for digest in (file.sha256, file.sha512)]
    assert {path.stat().st_ino for path in names} == {Path(file.source).stat().st_ino}
    for path, target in repository.in_force().top.targets.items():
        assert sorted(target.hashes) == ["sha256", "sha512"]
        assert all((repository.folder.targets / name).exists() for name in target.get_prefixed_paths()), path


def test_below_the_threshold_nothing_that_terminals_read_changes(
    repository: TrustRepository,
    publication: Callable[..., TargetsChange],
    signers: Sequence[CryptoSigner],
    data: Path,
    now: datetime,
) -> None:
    before = tree(data)

    outcome = repository.change_targets(publication(), now, signers[:1])

    assert (outcome.published, outcome.missing, outcome.signed_by) == (False, 1, ["targets-1"])
    assert tree(data) == before
    assert [request.id for request in repository.open_requests()] == [outcome.request.id]


def test_signatures_from_elsewhere_complete_it(
    repository: TrustRepository,
    publication: Callable[..., TargetsChange],
    signers: Sequence[CryptoSigner],
    key_folder: Path,
    now: datetime,
) -> None:
    request = repository.change_targets(publication(), now, signers[:1]).request
    carried = requests.decode_request(requests.encode(request))
    signed = requests.decode_signatures(requests.encode(requests.sign(carried, _root(key_folder), signers[1:2])))

    outcome = repository.import_signatures(signed, now)

    assert (outcome.published, outcome.signed_by) == (True, ["targets-1", "targets-2"])
    assert repository.signed_release_ids() == [1]
    assert repository.open_requests() == []


def test_same_signatures_twice_are_one_vote(
    repository: TrustRepository,
    publication: Callable[..., TargetsChange],
    signers: Sequence[CryptoSigner],
    key_folder: Path,
    now: datetime,
) -> None:
    request = repository.change_targets(publication(), now).request
    signed = requests.sign(request, _root(key_folder), signers[:1])

    assert repository.import_signatures(signed, now).missing == 1
    assert repository.import_signatures(signed, now).missing == 1


def test_second_change_waits_for_the_first_or_for_its_end(
    repository: TrustRepository,
    publication: Callable[..., TargetsChange],
    signers: Sequence[CryptoSigner],
    now: datetime,
) -> None:
    request = repository.change_targets(publication(), now).request
    with pytest.raises(SigningOpen):
        repository.change_targets(TargetsChange(), now, signers)

    repository.cancel(request.id)

    assert repository.change_targets(TargetsChange(), now, signers).published


def test_signatures_for_a_cancelled_request_are_worth_nothing(
    repository: TrustRepository,
    publication: Callable[..., TargetsChange],
    signers: Sequence[CryptoSigner],
    key_folder: Path,
    now: datetime,
) -> None:
    request = repository.change_targets(publication(), now).request
    signed = requests.sign(request, _root(key_folder), signers)
    repository.cancel(request.id)

    with pytest.raises(RequestUnknown):
        repository.import_signatures(signed, now)
    with pytest.raises(RequestUnknown):
        repository.cancel(request.id)


def test_key_that_may_not_sign_leaves_nothing_open(
    repository: TrustRepository, publication: Callable[..., TargetsChange], tmp_path: Path, now: datetime
) -> None:
    stranger = keys.create_online(tmp_path, "targets-9")

    with pytest.raises(KeyNotListed):
        repository.change_targets(publication(), now, [stranger])

    assert repository.open_requests() == []


def test_signature_over_something_else_is_refused_and_not_kept(
    repository: TrustRepository,
    publication: Callable[..., TargetsChange],
    signers: Sequence[CryptoSigner],
    now: datetime,
) -> None:
    request = repository.change_targets(publication(), now).request
    other = signers[0].sign(b"something else")
    wrong = SignatureFile(
        request=request.id, role="targets", signatures=[requests.KeySignature(keyid=other.keyid, sig=other.signature)]
    )

    with pytest.raises(SignatureInvalid):
        repository.import_signatures(wrong, now)

    assert repository.open_requests()[0].signatures == []


def test_published_component_keeps_its_content_for_ever(
    repository: TrustRepository,
    publication: Callable[..., TargetsChange],
    component: Callable[..., ComponentFile],
    signers: Sequence[CryptoSigner],
    now: datetime,
) -> None:
    repository.change_targets(publication(), now, signers)

    with pytest.raises(TargetPathTaken):
        repository.change_targets(publication(2, component(body=b"another build")), now, signers)
    with pytest.raises(TargetPathTaken):
        repository.change_targets(publication(2, component(rollback_index=9)), now, signers)
    assert repository.change_targets(publication(2, component()), now, signers).published


def test_published_release_keeps_its_words_for_ever(
    repository: TrustRepository,
    publication: Callable[..., TargetsChange],
    signers: Sequence[CryptoSigner],
    now: datetime,
) -> None:
    repository.change_targets(publication(), now, signers)
    before = repository.document(release_path(1))

    with pytest.raises(RequestForged):
        repository.change_targets(publication(severity="maintenance"), now, signers)

    assert repository.document(release_path(1)) == before


def test_floor_only_grows(repository: TrustRepository, signers: Sequence[CryptoSigner], now: datetime) -> None:
    high = Floor(
        revoked=[Revocation(release=3, revoked_at=now, reason={"zh": "会丢单"})], minimum_rollback_index={"till": 4}
    )
    repository.change_targets(_floor(high), now, signers)

    for lower in (
        Floor(),
        Floor(revoked=high.revoked, minimum_rollback_index={"till": 3}),
        Floor(minimum_rollback_index={"till": 9}),
    ):
        with pytest.raises(RequestForged):
            repository.change_targets(_floor(lower), now, signers)
    assert repository.floor() == high
    higher = msgspec.structs.replace(high, minimum_rollback_index={"till": 5, "agent": 1})
    assert repository.change_targets(_floor(higher), now, signers).published


def test_damaged_artifact_is_noticed_before_anybody_is_asked_to_sign(
    repository: TrustRepository,
    publication: Callable[..., TargetsChange],
    component: Callable[..., ComponentFile],
    signers: Sequence[CryptoSigner],
    data: Path,
    now: datetime,
) -> None:
    file, before = component(), tree(data)
    Path(file.source).write_bytes(b"worn out")

    with pytest.raises(ArtifactDamaged):
        repository.change_targets(publication(file=file), now, signers)

    assert repository.open_requests() == []
    assert tree(data) == before


@pytest.mark.parametrize(
    "path", ["../till.evb", "floor.json", "components/a/b.evb", "releases/1.json", "merchants/7/x.evb"]
)
def test_operator_signs_for_nothing_but_its_own_component_paths(
    repository: TrustRepository,
    component: Callable[..., ComponentFile],
    signers: Sequence[CryptoSigner],
    now: datetime,
    path: str,
) -> None:
    with pytest.raises(TargetPathInvalid):
        repository.change_targets(TargetsChange(components=[component(path)]), now, signers)


def test_merchants_own_key_publishes_below_its_own_path_and_nothing_of_it_is_public(
    repository: TrustRepository,
    component: Callable[..., ComponentFile],
    signers: Sequence[CryptoSigner],
    tmp_path: Path,
    now: datetime,
) -> None:
    owner = keys.create_online(tmp_path, "merchants-7-1")
    delegation = Delegation(merchant=7, keys=public_keys([owner]), threshold=1)
    repository.change_targets(TargetsChange(delegation=delegation), now, signers)
    own = component("merchants/7/loyalty-1.0.0.evb", component="loyalty", type="module")

    outcome = repository.change_targets(TargetsChange(components=[own]), now, [owner], role="merchants-7")

    assert outcome.published
    assert list(repository.in_force().targets["merchants-7"].signed.targets) == [own.path]
    assert not (repository.folder.targets / "merchants").exists()
    for foreign in ("merchants/8/loyalty-1.0.0.evb", "components/loyalty-1.0.0.evb"):
        with pytest.raises(TargetPathInvalid):
            repository.change_targets(TargetsChange(components=[component(foreign)]), now, [owner], role="merchants-7")
    with pytest.raises(KeyNotListed):
        repository.change_targets(TargetsChange(), now, [owner])


def test_delegation_to_fewer_keys_than_must_sign_is_refused(
    repository: TrustRepository, signers: Sequence[CryptoSigner], tmp_path: Path, now: datetime
) -> None:
    owner = keys.create_online(tmp_path, "merchants-7-1")

    for threshold in (0, 2):
        with pytest.raises(KeysTooFew):
            delegation = Delegation(merchant=7, keys=public_keys([owner]), threshold=threshold)
            repository.change_targets(TargetsChange(delegation=delegation), now, signers)


def test_renewal_moves_both_online_dates_and_nothing_else(repository: TrustRepository, now: datetime) -> None:
    before = repository.in_force()

    repository.renew(now + timedelta(days=1))

    after = repository.in_force()
    assert after.timestamp.signed.expires == now + timedelta(days=8)
    assert after.snapshot.signed.expires == now + timedelta(days=15)
    assert after.snapshot.signed.meta == before.snapshot.signed.meta


def test_withdrawn_releases_stay_withdrawn_through_every_later_change(
    repository: TrustRepository,
    publication: Callable[..., TargetsChange],
    signers: Sequence[CryptoSigner],
    now: datetime,
) -> None:
    repository.renew(now, withdrawn=[4, 2, 4])
    repository.renew(now)
    repository.change_targets(publication(), now, signers)

    assert repository.withdrawn() == [2, 4]


def test_versions_are_ahead_again_after_a_restore_from_a_backup(
    repository: TrustRepository,
    publication: Callable[..., TargetsChange],
    signers: Sequence[CryptoSigner],
    data: Path,
    tmp_path: Path,
    now: datetime,
) -> None:
    shutil.copytree(data / "trust", tmp_path / "backup")
    for day in (1, 2, 3):
        repository.renew(now + timedelta(days=day))
    repository.change_targets(publication(), now + timedelta(days=3), signers)
    seen = repository.in_force()
    shutil.rmtree(data / "trust")
    shutil.copytree(tmp_path / "backup", data / "trust")

    repository.change_targets(TargetsChange(), now + timedelta(days=4), signers)

    again = repository.in_force()
    assert again.timestamp.signed.version > seen.timestamp.signed.version
    assert again.snapshot.signed.version > seen.snapshot.signed.version
    assert again.top.version > seen.top.version


def test_versions_rise_even_when_the_clock_stands_still_or_runs_backwards(
    repository: TrustRepository, now: datetime
) -> None:
    first = repository.in_force().timestamp.signed.version
    repository.renew(now)
    repository.renew(now - timedelta(days=400))

    assert repository.in_force().timestamp.signed.version > first + 1


def test_two_signers_at_once_take_turns_or_are_told(repository: TrustRepository, data: Path, now: datetime) -> None:
    with (data / "trust" / "lock").open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(TrustBusy):
            TrustRepository(data, patience_s=0.1).renew(now)
    repository.renew(now)


@pytest.mark.parametrize("name", ["timestamp.json", "1.root.json", "snapshot.json", "targets.json"])
@pytest.mark.parametrize("content", [None, b"", b"{}"])
def test_damaged_metadata_is_named_and_never_overwritten(
    repository: TrustRepository, now: datetime, name: str, content: bytes | None
) -> None:
    (path,) = repository.folder.metadata.glob(f"*{name}")
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)

    with pytest.raises((TrustDamaged, TrustNotInitialised)):
        repository.renew(now)

    assert path.exists() is (content is not None)


def test_alarms_follow_the_days_that_are_left(repository: TrustRepository, now: datetime) -> None:
    alarms = {}
    for days_left in (91, 90, 89, 29, 13, 6, 0.5, -1):
        found = expiries(repository.in_force(), now + timedelta(days=365 - days_left))
        alarms[days_left] = next(each.alarm for each in found if each.role == "targets")

    assert alarms == {91: None, 90: None, 89: 90, 29: 30, 13: 14, 6: 7, 0.5: 1, -1: 0}


def test_what_is_renewed_daily_raises_no_alarm_while_it_is_renewed(repository: TrustRepository, now: datetime) -> None:
    assert [each.alarm for each in expiries(repository.in_force(), now + timedelta(days=1))] == [None] * 4
    late = {each.role: each.alarm for each in expiries(repository.in_force(), now + timedelta(days=6, hours=1))}
    assert late["timestamp"] == 1


def test_replaced_targets_key_signs_no_more_and_the_new_one_does(
    repository: TrustRepository, key_folder: Path, signers: Sequence[CryptoSigner], tmp_path: Path, now: datetime
) -> None:
    new = keys.create_online(tmp_path, "targets-4")
    root_signers = _root_signers(key_folder)
    repository.change_targets(TargetsChange(), now, signers)

    outcome = repository.change_root(
        RootChange(add=[("targets", new.public_key)], remove=[("targets", "targets-1")]), now, root_signers
    )

    assert outcome.published
    assert repository.in_force().root.version == 2
    with pytest.raises(KeyNotListed):
        repository.change_targets(TargetsChange(), now, signers)
    assert repository.change_targets(TargetsChange(), now, [signers[1], new]).published


def test_key_that_published_releases_still_need_cannot_be_taken_away(
    repository: TrustRepository, key_folder: Path, signers: Sequence[CryptoSigner], now: datetime
) -> None:
    repository.change_targets(TargetsChange(), now, signers[:2])
    root_signers = _root_signers(key_folder)

    with pytest.raises(RotationBreaksTargets):
        repository.change_root(RootChange(remove=[("targets", "targets-1")]), now, root_signers)

    repository.change_targets(TargetsChange(), now, signers[1:])
    assert repository.change_root(RootChange(remove=[("targets", "targets-1")]), now, root_signers).published


def test_root_needs_the_old_keys_and_the_new_ones(
    repository: TrustRepository, key_folder: Path, tmp_path: Path, now: datetime
) -> None:
    old = _root_signers(key_folder)
    new = [keys.create_online(tmp_path, f"root-{number}") for number in (4, 5, 6)]
    change = RootChange(
        add=[("root", signer.public_key) for signer in new], remove=[("root", f"root-{n}") for n in (1, 2, 3)]
    )

    outcome = repository.change_root(change, now, old)
    assert (outcome.published, outcome.missing) == (False, 2)
    signed = requests.sign(outcome.request, _root(key_folder), new[:2])

    assert repository.import_signatures(signed, now).published


def test_role_never_keeps_fewer_keys_than_must_sign(
    repository: TrustRepository, key_folder: Path, now: datetime
) -> None:
    with pytest.raises(KeysTooFew):
        repository.change_root(RootChange(remove=[("root", "root-1"), ("root", "root-2")]), now)
    with pytest.raises(KeyNotListed):
        repository.change_root(RootChange(remove=[("root", "root-9")]), now)


def test_replaced_online_key_is_removed_once_the_new_root_is_in_force(
    repository: TrustRepository, key_folder: Path, now: datetime
) -> None:
    new = repository.new_online_key("timestamp")
    old_name = "timestamp-1"

    repository.change_root(
        RootChange(add=[("timestamp", new.public_key)], remove=[("timestamp", old_name)]),
        now,
        _root_signers(key_folder),
    )

    assert sorted(path.name for path in repository.folder.online.iterdir()) == ["snapshot-1.pem", "timestamp-2.pem"]
    repository.renew(now)
    timestamp = repository.in_force().timestamp
    repository.in_force().root.verify_delegate("timestamp", timestamp.signed_bytes, timestamp.signatures)


def _floor(floor: Floor) -> TargetsChange:
    return TargetsChange(documents={FLOOR_PATH: encode(floor)})


def _root(key_folder: Path) -> bytes:
    return ceremony.trusted_root(key_folder)


def _root_signers(key_folder: Path) -> list[CryptoSigner]:
    return [keys.open_file(key_folder / f"root-{number}.pem", PASSPHRASE) for number in (1, 2)]
