"""The journal on disk: whole or noticed."""

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evertill.protocol.journey import State
from evertill.protocol.reasons import Reason
from evertill.terminal.agent.journey.journal import Journal, JournalDamaged, Journey

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
JOURNEY = Journey(
    id="action-7",
    release=3,
    parts=(),
    from_generation=1,
    to_generation=2,
    began_at=NOON,
    entered_at=NOON,
    state=State.PROVING,
    held=(Reason("TILL_BATCH_UNSETTLED", {"count": 3}),),
)


def test_saved_journey_is_read_back_as_it_was(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journey.json")
    journal.save(JOURNEY)
    assert journal.load() == JOURNEY
    journal.clear()
    assert journal.load() is None
    journal.clear()


def test_journal_is_for_its_owner_only(tmp_path: Path) -> None:
    Journal(tmp_path / "journey.json").save(JOURNEY)
    assert (tmp_path / "journey.json").stat().st_mode & 0o777 == 0o600


@given(position=st.integers(0, 5000), flip=st.integers(1, 255))
def test_any_changed_byte_is_noticed_and_put_aside(position: int, flip: int) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "journey.json")
        Journal(path).save(JOURNEY)
        content = bytearray(path.read_bytes())
        position %= len(content) - 1  # the last byte is only a line's end
        content[position] ^= flip
        path.write_bytes(content)
        try:
            assert Journal(path).load() == JOURNEY  # a change of JSON's spelling, never of what it says
        except JournalDamaged:
            assert path.with_name("journey.json.damaged").read_bytes() == bytes(content)
            assert Journal(path).load() is None


@pytest.mark.parametrize("length", [0, 1, 20, 200])
def test_truncated_journal_is_noticed(tmp_path: Path, length: int) -> None:
    path = tmp_path / "journey.json"
    Journal(path).save(JOURNEY)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(JournalDamaged):
        Journal(path).load()
