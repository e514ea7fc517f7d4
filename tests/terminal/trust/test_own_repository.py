"""Publisher to terminal, the whole way: our own repository on disk, a real server in front of it, a terminal that trusts it."""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, Root

from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.release import (
    FLOOR_PATH,
    GUARDRAILS_PATH,
    OPERATOR_PATH,
    ComponentWords,
    Floor,
    Guardrails,
    Operator,
    Release,
    ReleaseComponent,
    Revocation,
    encode,
    release_path,
)
from evertill.server.rooms.catalog.trust import keys
from evertill.server.rooms.catalog.trust.repository import TrustRepository
from evertill.server.rooms.catalog.trust.roots import RootChange
from evertill.server.rooms.catalog.trust.targets import ComponentFile, Delegation, TargetsChange, public_keys
from tests.terminal.trust.mint import NOW, TILL, Folder, serving
from tests.terminal.trust.terminal import Terminal

OPERATOR = Operator(slug="DEFAULT", name={"zh": "演示收单机构", "en": "Demo operator"})
GUARDRAILS = Guardrails(battery_floor_percent=50)


def release_of(release_id: int, file: ComponentFile) -> Release:
    part = ReleaseComponent(
        path=file.path,
        sha256=file.sha256,
        sha512=file.sha512,
        length=file.length,
        type=file.words.type,
        component=file.words.component,
        version=file.words.version,
    )
    return Release(
        id=release_id,
        name="till",
        version="1.1.0",
        components=[part],
        notes={"zh": "可以打折"},
        severity="feature",
        minutes=3,
        published_at=NOW,
    )


@dataclass
class Publisher:
    """The keys and the repository of one operator."""

    data: Path
    repository: TrustRepository
    root: list[CryptoSigner]
    targets: list[CryptoSigner]

    def component(self, path: str = "components/till-1.1.0.evb", **words: Any) -> ComponentFile:
        source = self.data / "till"
        source.write_bytes(TILL)
        said: dict[str, Any] = {
            "type": "app",
            "component": "till",
            "version": "1.1.0",
            "models": ["T1"],
            "rollback_index": 4,
        }
        return ComponentFile(
            path=path,
            source=str(source),
            length=len(TILL),
            sha256=hashlib.sha256(TILL).hexdigest(),
            sha512=hashlib.sha512(TILL).hexdigest(),
            words=ComponentWords(**(said | words)),
        )

    def publish(self, release_id: int, file: ComponentFile, *, sign_component: bool = True) -> Release:
        release = release_of(release_id, file)
        documents = {release_path(release_id): encode(release)}
        self.sign(TargetsChange(documents=documents, components=[file] if sign_component else []))
        return release

    def sign(self, change: TargetsChange) -> None:
        assert self.repository.change_targets(change, NOW, self.targets[:2]).published


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    data = tmp_path / "data"
    data.mkdir()
    signers = {
        role: [keys.named(CryptoSigner.generate_ed25519(), f"{role}-{number}") for number in (1, 2, 3)]
        for role in ("root", "targets")
    }
    repository = TrustRepository(data)
    documents = {FLOOR_PATH: encode(Floor()), OPERATOR_PATH: encode(OPERATOR), GUARDRAILS_PATH: encode(GUARDRAILS)}
    repository.initialise(signers, 2, documents, NOW)
    return Publisher(data, repository, signers["root"], signers["targets"])


@pytest.fixture
def served(publisher: Publisher) -> Iterator[tuple[str, list[str]]]:
    with serving(Folder(publisher.data / "trust")) as server:
        yield server


@pytest.fixture
def make_terminal(
    publisher: Publisher, served: tuple[str, list[str]], tmp_path: Path
) -> Iterator[Callable[..., Terminal]]:
    made: list[Terminal] = []
    root = publisher.repository.first_root()

    def make(**fields: Any) -> Terminal:
        made.append(Terminal(tmp_path / f"home-{len(made)}", served[0], root, **fields))
        return made[-1]

    yield make
    for terminal in made:
        terminal.connection.close()


