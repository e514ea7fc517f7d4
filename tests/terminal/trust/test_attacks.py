"""What an attacker between publisher and till, or inside the server, can try; each attempt meets one refusal with a code."""

import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from securesystemslib.signer import CryptoSigner

from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.release import FLOOR_PATH, Floor, Revocation, encode, release_path
from evertill.terminal.agent.board import FileLink
from evertill.terminal.agent.connection import ConnectionRefused
from evertill.terminal.agent.download import Cache, Downloader
from evertill.terminal.agent.trust import TargetInfo, TrustClient
from evertill.terminal.errors import TerminalRefused
from evertill.terminal.generations.unpack import unpack
from tests.protocol.bundles import good_bundle
from tests.terminal.trust.mint import NOW, TILL, TILL_PATH, TILL_WORDS, Endless, Mint, dripping, served_at
from tests.terminal.trust.terminal import Terminal

MOST_TAKEN_BYTES = 32 * 1024 * 1024  # the largest limit, and what lies in the buffers of a socket


def refused(code: str) -> AbstractContextManager[pytest.ExceptionInfo[ProtocolRefused]]:
    return pytest.raises(ProtocolRefused, check=lambda error: error.code == code)


class Unlimited:
    """Wi-Fi."""

    def left_bytes(self) -> int | None:
        return None

    def spend(self, size_bytes: int) -> None:
        pass


def downloader(terminal: Terminal, folder: Path) -> Downloader:
    return Downloader(Cache(folder), terminal.connection, Unlimited())


def link_to(terminal: Terminal, path: str) -> FileLink:
    return FileLink(filename=path.rpartition("/")[2], url=f"{terminal.url}/DEFAULT/tuf/{path}")


def test_release_as_published_is_taken(mint: Mint, terminal: Terminal) -> None:
    published = mint.put_release(mint.put_component())
    mint.publish()

    assert terminal.refresh().release(1) == published


def test_unsigned_targets_are_refused(mint: Mint, terminal: Terminal) -> None:
    mint.write("targets", mint.targets, [])
    mint.write_online()

    with refused("TRUST_UNSIGNED"):
        terminal.refresh()


def test_unsigned_timestamp_is_refused(mint: Mint, terminal: Terminal) -> None:
    mint.publish()
    mint.files["metadata/timestamp.json"] = mint.sign(mint.timestamp, [])

    with refused("TRUST_UNSIGNED"):
        terminal.refresh()


def test_wrong_key_is_refused(mint: Mint, terminal: Terminal) -> None:
    strangers = [CryptoSigner.generate_ed25519() for _ in range(3)]
    mint.write("targets", mint.targets, strangers)
    mint.write_online()

    with refused("TRUST_UNSIGNED"):
        terminal.refresh()


def test_below_threshold_is_refused(mint: Mint, terminal: Terminal) -> None:
    mint.write("targets", mint.targets, mint.keys["targets"][:1])
    mint.write_online()

    with refused("TRUST_UNSIGNED"):
        terminal.refresh()


def test_one_key_signing_twice_is_still_below_threshold(mint: Mint, terminal: Terminal) -> None:
    signer = mint.keys["targets"][0]
    mint.write("targets", mint.targets, [signer, signer])
    mint.write_online()

    with refused("TRUST_UNSIGNED"):
        terminal.refresh()


def test_new_root_signed_by_its_own_keys_alone_is_refused(mint: Mint, terminal: Terminal) -> None:
    mint.publish()
    usurper = Mint()
    usurper.root.version = 2
    mint.files["metadata/2.root.json"] = mint.sign(usurper.root, usurper.keys["root"])

    with refused("TRUST_UNSIGNED"):
        terminal.refresh()


def test_expired_timestamp_is_refused(mint: Mint, terminal: Terminal) -> None:
    mint.publish()
    terminal.now = NOW + timedelta(days=7)

    with refused("TRUST_EXPIRED"):
        terminal.refresh()


def test_expired_timestamp_is_refused_even_when_the_clock_was_turned_back(mint: Mint, terminal: Terminal) -> None:
    mint.publish()
    terminal.passed.rise(NOW + timedelta(days=7))

    with refused("TRUST_EXPIRED"):
        terminal.refresh()


def test_what_was_verified_is_refused_once_it_expires_offline(mint: Mint, terminal: Terminal) -> None:
    mint.put_release(mint.put_component())
    mint.publish()
    trust = terminal.refresh()
    assert trust.release(1).id == 1
    terminal.now = NOW + timedelta(days=7)

    with refused("TRUST_EXPIRED"):
        trust.release(1)
    with refused("TRUST_EXPIRED"):
        terminal.restarted().release(1)


