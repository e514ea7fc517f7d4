"""Key files: what protects them, and what is said when one cannot be used."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tuf.api.metadata import Metadata, Root

from evertill.protocol.release import Operator
from evertill.server.rooms.catalog.errors import (
    KeyExists,
    KeyMissing,
    KeyNotListed,
    KeyPassphraseWrong,
    KeysUnderData,
    KeyUnreadable,
    PassphraseTooShort,
    SigningOpen,
)
from evertill.server.rooms.catalog.trust import ceremony, keys, roots
from evertill.server.rooms.catalog.trust.repository import TrustRepository
from evertill.server.rooms.catalog.trust.targets import TargetsChange
from tests.server.catalog.conftest import MOMENT, PASSPHRASE

if TYPE_CHECKING:
    from datetime import datetime

    from evertill.server.rooms.catalog.trust.repository import Outcome


def test_offline_key_is_for_its_owner_alone_and_encrypted(key_folder: Path) -> None:
    files = sorted(key_folder.glob("*.pem"))

    assert [path.name for path in files] == [f"{role}-{n}.pem" for role in ("root", "targets") for n in (1, 2, 3)]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert all(path.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----") for path in files)


def test_offline_key_opens_with_openssl_alone(key_folder: Path) -> None:
    command = [
        "openssl",
        "pkey",
        "-in",
        str(key_folder / "root-1.pem"),
        "-passin",
        f"pass:{PASSPHRASE}",
        "-noout",
        "-text",
    ]

    assert "ED25519 Private-Key" in subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_offline_key_is_derived_by_scrypt(key_folder: Path) -> None:
    command = ["openssl", "asn1parse", "-in", str(key_folder / "root-1.pem")]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout

    assert ":scrypt" in shown
    assert ":aes-256-cbc" in shown


def test_key_opens_with_its_passphrase_and_signs(tmp_path: Path) -> None:
    made = keys.create(tmp_path, "targets-1", PASSPHRASE)
    opened = keys.open_file(tmp_path / "targets-1.pem", PASSPHRASE)

    opened.public_key.verify_signature(made.sign(b"words"), b"words")
    assert keys.public_name(opened.public_key) == "targets-1"


def test_wrong_passphrase_is_named_with_the_key(key_folder: Path) -> None:
    with pytest.raises(KeyPassphraseWrong) as refused:
        keys.open_file(key_folder / "root-1.pem", "something else")

    assert refused.value.params == {"name": "root-1"}


def test_short_passphrase_makes_no_key(tmp_path: Path) -> None:
    with pytest.raises(PassphraseTooShort):
        keys.create(tmp_path, "root-1", "seven77")

    assert list(tmp_path.glob("*.pem")) == []


def test_key_file_is_never_overwritten(tmp_path: Path) -> None:
    keys.create_online(tmp_path, "snapshot-1")
    before = (tmp_path / "snapshot-1.pem").read_bytes()

    with pytest.raises(KeyExists):
        keys.create_online(tmp_path, "snapshot-1")

    assert (tmp_path / "snapshot-1.pem").read_bytes() == before


@pytest.mark.parametrize(
    "content", [b"", b"no key", b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"]
)
def test_damaged_key_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "root-1.pem").write_bytes(content)

    with pytest.raises(KeyUnreadable):
        keys.open_file(tmp_path / "root-1.pem", PASSPHRASE)


def test_missing_key_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyUnreadable):
        keys.open_file(tmp_path / "root-1.pem", PASSPHRASE)


def test_unencrypted_key_is_not_taken_for_an_offline_key(tmp_path: Path) -> None:
    keys.create_online(tmp_path, "targets-1")

    with pytest.raises(KeyUnreadable):
        keys.open_role(tmp_path, "targets", lambda _name: PASSPHRASE)


def test_folder_without_a_key_of_the_role_is_refused(key_folder: Path) -> None:
    with pytest.raises(KeyMissing):
        keys.open_role(key_folder, "merchants-7", lambda _name: PASSPHRASE)


def test_key_files_come_by_number_and_role(tmp_path: Path) -> None:
    for name in ("targets-10.pem", "targets-2.pem", "root-1.pem", "targets-old.pem", "notes.txt"):
        (tmp_path / name).touch()

    assert [path.name for path in keys.files_for(tmp_path, "targets")] == ["targets-2.pem", "targets-10.pem"]


def test_offline_keys_under_the_data_folder_are_found_by_content(data: Path, key_folder: Path) -> None:
    hidden = data / "backups" / "harmless.pem"
    hidden.parent.mkdir()
    hidden.write_bytes((key_folder / "root-1.pem").read_bytes())

    assert keys.offline_keys_under(data) == [hidden]


@pytest.mark.parametrize("folder", ["keys", "trust/online", "."])
def test_ceremony_refuses_a_key_folder_inside_the_data_folder(data: Path, folder: str) -> None:
    repository = TrustRepository(data)

    with pytest.raises(KeysUnderData):
        ceremony.initialise(repository, data / folder, _operator(), lambda _name: PASSPHRASE, MOMENT)

    assert not repository.folder.initialised
    assert keys.offline_keys_under(data) == []


@pytest.fixture
def own_keys(key_folder: Path, tmp_path: Path) -> Path:
    """A copy that a test may add to."""
    return Path(shutil.copytree(key_folder, tmp_path / "own"))


def replace(repository: TrustRepository, folder: Path, role: str, old: str, now: datetime) -> Outcome:
    """As `evertill keys rotate` does it."""
    leaving = old if role == "root" else ""
    signers = ceremony.signers_at_hand(repository, folder, "root", lambda _name: PASSPHRASE, leaving)
    return ceremony.replace_key(repository, folder, role, old, signers, PASSPHRASE, now)


def test_replaced_offline_key_lies_beside_the_others_and_the_old_one_signs_no_more(
    repository: TrustRepository, own_keys: Path, now: datetime
) -> None:
    outcome = replace(repository, own_keys, "targets", "targets-3", now)

    names = roots.names_of(repository.in_force().root, "targets").values()
    assert outcome.published
    assert sorted(names) == ["targets-1", "targets-2", "targets-4"]
    assert keys.open_file(own_keys / "targets-4.pem", PASSPHRASE)


def test_keys_that_were_replaced_are_left_alone_when_the_folder_signs_next(
    repository: TrustRepository, own_keys: Path, now: datetime
) -> None:
    replace(repository, own_keys, "targets", "targets-3", now)
    (own_keys / "targets-3.pem").write_bytes(b"worn out")

    signers = ceremony.signers_at_hand(repository, own_keys, "targets", lambda _name: PASSPHRASE)

    assert [keys.public_name(signer.public_key) for signer in signers] == ["targets-1", "targets-2", "targets-4"]
    assert repository.change_targets(TargetsChange(), now, signers).published


def test_lost_root_key_is_replaced_without_it(repository: TrustRepository, own_keys: Path, now: datetime) -> None:
    (own_keys / "root-2.pem").write_bytes(b"unreadable")

    assert replace(repository, own_keys, "root", "root-2", now).published

    assert sorted(roots.names_of(repository.in_force().root, "root").values()) == ["root-1", "root-3", "root-4"]


def test_only_root_key_of_a_trial_hands_over_to_the_new_one(data: Path, tmp_path: Path) -> None:
    repository, folder = TrustRepository(data), tmp_path / "offline"
    ceremony.initialise(repository, folder, _operator(), lambda _name: PASSPHRASE, MOMENT, solo=True)

    assert replace(repository, folder, "root", "root-1", MOMENT).published
    assert replace(repository, folder, "root", "root-2", MOMENT).published

    assert repository.in_force().root.version == 3
    assert list(roots.names_of(repository.in_force().root, "root").values()) == ["root-3"]


def test_root_with_too_few_keys_at_hand_waits_for_the_other_holder(
    repository: TrustRepository, own_keys: Path, now: datetime, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "root.json").write_bytes(ceremony.trusted_root(own_keys))
    for away in ("root-2.pem", "root-3.pem"):
        (own_keys / away).rename(elsewhere / away)

    outcome = replace(repository, own_keys, "targets", "targets-3", now)
    assert (outcome.published, outcome.missing) == (False, 1)
    signed = ceremony.sign(outcome.request, elsewhere, lambda _name: PASSPHRASE)

    assert repository.import_signatures(signed, now).published


def test_holders_believe_the_newest_root_from_then_on(
    repository: TrustRepository, own_keys: Path, now: datetime, tmp_path: Path
) -> None:
    """Whoever stole the keys that were replaced cannot lead a signer astray from the first root."""
    other = Path(shutil.copytree(own_keys, tmp_path / "other"))
    replace(repository, own_keys, "targets", "targets-3", now)
    assert Metadata[Root].from_bytes(ceremony.trusted_root(own_keys)).signed.version == 2

    request = repository.change_targets(TargetsChange(), now).request
    ceremony.sign(request, other, lambda _name: PASSPHRASE)

    assert Metadata[Root].from_bytes(ceremony.trusted_root(other)).signed.version == 2


def test_replaced_online_key_never_leaves_the_server(
    repository: TrustRepository, own_keys: Path, now: datetime
) -> None:
    assert replace(repository, own_keys, "snapshot", "snapshot-1", now).published

    assert [path.name for path in repository.folder.online.glob("snapshot-*")] == ["snapshot-2.pem"]
    assert list(own_keys.glob("snapshot-*")) == []


def test_refused_replacement_leaves_no_key_behind(repository: TrustRepository, own_keys: Path, now: datetime) -> None:
    repository.change_root(roots.RootChange(), now)

    with pytest.raises(SigningOpen):
        replace(repository, own_keys, "targets", "targets-3", now)
    with pytest.raises(KeyNotListed):
        replace(repository, own_keys, "targets", "targets-9", now)

    assert not (own_keys / "targets-4.pem").exists()


def test_new_key_is_never_made_below_the_data_folder(
    repository: TrustRepository, own_keys: Path, data: Path, now: datetime
) -> None:
    folder = Path(shutil.copytree(own_keys, data / "keys"))

    with pytest.raises(KeysUnderData):
        replace(repository, folder, "targets", "targets-3", now)

    assert not (folder / "targets-4.pem").exists()


def test_trial_is_one_key_a_role(data: Path, tmp_path: Path) -> None:
    repository = TrustRepository(data)
    folder = tmp_path / "offline"

    names = ceremony.initialise(repository, folder, _operator(), lambda _name: PASSPHRASE, MOMENT, solo=True)

    roles = repository.in_force().root.roles
    assert names == ["root-1", "targets-1"]
    assert {role: roles[role].threshold for role in roles} == {"root": 1, "targets": 1, "snapshot": 1, "timestamp": 1}


def _operator() -> Operator:
    return Operator(slug="DEFAULT", name={"zh": "演示收单机构", "en": "Demo operator"})