@pytest.fixture
def terminal(make_terminal: Callable[..., Terminal]) -> Terminal:
    return make_terminal()


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(ProtocolRefused) as refused:
        act()
    return refused.value.code


def test_release_reaches_the_terminal_word_for_word(publisher: Publisher, terminal: Terminal) -> None:
    release = publisher.publish(1, publisher.component())

    trust = terminal.refresh()

    assert trust.release(1) == release
    assert trust.target_of("components/till-1.1.0.evb").words.rollback_index == 4
    assert (trust.floor(), trust.operator(), trust.guardrails()) == (Floor(), OPERATOR, GUARDRAILS)


def test_terminal_without_contact_ever_says_so(terminal: Terminal) -> None:
    assert refusal(lambda: terminal.trust.release(1)) == "NO_FRESH_TRUST"
    assert terminal.trust.verified_at is None


def test_release_that_was_never_published_is_unknown(publisher: Publisher, terminal: Terminal) -> None:
    assert refusal(lambda: terminal.refresh().release(5)) == "RELEASE_UNKNOWN"


def test_what_was_verified_serves_offline_after_a_restart(publisher: Publisher, terminal: Terminal) -> None:
    release = publisher.publish(1, publisher.component())
    terminal.refresh().release(1)
    shutil.rmtree(publisher.data)

    trust = terminal.restarted()

    assert trust.release(1) == release
    assert trust.verified_at == NOW
    assert refusal(terminal.refresh) == "TRUST_INCOMPLETE"
    assert trust.release(1) == release


def test_moment_of_verification_raises_the_clocks_floor(publisher: Publisher, terminal: Terminal) -> None:
    terminal.refresh()
    terminal.now = NOW - timedelta(days=3)

    terminal.refresh()

    assert terminal.trust.verified_at == terminal.passed.value == NOW


def test_idle_refresh_asks_for_two_small_files(
    publisher: Publisher, terminal: Terminal, served: tuple[str, list[str]]
) -> None:
    terminal.refresh()
    served[1].clear()

    terminal.refresh()

    assert served[1] == ["metadata/2.root.json", "metadata/timestamp.json"]


def test_withdrawal_by_the_server_alone_reaches_the_terminal(publisher: Publisher, terminal: Terminal) -> None:
    publisher.publish(1, publisher.component())
    assert terminal.refresh().release(1).id == 1

    publisher.repository.renew(NOW, withdrawn=[1])

    assert refusal(lambda: terminal.refresh().release(1)) == "WITHDRAWN"


def test_revocation_reaches_the_terminal_and_survives_a_restart(publisher: Publisher, terminal: Terminal) -> None:
    publisher.publish(1, publisher.component())
    floor = Floor(revoked=[Revocation(release=1, revoked_at=NOW, reason={"zh": "会丢单"})])
    publisher.sign(TargetsChange(documents={FLOOR_PATH: encode(floor)}))
    terminal.refresh()

    assert refusal(lambda: terminal.restarted().release(1)) == "REVOKED"


def test_terminal_follows_new_keys_from_the_root_it_was_provisioned_with(
    publisher: Publisher, terminal: Terminal
) -> None:
    terminal.refresh()
    new = [keys.named(CryptoSigner.generate_ed25519(), f"{role}-4") for role in ("root", "targets")]
    publisher.sign(TargetsChange())
    change = RootChange(
        add=[("root", new[0].public_key), ("targets", new[1].public_key)],
        remove=[("root", "root-3"), ("targets", "targets-3")],
    )
    assert publisher.repository.change_root(change, NOW, publisher.root[:2]).published
    publisher.targets = [publisher.targets[0], new[1]]
    release = publisher.publish(1, publisher.component())

    assert terminal.refresh().release(1) == release
    assert terminal.restarted().release(1) == release


