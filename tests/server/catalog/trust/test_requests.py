"""The person with the key against a server that lies: what is shown is what would be signed, and what must not be signed is not."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata

from evertill.protocol.release import FLOOR_PATH, Floor, Operator, Revocation, encode, release_path
from evertill.server.rooms.catalog.errors import (
    KeyMissing,
    KeyNotListed,
    KeyPassphraseWrong,
    RequestForged,
    RequestInvalid,
)
from evertill.server.rooms.catalog.trust import ceremony, requests
from evertill.server.rooms.catalog.trust.repository import TrustRepository
from evertill.server.rooms.catalog.trust.roots import RootChange
from evertill.server.rooms.catalog.trust.targets import Delegation, TargetsChange
from tests.server.catalog.conftest import MOMENT, PASSPHRASE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from evertill.server.rooms.catalog.trust.requests import SigningRequest


@pytest.fixture
def root(key_folder: Path) -> bytes:
    return ceremony.trusted_root(key_folder)


@pytest.fixture
def request_(repository: TrustRepository, publication: Callable[..., TargetsChange], now: datetime) -> SigningRequest:
    """The publication of release 1, nothing signed yet."""
    return repository.change_targets(publication(), now).request


def lied(request: SigningRequest, **fields: Any) -> SigningRequest:
    return msgspec.structs.replace(request, **fields)


def changed_payload(request: SigningRequest) -> dict[str, Any]:
    return copy.deepcopy(request.payload)


def test_review_shows_each_change_with_the_text_itself(request_: SigningRequest, root: bytes) -> None:
    review = requests.review(request_, root)

    assert [(change.kind, change.name) for change in review.changes] == [
        ("added", "components/till-1.0.0.evb"),
        ("added", "releases/1.json"),
    ]
    assert json.loads(review.changes[1].text)["notes"] == {"zh": "新", "en": "New"}
    assert (review.role, review.threshold, sorted(review.may_sign.values())) == (
        "targets",
        2,
        ["targets-1", "targets-2", "targets-3"],
    )


def test_renewal_of_the_same_says_so(repository: TrustRepository, root: bytes, now: datetime) -> None:
    request = repository.change_targets(TargetsChange(), now).request

    assert [change.kind for change in requests.review(request, root).changes] == ["renewed"]


def test_request_is_the_same_after_being_carried_as_a_file(request_: SigningRequest) -> None:
    assert requests.decode_request(requests.encode(request_)) == request_


def test_signing_elsewhere_needs_the_key_folder_and_its_passphrase_only(
    request_: SigningRequest, key_folder: Path
) -> None:
    signed = ceremony.sign(request_, key_folder, lambda _name: PASSPHRASE)

    assert (signed.request, len(signed.signatures)) == (request_.id, 3)
    with pytest.raises(KeyPassphraseWrong):
        ceremony.sign(request_, key_folder, lambda _name: "something else")


def test_folder_without_a_fitting_key_signs_nothing(request_: SigningRequest, key_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "root.json").write_bytes(ceremony.trusted_root(key_folder))

    with pytest.raises(KeyMissing):
        ceremony.sign(request_, tmp_path, lambda _name: PASSPHRASE)


def test_key_of_another_role_does_not_sign(request_: SigningRequest, root: bytes) -> None:
    with pytest.raises(KeyNotListed):
        requests.sign(request_, root, [CryptoSigner.generate_ed25519()])


@pytest.mark.parametrize(
    "body", [b"", b"rubbish", b"[]", b'{"format": 2}', b'{"format": 1, "role": "targets"}', b"\xff"]
)
def test_file_that_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(RequestInvalid):
        requests.decode_request(body)
    with pytest.raises(RequestInvalid):
        requests.decode_signatures(body)


@pytest.mark.parametrize("payload", [{}, {"_type": "targets"}, {"_type": "moon"}])
def test_payload_that_is_no_metadata_is_refused(request_: SigningRequest, root: bytes, payload: dict[str, Any]) -> None:
    with pytest.raises((RequestInvalid, RequestForged)):
        requests.review(lied(request_, payload=payload), root)


def test_attack_document_other_than_the_one_to_be_signed(request_: SigningRequest, root: bytes) -> None:
    """The server shows a harmless text and lets another one be signed."""
    shown = {path: text.replace("New", "Old") for path, text in request_.documents.items()}

    with pytest.raises(RequestForged):
        requests.review(lied(request_, documents=shown), root)


def test_attack_document_left_out(request_: SigningRequest, root: bytes) -> None:
    with pytest.raises(RequestForged):
        requests.review(lied(request_, documents={}), root)


def test_attack_new_target_hidden_in_a_forged_past(request_: SigningRequest, root: bytes) -> None:
    """Whatever already stands in `base` is not shown: so `base` must be signed."""
    base = copy.deepcopy(request_.base)
    assert base is not None
    base["signed"]["targets"] = changed_payload(request_)["targets"]

    with pytest.raises(RequestForged):
        requests.review(lied(request_, base=base), root)


def test_attack_past_left_out_still_shows_everything_as_new(request_: SigningRequest, root: bytes) -> None:
    with pytest.raises(RequestForged):  # the floor's text would have to be enclosed as new
        requests.review(lied(request_, base=None), root)


def test_attack_root_of_the_servers_own(root: bytes, tmp_path: Path) -> None:
    """A server with keys of its own builds a whole repository around them."""
    other = TrustRepository(tmp_path / "other")
    card = Operator(slug="DEFAULT", name={"zh": "冒充者"})
    ceremony.initialise(other, tmp_path / "keys", card, lambda _name: PASSPHRASE, MOMENT, solo=True)
    forged = other.change_targets(TargetsChange(), MOMENT).request

    with pytest.raises(RequestForged):
        requests.review(forged, root)


def test_attack_published_target_removed(
    repository: TrustRepository,
    publication: Callable[..., TargetsChange],
    signers: Sequence[CryptoSigner],
    root: bytes,
    now: datetime,
) -> None:
    repository.change_targets(publication(), now, signers)
    request = repository.change_targets(TargetsChange(), now).request
    payload = changed_payload(request)
    del payload["targets"][release_path(1)]

    with pytest.raises(RequestForged):
        requests.review(lied(request, payload=payload), root)


def test_attack_published_component_exchanged(
    repository: TrustRepository,
    publication: Callable[..., TargetsChange],
    signers: Sequence[CryptoSigner],
    root: bytes,
    now: datetime,
) -> None:
    repository.change_targets(publication(), now, signers)
    request = repository.change_targets(TargetsChange(), now).request
    payload = changed_payload(request)
    payload["targets"]["components/till-1.0.0.evb"]["hashes"]["sha256"] = "0" * 64

    with pytest.raises(RequestForged):
        requests.review(lied(request, payload=payload), root)


def test_attack_component_other_than_the_release_names(request_: SigningRequest, root: bytes) -> None:
    payload = changed_payload(request_)
    payload["targets"]["components/till-1.0.0.evb"]["hashes"]["sha256"] = "0" * 64

    with pytest.raises(RequestForged):
        requests.review(lied(request_, payload=payload), root)


def test_attack_older_version_number(request_: SigningRequest, root: bytes) -> None:
    payload = changed_payload(request_)
    payload["version"] = 1

    with pytest.raises(RequestForged):
        requests.review(lied(request_, payload=payload), root)


@pytest.mark.parametrize("enclosed", [True, False])
def test_attack_floor_lowered(
    repository: TrustRepository, signers: Sequence[CryptoSigner], root: bytes, now: datetime, *, enclosed: bool
) -> None:
    """With both texts enclosed the fall is seen; without them nothing is signed either."""
    revoked = Floor(revoked=[Revocation(release=3, revoked_at=now, reason={"zh": "会丢单"})])
    old = repository.change_targets(_floor(revoked), now).request
    repository.cancel(old.id)
    repository.change_targets(_floor(revoked), now, signers)
    honest = repository.change_targets(TargetsChange(), now).request
    payload = changed_payload(honest)
    assert old.base is not None
    payload["targets"][FLOOR_PATH] = old.base["signed"]["targets"][FLOOR_PATH]
    texts = ({FLOOR_PATH: encode(Floor()).decode()}, {FLOOR_PATH: encode(revoked).decode()}) if enclosed else ({}, {})

    with pytest.raises(RequestForged):
        requests.review(lied(honest, payload=payload, documents=texts[0], replaced=texts[1]), root)


def test_attack_release_that_no_terminal_would_read(
    repository: TrustRepository, publication: Callable[..., TargetsChange], root: bytes, now: datetime
) -> None:
    body = publication().documents[release_path(1)]
    request = repository.change_targets(TargetsChange(documents={release_path(2): body}), now).request

    with pytest.raises(RequestForged):
        requests.review(request, root)


def test_attack_escape_sequence_in_a_note_is_shown_not_obeyed(
    repository: TrustRepository, publication: Callable[..., TargetsChange], root: bytes, now: datetime
) -> None:
    """C1 control, line erasure and reversed reading direction, as a terminal emulator would obey them."""
    notes = {"zh": "新\u009b2K\u202e", "en": "\u001b[2K"}
    request = repository.change_targets(publication(notes=notes), now).request

    shown = requests.review(request, root).changes[1].text

    assert "\\x9b2K\\u202e" in shown
    assert all(character.isprintable() or character == "\n" for character in shown)


def test_delegation_is_shown_with_its_keys_and_paths(repository: TrustRepository, root: bytes, now: datetime) -> None:
    owner = CryptoSigner.generate_ed25519()
    change = TargetsChange(delegation=Delegation(merchant=7, keys=[owner.public_key], threshold=1))
    (shown,) = requests.review(repository.change_targets(change, now).request, root).changes

    assert (shown.kind, shown.name) == ("delegated", "merchants-7")
    assert shown.text == f"1 of {owner.public_key.keyid[:8]} for merchants/7/*"


def test_new_root_is_shown_as_keys_that_come_and_go(repository: TrustRepository, root: bytes, now: datetime) -> None:
    new = CryptoSigner.generate_ed25519()
    change = RootChange(add=[("root", new.public_key)], remove=[("root", "root-3")])
    review = requests.review(repository.change_root(change, now).request, root)

    assert [change.kind for change in review.changes] == ["key_added", "key_removed"]
    assert review.changes[1].name.startswith("root: root-3")
    assert review.threshold == 2


def test_attack_root_that_skips_a_version(repository: TrustRepository, root: bytes, now: datetime) -> None:
    request = repository.change_root(RootChange(), now).request
    payload = changed_payload(request)
    payload["version"] = 3

    with pytest.raises(RequestForged):
        requests.review(lied(request, payload=payload), root)


def test_signatures_verify_with_python_tuf_alone(
    request_: SigningRequest, root: bytes, signers: Sequence[CryptoSigner]
) -> None:
    signed = requests.sign(request_, root, signers[:2])
    complete = lied(request_, signatures=signed.signatures).metadata()

    Metadata.from_bytes(root).signed.verify_delegate("targets", complete.signed_bytes, complete.signatures)


def _floor(floor: Floor) -> TargetsChange:
    return TargetsChange(documents={FLOOR_PATH: encode(floor)})
