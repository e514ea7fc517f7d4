"""What may be installed once more on a terminal that runs it already: by its signatures, whatever their dates, and nothing forbidden."""

from datetime import timedelta

import msgspec
import pytest

from evertill.protocol.release import FLOOR_PATH, Floor, ReleaseComponent, Revocation, encode
from evertill.terminal.agent.trust import TrustRefused
from tests.terminal.trust.mint import NOW, TILL_WORDS, Mint
from tests.terminal.trust.terminal import Terminal


@pytest.fixture
def part(mint: Mint, terminal: Terminal) -> ReleaseComponent:
    """Verified here on the day it was installed."""
    component = mint.put_component()
    mint.put_release(component)
    mint.publish()
    terminal.refresh()
    return component


def refusal(terminal: Terminal, part: ReleaseComponent) -> str:
    with pytest.raises(TrustRefused) as refused:
        terminal.restarted().check_installed(part, 1)
    return refused.value.code


def test_months_without_a_network_do_not_keep_a_terminal_from_being_repaired(
    terminal: Terminal, part: ReleaseComponent
) -> None:
    terminal.now = NOW + timedelta(days=300)
    terminal.url = "http://127.0.0.1:9"
    terminal.restarted().check_installed(part, 1)
    with pytest.raises(TrustRefused, match="TRUST_EXPIRED"):
        terminal.trust.target_of(part.path)


def test_withdrawn_release_may_be_repaired_where_it_runs(
    mint: Mint, terminal: Terminal, part: ReleaseComponent
) -> None:
    mint.snapshot.unrecognized_fields["x-evertill-withdrawn"] = [1]
    mint.publish()
    terminal.refresh().check_installed(part, 1)


def test_revoked_release_is_never_installed_again(mint: Mint, terminal: Terminal, part: ReleaseComponent) -> None:
    revocation = Revocation(release=1, revoked_at=NOW, reason={"zh": "会丢单", "en": "loses sales"})
    mint.put_document(FLOOR_PATH, encode(Floor(revoked=[revocation])))
    mint.publish()
    terminal.refresh()
    assert refusal(terminal, part) == "REVOKED"


def test_component_below_the_floor_is_never_installed_again(
    mint: Mint, terminal: Terminal, part: ReleaseComponent
) -> None:
    mint.put_document(FLOOR_PATH, encode(Floor(minimum_rollback_index={"till": TILL_WORDS.rollback_index + 1})))
    mint.publish()
    terminal.refresh()
    assert refusal(terminal, part) == "ROLLBACK_INDEX_LOW"


def test_record_that_names_another_file_than_the_signed_one_repairs_nothing(
    terminal: Terminal, part: ReleaseComponent
) -> None:
    assert refusal(terminal, msgspec.structs.replace(part, sha256="0" * 64)) == "COMPONENT_SWAPPED"


def test_terminal_that_never_verified_anything_repairs_nothing(terminal: Terminal, mint: Mint) -> None:
    assert refusal(terminal, mint.put_component()) == "NO_FRESH_TRUST"


def test_documents_that_nobody_signs_any_more_are_thrown_away(
    mint: Mint, terminal: Terminal, part: ReleaseComponent
) -> None:
    documents = terminal.home / "trust" / "documents"
    terminal.trust.release(1)
    for number in range(5):
        mint.put_document(FLOOR_PATH, encode(Floor(minimum_rollback_index={"params": number + 1})))
        mint.publish()
        terminal.refresh()
    assert len(list(documents.iterdir())) == 4 + 5
    terminal.trust.forget_unsigned()
    assert len(list(documents.iterdir())) == 4
    terminal.restarted().check_installed(part, 1)
    assert terminal.trust.release(1).version == "1.1.0"
