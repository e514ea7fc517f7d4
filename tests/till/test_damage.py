import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.till.driver import RunningTill, run_till
from tests.till.shop_floor import StillClock, floor
from till.edition import MIGRATIONS
from till.errors import Refused
from till.journal import database
from till.journal.journal import Journal
from till.journal.migrations.m0001 import SALES_FIXED
from till.start_checks import check_before_opening

Tree = Callable[[str], Path]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    with floor(folder) as shop:
        for fen in range(1, 200):
            shop.sell(fen)
    return folder


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def overwritten(path: Path) -> None:
    content = bytearray(path.read_bytes())
    for place in range(4096, len(content), 4096):
        content[place : place + 64] = random.Random(place).randbytes(64)
    path.write_bytes(content)


def not_a_database(path: Path) -> None:
    path.write_text("to do: buy milk\n" * 100, encoding="ascii")


def another_programs(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE songs (title)")


def another_shops(path: Path) -> None:
    path.unlink()
    folder = path.parent / "other"
    folder.mkdir()
    with floor(folder):
        pass
    path.write_bytes((folder / database.NAME).read_bytes())


DAMAGES = [truncated, emptied, overwritten, not_a_database, another_programs, another_shops]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_journal_is_refused_and_not_touched(
    tree: Tree, start: Callable[..., RunningTill], data: Path, damage: Callable[[Path], None]
) -> None:
    damage(data / database.NAME)
    before = (data / database.NAME).read_bytes()
    till = start(data)
    assert till.output()["code"] == "JOURNAL_DAMAGED"
    assert till.wait_exit() == 1
    for command in (["schema"], ["self-test"], ["migrate", "--to", "1"]):
        code, answer = run_till(tree("1.2.0"), command[0], "--data", data, *command[1:])
        assert (code, answer["code"]) == (1, "JOURNAL_DAMAGED"), command
    assert (data / database.NAME).read_bytes() == before


def test_a_missing_journal_is_not_mistaken_for_a_new_shop(start: Callable[..., RunningTill], data: Path) -> None:
    (data / database.NAME).unlink()
    till = start(data)
    assert till.output()["code"] == "JOURNAL_DAMAGED"
    assert not (data / database.NAME).exists()


def test_a_changed_amount_is_found_by_the_books(start: Callable[..., RunningTill], data: Path) -> None:
    with closing(sqlite3.connect(data / database.NAME)) as db:
        db.execute("DROP TRIGGER sales_fixed")
        db.execute("UPDATE sales SET amount_fen = amount_fen + 1 WHERE id = 17")
        db.execute(SALES_FIXED)
        db.commit()
    answer = start(data).output()
    assert (answer["code"], answer["detail"]) == ("JOURNAL_DAMAGED", "1 receipts that differ; 1 payments that differ")


def test_a_journal_that_lost_a_rule_is_refused(start: Callable[..., RunningTill], data: Path) -> None:
    with closing(sqlite3.connect(data / database.NAME)) as db:
        db.execute("DROP TRIGGER refund_within_sale")
    answer = start(data).output()
    assert answer["code"] == "JOURNAL_DAMAGED"
    assert "refund_within_sale" in str(answer["detail"])


def test_a_journal_that_lost_only_its_identity_file_gets_it_back(data: Path) -> None:
    identity = (data / database.IDENTITY).read_bytes()
    (data / database.IDENTITY).unlink()
    with floor(data):
        pass
    assert (data / database.IDENTITY).read_bytes() == identity


def test_flipped_bits_are_refused_or_change_no_amount(data: Path) -> None:
    """A flip in free space or in a time does no harm; one that changes the tree, a rule or an amount must be found."""
    path, whole = data / database.NAME, (data / database.NAME).read_bytes()
    expected = money(data)
    dice = random.Random(2026)
    codes: set[str] = set()
    for _ in range(150):
        content = bytearray(whole)
        content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
        path.write_bytes(content)
        for leftover in data.glob("journal.db-*"):
            leftover.unlink()
        try:
            found = money(data)
        except Refused as refusal:
            codes.add(refusal.code)
        else:
            assert found == expected
    assert codes == {"JOURNAL_DAMAGED"}


def money(folder: Path) -> list[tuple[int, int]]:
    """What a start that finds nothing wrong would sell on."""
    journal = Journal.open(folder, MIGRATIONS)
    try:
        check_before_opening(journal, folder, StillClock())
        with journal.reading() as db:
            return db.execute("SELECT id, total_fen FROM entries ORDER BY id").fetchall()
    finally:
        journal.close()