def test_expired_targets_are_refused_although_the_timestamp_is_fresh(mint: Mint, terminal: Terminal) -> None:
    mint.targets.expires = NOW - timedelta(seconds=1)
    mint.publish()

    with refused("TRUST_EXPIRED"):
        terminal.refresh()


def test_rolled_back_snapshot_is_refused(mint: Mint, terminal: Terminal) -> None:
    mint.publish()
    first = mint.timestamp.snapshot_meta
    mint.publish()
    terminal.refresh()
    mint.timestamp.snapshot_meta = first
    mint.write_timestamp()

    with refused("TRUST_ROLLED_BACK"):
        terminal.refresh()


def test_rolled_back_timestamp_is_refused_after_a_restart_too(mint: Mint, terminal: Terminal) -> None:
    mint.publish()
    old = mint.files["metadata/timestamp.json"]
    mint.publish()
    terminal.refresh()
    mint.files["metadata/timestamp.json"] = old

    with refused("TRUST_ROLLED_BACK"):
        terminal.restarted().refresh(NOW)


def test_mix_and_match_of_targets_is_refused(mint: Mint, terminal: Terminal) -> None:
    mint.publish()
    old = mint.files["metadata/1.targets.json"]
    mint.put_release(mint.put_component())
    mint.publish()
    mint.files["metadata/2.targets.json"] = old

    with refused("TRUST_MIXED"):
        terminal.refresh()


def test_mix_and_match_of_snapshots_is_refused(mint: Mint, terminal: Terminal) -> None:
    mint.publish()
    old = mint.files["metadata/1.snapshot.json"]
    mint.publish()
    mint.files["metadata/2.snapshot.json"] = old

    with refused("TRUST_MIXED"):
        terminal.refresh()


