"""Copying a shop's data beside the till that writes them."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from evertill.terminal.generations.data_copy import DataDamaged, copy_data


def journal(folder: Path) -> sqlite3.Connection:
    db = sqlite3.connect(folder / "journal.db", isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("CREATE TABLE IF NOT EXISTS sales (id INTEGER PRIMARY KEY, fen INTEGER)")
    return db


def rows(folder: Path) -> list[int]:
    with closing(sqlite3.connect(folder / "journal.db")) as db:
        return [fen for (fen,) in db.execute("SELECT fen FROM sales ORDER BY id")]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "receipts" / "2026").mkdir(parents=True)
    (folder / "receipts" / "2026" / "a.txt").write_text("thank you")
    return folder


def test_copy_has_what_only_lies_in_the_write_ahead_log(data: Path, tmp_path: Path) -> None:
    with closing(journal(data)) as db:
        db.execute("INSERT INTO sales (fen) VALUES (100), (250)")
        assert (data / "journal.db-wal").stat().st_size > 0
        copy_data(data, tmp_path / "copy")
    assert rows(tmp_path / "copy") == [100, 250]
    assert (tmp_path / "copy" / "receipts" / "2026" / "a.txt").read_text() == "thank you"


def test_companions_of_a_database_are_never_copied(data: Path, tmp_path: Path) -> None:
    with closing(journal(data)) as db:
        db.execute("INSERT INTO sales (fen) VALUES (1)")
        copy_data(data, tmp_path / "copy")
    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == ["journal.db", "receipts"]


def test_copy_is_private(data: Path, tmp_path: Path) -> None:
    journal(data).close()
    copy_data(data, tmp_path / "copy")
    for path in [tmp_path / "copy", *(tmp_path / "copy").rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_copy_taken_while_a_till_sells_is_one_moment_of_it(data: Path, tmp_path: Path) -> None:
    over = threading.Event()
    with closing(journal(data)) as db:

        def sell() -> None:
            while not over.is_set():
                db.execute("BEGIN IMMEDIATE")
                db.execute("INSERT INTO sales (fen) VALUES (100)")
                db.execute("INSERT INTO sales (fen) VALUES (-100)")
                db.execute("COMMIT")

        seller = threading.Thread(target=sell)
        seller.start()
        for number in range(10):
            copy_data(data, tmp_path / f"copy{number}")
        over.set()
        seller.join()
    assert all(sum(rows(tmp_path / f"copy{number}")) == 0 for number in range(10))


def test_source_is_only_read(data: Path, tmp_path: Path) -> None:
    with closing(journal(data)) as db:
        db.execute("INSERT INTO sales (fen) VALUES (100)")
    before = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    copy_data(data, tmp_path / "copy")
    assert {path: path.read_bytes() for path in data.rglob("*") if path.is_file()} == before


def test_damaged_database_is_said_and_not_copied_as_a_file(data: Path, tmp_path: Path) -> None:
    with closing(journal(data)) as db:
        db.executemany("INSERT INTO sales (fen) VALUES (?)", [(number,) for number in range(5000)])
    path = data / "journal.db"
    content = path.read_bytes()
    path.write_bytes(content[:16] + b"\xff" * 84 + content[100:])
    with pytest.raises(DataDamaged, match=r"journal\.db"):
        copy_data(data, tmp_path / "copy")


def test_existing_target_is_never_written_over(data: Path, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    with pytest.raises(FileExistsError):
        copy_data(data, tmp_path / "copy")