def new_root(publisher: Publisher, version: int) -> list[CryptoSigner]:
    """The next root: its oldest root key and its oldest targets key go, new ones come. Answers the root keys of before."""
    before = publisher.root
    going = {"root": before, "targets": publisher.targets}
    made = {role: keys.named(CryptoSigner.generate_ed25519(), f"{role}-{version + 2}") for role in ("root", "targets")}
    publisher.repository.change_targets(TargetsChange(), NOW, publisher.targets[1:])
    change = RootChange(
        add=[(role, signer.public_key) for role, signer in made.items()],
        remove=[(role, keys.public_name(signers[0].public_key)) for role, signers in going.items()],
    )
    assert publisher.repository.change_root(change, NOW, [*before, made["root"]]).published
    publisher.root = [*before[1:], made["root"]]
    publisher.targets = [*publisher.targets[1:], made["targets"]]
    return before


def test_terminal_that_slept_through_two_new_roots_walks_all_three(
    publisher: Publisher, terminal: Terminal, served: tuple[str, list[str]]
) -> None:
    terminal.refresh()
    new_root(publisher, 2)
    new_root(publisher, 3)
    release = publisher.publish(1, publisher.component())
    served[1].clear()

    assert terminal.refresh().release(1) == release
    assert served[1][:3] == ["metadata/2.root.json", "metadata/3.root.json", "metadata/4.root.json"]
    assert terminal.restarted().release(1) == release


def test_third_root_signed_by_the_keys_of_the_first_alone_is_refused(publisher: Publisher, terminal: Terminal) -> None:
    """Root 3 needs the threshold of root 2: whoever holds the keys that root 2 replaced cannot make it."""
    gone = new_root(publisher, 2)[:1]
    new_root(publisher, 3)
    gone.append(keys.named(CryptoSigner.generate_ed25519(), "root-9"))
    path = publisher.data / "trust" / "metadata" / "3.root.json"
    third = Metadata[Root].from_bytes(path.read_bytes())
    third.signed.add_key(gone[1].public_key, "root")
    third.signatures.clear()
    for signer in (*gone, *publisher.root[-1:]):
        third.sign(signer, append=True)
    path.write_bytes(third.to_bytes())

    assert refusal(terminal.refresh) == "TRUST_UNSIGNED"


def test_terminal_follows_a_replaced_online_key(publisher: Publisher, terminal: Terminal) -> None:
    terminal.refresh()
    for role in ("snapshot", "timestamp"):
        new = publisher.repository.new_online_key(role)
        change = RootChange(add=[(role, new.public_key)], remove=[(role, f"{role}-1")])
        assert publisher.repository.change_root(change, NOW, publisher.root[:2]).published
        terminal.refresh()
    publisher.repository.renew(NOW)

    assert terminal.refresh().floor() == Floor()


def test_merchants_software_reaches_that_merchant_alone(
    publisher: Publisher, make_terminal: Callable[..., Terminal]
) -> None:
    owner = CryptoSigner.generate_ed25519()
    publisher.sign(TargetsChange(delegation=Delegation(merchant=7, keys=public_keys([owner]), threshold=1)))
    file = publisher.component("merchants/7/loyalty-1.0.0.evb", component="loyalty", type="module")
    change = TargetsChange(components=[file])
    assert publisher.repository.change_targets(change, NOW, [owner], role="merchants-7").published
    release = publisher.publish(1, file, sign_component=False)

    assert make_terminal(merchant_id=7).refresh().release(1) == release
    assert refusal(lambda: make_terminal(merchant_id=8).refresh().release(1)) == "FOREIGN_MERCHANT"


def test_restored_server_is_refused_until_its_publisher_signs_again(
    publisher: Publisher, terminal: Terminal, tmp_path: Path
) -> None:
    shutil.copytree(publisher.data / "trust", tmp_path / "backup")
    publisher.publish(1, publisher.component())
    terminal.refresh()
    shutil.rmtree(publisher.data / "trust")
    shutil.copytree(tmp_path / "backup", publisher.data / "trust")

    publisher.repository.renew(NOW + timedelta(hours=1))
    assert refusal(terminal.refresh) == "TRUST_ROLLED_BACK"

    again = publisher.component()
    later = NOW + timedelta(hours=2)
    release = release_of(1, again)
    change = TargetsChange(documents={release_path(1): encode(release)}, components=[again])
    assert publisher.repository.change_targets(change, later, publisher.targets[:2]).published
    assert terminal.refresh().release(1) == release