@pytest.mark.parametrize("name", ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"])
def test_endless_data_stops_at_the_limit(mint: Mint, terminal: Terminal, name: str) -> None:
    mint.publish()
    endless = mint.files[f"metadata/{name}"] = Endless()

    with refused("TRUST_TOO_LARGE"):
        terminal.refresh()
    assert endless.sent_bytes < MOST_TAKEN_BYTES


def test_endless_release_document_stops_at_its_signed_length(mint: Mint, terminal: Terminal) -> None:
    release = mint.put_release(mint.put_component())
    mint.publish()
    endless = mint.files[served_at(release_path(1), encode(release))] = Endless()

    with refused("TRUST_TOO_LARGE"):
        terminal.refresh().release(1)
    assert endless.sent_bytes < MOST_TAKEN_BYTES


def test_data_that_drips_for_ever_stops_at_the_deadline(mint: Mint, make_terminal: Callable[..., Terminal]) -> None:
    mint.publish()
    mint.files["metadata/timestamp.json"] = dripping

    with pytest.raises(ConnectionRefused, check=lambda error: error.code == "ANSWER_TIMEOUT"):
        make_terminal(deadline_s=0.3).refresh()


def test_tampered_artifact_is_thrown_away(mint: Mint, terminal: Terminal, tmp_path: Path) -> None:
    component = mint.put_component()
    mint.publish()
    target = terminal.refresh().target_of(component.path)
    mint.files["targets/served"] = TILL[:-1] + b"!"

    with pytest.raises(TerminalRefused, check=lambda error: error.code == "ARTIFACT_MISMATCH"):
        downloader(terminal, tmp_path / "cache").fetch(target, link_to(terminal, "targets/served"))

    assert list((tmp_path / "cache").iterdir()) == []


def test_artifact_as_signed_arrives(mint: Mint, terminal: Terminal, tmp_path: Path) -> None:
    component = mint.put_component()
    mint.publish()
    target = terminal.refresh().target_of(component.path)
    mint.files["targets/served"] = TILL

    path = downloader(terminal, tmp_path / "cache").fetch(target, link_to(terminal, "targets/served"))

    assert path.read_bytes() == TILL


@pytest.mark.parametrize(
    "lie",
    [
        {"version": "1.0.0"},
        {"component": "agent"},
        {"type": "firmware"},
        {"sha256": "0" * 64},
        {"sha512": "0" * 128},
        {"length": len(TILL) + 1},
    ],
)
def test_swapped_component_is_refused(mint: Mint, terminal: Terminal, lie: dict[str, str | int]) -> None:
    mint.put_release(msgspec.structs.replace(mint.put_component(), **lie))
    mint.publish()

    with refused("COMPONENT_SWAPPED"):
        terminal.refresh().release(1)


def test_component_that_is_not_signed_is_refused(mint: Mint, terminal: Terminal) -> None:
    component = mint.put_component()
    mint.put_release(component)
    del mint.targets.targets[component.path]
    mint.publish()

    with refused("TARGET_UNKNOWN"):
        terminal.refresh().release(1)


def test_release_document_under_another_releases_name_is_refused(mint: Mint, terminal: Terminal) -> None:
    release = mint.put_release(mint.put_component())
    mint.put_document(release_path(2), encode(release))
    mint.publish()

    with refused("TARGET_MISMATCH"):
        terminal.refresh().release(2)


def test_changed_note_is_refused(mint: Mint, terminal: Terminal) -> None:
    body = encode(mint.put_release(mint.put_component()))
    mint.publish()
    mint.files[served_at(release_path(1), body)] = body.replace(b"Discounts", b"Security!")

    with refused("TARGET_MISMATCH"):
        terminal.refresh().release(1)


def test_forged_required_at_is_refused(mint: Mint, terminal: Terminal) -> None:
    due = NOW + timedelta(days=30)
    body = encode(mint.put_release(mint.put_component(), severity="critical", required_at=due))
    mint.publish()
    forged = body.replace(b"2026-12-20", b"2026-11-21")
    assert forged != body
    mint.files[served_at(release_path(1), body)] = forged

    with refused("TARGET_MISMATCH"):
        terminal.refresh().release(1)


def test_forged_document_on_the_terminals_own_disk_is_not_believed(mint: Mint, terminal: Terminal) -> None:
    release = mint.put_release(mint.put_component())
    mint.publish()
    trust = terminal.refresh()
    trust.release(1)
    for kept in (terminal.home / "trust" / "documents").iterdir():
        kept.write_bytes(kept.read_bytes().replace(b"Discounts", b"Security!"))

    assert terminal.restarted().release(1) == release


@pytest.mark.parametrize(("model", "revision"), [("T2", "B"), ("T1", "A"), ("T1", "")])
def test_foreign_hardware_is_refused(
    mint: Mint, make_terminal: Callable[..., Terminal], model: str, revision: str
) -> None:
    mint.put_release(mint.put_component())
    mint.publish()

    with refused("MODEL_MISMATCH"):
        make_terminal(model=model, revision=revision).refresh().release(1)


def test_lower_rollback_index_is_refused(mint: Mint, terminal: Terminal) -> None:
    mint.put_release(mint.put_component())
    mint.put_document(FLOOR_PATH, encode(Floor(minimum_rollback_index={"till": TILL_WORDS.rollback_index + 1})))
    mint.publish()

    with refused("ROLLBACK_INDEX_LOW"):
        terminal.refresh().release(1)


def test_rollback_index_at_the_floor_is_taken(mint: Mint, terminal: Terminal) -> None:
    mint.put_release(mint.put_component())
    mint.put_document(FLOOR_PATH, encode(Floor(minimum_rollback_index={"till": TILL_WORDS.rollback_index})))
    mint.publish()

    assert terminal.refresh().release(1).id == 1


def test_withdrawn_release_is_refused(mint: Mint, terminal: Terminal) -> None:
    mint.put_release(mint.put_component())
    mint.snapshot.unrecognized_fields["x-evertill-withdrawn"] = [1]
    mint.publish()

    with refused("WITHDRAWN"):
        terminal.refresh().release(1)


def test_revoked_release_is_refused(mint: Mint, terminal: Terminal) -> None:
    mint.put_release(mint.put_component())
    revocation = Revocation(release=1, revoked_at=NOW, reason={"zh": "会丢单", "en": "loses sales"})
    mint.put_document(FLOOR_PATH, encode(Floor(revoked=[revocation])))
    mint.publish()

    with refused("REVOKED"):
        terminal.refresh().release(1)


def test_repository_without_a_floor_is_refused(mint: Mint, terminal: Terminal) -> None:
    del mint.targets.targets[FLOOR_PATH]
    mint.publish()

    with refused("TRUST_INCOMPLETE"):
        terminal.refresh()


@pytest.mark.parametrize("path", ["../../etc/cron.d/x", "components/../../x", "/etc/passwd", "components/a/b"])
def test_path_traversal_in_a_signed_release_is_refused(mint: Mint, terminal: Terminal, path: str) -> None:
    mint.put_release(mint.put_component(path))
    mint.publish()

    with refused("RELEASE_INVALID"):
        terminal.refresh().release(1)
    with refused("TARGET_UNKNOWN"):
        terminal.trust.target_of(path)


def test_bomb_with_a_valid_signature_still_does_not_unpack(mint: Mint, terminal: Terminal, tmp_path: Path) -> None:
    bomb = good_bundle({"zeros": bytes(64 * 1024 * 1024)})
    mint.put_release(mint.put_component(body=bomb))
    mint.publish()
    assert terminal.refresh().release(1).components[0].length == len(bomb)

    with refused("BUNDLE_BOMB"):
        unpack(io.BytesIO(bomb), tmp_path / "slot")

    assert not (tmp_path / "slot").exists() or not any((tmp_path / "slot").iterdir())


def test_stolen_online_keys_cannot_sign_a_release(mint: Mint, terminal: Terminal) -> None:
    mint.put_release(mint.put_component())
    mint.write("targets", mint.targets, [*mint.keys["snapshot"], *mint.keys["timestamp"]])
    mint.write_online()

    with refused("TRUST_UNSIGNED"):
        terminal.refresh()


def test_stolen_online_keys_cannot_bring_back_old_targets(mint: Mint, terminal: Terminal) -> None:
    mint.publish()
    old = mint.snapshot.meta["targets.json"]
    revocation = Revocation(release=1, revoked_at=NOW, reason={"zh": "会丢单"})
    mint.put_document(FLOOR_PATH, encode(Floor(revoked=[revocation])))
    mint.publish()
    terminal.refresh()
    mint.snapshot.meta["targets.json"] = old
    mint.write_online()

    with refused("TRUST_ROLLED_BACK"):
        terminal.refresh()


def test_stolen_online_keys_cannot_lift_a_revocation_by_an_empty_withdrawn_list(mint: Mint, terminal: Terminal) -> None:
    mint.put_release(mint.put_component())
    revocation = Revocation(release=1, revoked_at=NOW, reason={"zh": "会丢单"})
    mint.put_document(FLOOR_PATH, encode(Floor(revoked=[revocation])))
    mint.snapshot.unrecognized_fields["x-evertill-withdrawn"] = "nothing"
    mint.publish()

    with refused("REVOKED"):
        terminal.refresh().release(1)


def test_stolen_online_keys_cannot_stop_updates_beyond_their_next_honest_signature(
    mint: Mint, terminal: Terminal
) -> None:
    """A date far ahead, signed by the stolen keys, never moves the terminal's clock."""
    mint.timestamp.expires = NOW + timedelta(days=20_000)
    mint.snapshot.expires = NOW + timedelta(days=20_000)
    mint.publish()
    terminal.refresh()

    assert terminal.passed.value == NOW


def test_target_of_another_merchant_is_refused(mint: Mint, make_terminal: Callable[..., Terminal]) -> None:
    mint.delegate(7)
    words = msgspec.structs.replace(TILL_WORDS, component="loyalty", type="module")
    component = mint.put_component("merchants/7/loyalty-1.1.0.evb", words=words, role="merchants-7")
    mint.put_release(component)
    mint.publish()
    eight, seven, nobody = (make_terminal(merchant_id=merchant) for merchant in (8, 7, None))

    with refused("FOREIGN_MERCHANT"):
        eight.refresh().release(1)
    with refused("FOREIGN_MERCHANT"):
        eight.trust.target_of(component.path)
    with refused("FOREIGN_MERCHANT"):
        nobody.refresh().release(1)
    assert seven.refresh().release(1).components[0].path == component.path


@pytest.mark.parametrize("path", ["merchants/8/loyalty.evb", "components/loyalty.evb"])
def test_merchants_key_signs_for_its_own_paths_alone(mint: Mint, terminal: Terminal, path: str) -> None:
    mint.delegate(7)
    mint.put_release(mint.put_component(path, role="merchants-7"))
    mint.publish()

    with refused("TARGET_UNKNOWN"):
        terminal.refresh().release(1)


def test_component_signed_with_one_hash_alone_is_refused(mint: Mint, terminal: Terminal) -> None:
    mint.put_release(mint.put_component())
    del mint.targets.targets[TILL_PATH].hashes["sha512"]
    mint.publish()

    with refused("TRUST_DAMAGED"):
        terminal.refresh().release(1)


@pytest.mark.parametrize(
    "rubbish", [b"", b"<html>Sign in</html>", b"[]", b'{"signed": 7, "signatures": {}}', b"\xff\xfe"]
)
@pytest.mark.parametrize("name", ["timestamp.json", "1.snapshot.json", "1.targets.json", "2.root.json"])
def test_rubbish_is_refused_and_what_was_trusted_stays(
    mint: Mint, terminal: Terminal, name: str, rubbish: bytes
) -> None:
    mint.publish()
    if name[0] == "1":
        mint.files[f"metadata/{name}"] = rubbish
        with pytest.raises(TerminalRefused, check=lambda error: error.code in {"TRUST_DAMAGED", "TRUST_MIXED"}):
            terminal.refresh()
        return
    trust = terminal.refresh()
    mint.files[f"metadata/{name}"] = rubbish

    with refused("TRUST_DAMAGED"):
        terminal.refresh()
    assert trust.floor() == Floor()


def test_what_is_signed_reaches_the_downloader_word_for_word(mint: Mint, terminal: Terminal) -> None:
    component = mint.put_component()
    mint.publish()

    expected = TargetInfo(TILL_PATH, len(TILL), component.sha256, component.sha512, TILL_WORDS)
    assert isinstance(terminal.trust, TrustClient)
    assert terminal.refresh().target_of(TILL_PATH) == expected
