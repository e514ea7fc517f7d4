"""Backups: encrypted, proven by restoring, three of them, and useless to anybody without a key."""

import io
import sqlite3
import tarfile
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pyrage
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from evertill.terminal.agent import sealing
from evertill.terminal.agent.backup import Backups, Keys
from evertill.terminal.agent.survey import survey
from evertill.terminal.errors import TerminalRefused
from tests.terminal.agent.making import NOW, TurnedClock, code_of

SECRET = "plainly-a-secret-of-the-shop"


@pytest.fixture
def recovery() -> Any:
    return pyrage.x25519.Identity.generate()


@pytest.fixture
def backups(tmp_path: Path, recovery: Any) -> Backups:
    return Backups(tmp_path / "backups", Keys(str(pyrage.x25519.Identity.generate()), str(recovery.to_public())))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A shop's data: a journal in WAL mode with every kind of value, and a plain file."""
    folder = tmp_path / "data"
    folder.mkdir()
    with closing(sqlite3.connect(folder / "journal.db")) as journal:
        journal.execute("PRAGMA journal_mode=WAL")
        journal.execute(
            'CREATE TABLE "sales ""all""" (id INTEGER PRIMARY KEY, fen INTEGER, note TEXT, raw BLOB, rate REAL)'
        )
        rows = [(n, n * 100, f"茶 {SECRET} {n}", bytes([n % 256]) * 50, n / 3) for n in range(500)]
        journal.executemany('INSERT INTO "sales ""all""" VALUES (?,?,?,?,?)', rows)
        journal.execute("CREATE TABLE keyed (k TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID")
        journal.execute("INSERT INTO keyed VALUES ('a', NULL)")
        journal.commit()
    (folder / "journal.id").write_text("plainly-demo")
    return folder


def make(backups: Backups, data: Path, clock: TurnedClock | None = None, **words: Any) -> str:
    now = clock() if clock else NOW
    given = {
        "serial": "T-1",
        "generation": 3,
        "versions": {"till": "1.0.0"},
        "state_files": (),
        "self_test": lambda _: None,
    }
    return backups.make(data, now=now, **{**given, **words})


def test_everything_can_be_restored_with_the_merchants_key_on_another_home(
    backups: Backups, data: Path, recovery: Any, tmp_path: Path
) -> None:
    file = backups.file(make(backups, data))
    other = Backups(tmp_path / "new", Keys(str(pyrage.x25519.Identity.generate()), str(recovery.to_public())))
    contents = other.restore(file, str(recovery), tmp_path / "restored", lambda _: None)
    assert contents.serial == "T-1"
    assert contents.survey.rows == 501
    with (
        closing(sqlite3.connect(tmp_path / "restored" / "journal.db")) as journal,
        closing(sqlite3.connect(data / "journal.db")) as live,
    ):
        query = 'SELECT * FROM "sales ""all""" ORDER BY id'
        assert journal.execute(query).fetchall() == live.execute(query).fetchall()
    assert (tmp_path / "restored" / "journal.id").read_text() == "plainly-demo"


def test_the_terminals_own_key_opens_it_too(backups: Backups, data: Path, tmp_path: Path) -> None:
    file = backups.file(make(backups, data))
    backups.restore(file, backups.device_identity, tmp_path / "restored", lambda _: None)
    assert (tmp_path / "restored" / "journal.db").exists()


def test_a_wrong_key_is_refused_and_leaves_nothing(backups: Backups, data: Path, tmp_path: Path) -> None:
    file = backups.file(make(backups, data))
    with pytest.raises(TerminalRefused) as refused:
        backups.restore(file, str(pyrage.x25519.Identity.generate()), tmp_path / "restored", lambda _: None)
    assert code_of(refused) == "BACKUP_WRONG_KEY"
    assert not (tmp_path / "restored").exists()


def test_nothing_readable_is_left_on_the_disk(backups: Backups, data: Path, tmp_path: Path) -> None:
    make(backups, data)
    left = [path for path in (tmp_path / "backups").rglob("*") if path.is_file()]
    assert sorted(path.suffix for path in left if path.name != ".lock") == [".age"]
    assert all(SECRET.encode() not in path.read_bytes() for path in left)
    assert all(path.stat().st_mode & 0o077 == 0 for path in left)


def test_a_backup_is_taken_while_the_till_writes_and_is_one_moment(
    backups: Backups, data: Path, tmp_path: Path
) -> None:
    stop = threading.Event()

    def sell() -> None:
        with closing(sqlite3.connect(data / "journal.db", timeout=10)) as journal:
            number = 1000
            while not stop.is_set():
                number += 2
                with journal:  # two rows at once: a copy must have both or neither
                    journal.execute('INSERT INTO "sales ""all""" VALUES (?,?,?,?,?)', (number, 1, "", b"", 0.0))
                    journal.execute('INSERT INTO "sales ""all""" VALUES (?,?,?,?,?)', (number + 1, -1, "", b"", 0.0))

    till = threading.Thread(target=sell)
    till.start()
    try:
        file = backups.file(make(backups, data))
    finally:
        stop.set()
        till.join()
    backups.restore(file, backups.device_identity, tmp_path / "restored", lambda _: None)
    with closing(sqlite3.connect(tmp_path / "restored" / "journal.db")) as journal:
        assert journal.execute('SELECT sum(fen) FROM "sales ""all""" WHERE id >= 1000').fetchone()[0] in {0, None}
        assert journal.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_backup_the_old_till_cannot_open_does_not_count(backups: Backups, data: Path) -> None:
    with pytest.raises(TerminalRefused) as refused:
        make(backups, data, self_test=lambda _: "totals do not add up")
    assert code_of(refused) == "BACKUP_UNVERIFIED"
    assert "totals do not add up" in refused.value.text("en")
    assert backups.notes() == []


def test_the_till_opens_the_restored_copy_and_never_the_live_data(backups: Backups, data: Path) -> None:
    opened: list[Path] = []

    def self_test(copy: Path) -> None:
        opened.append(copy)
        assert (copy / "journal.db").exists()

    make(backups, data, self_test=self_test)
    assert opened[0] != data


def test_a_backup_that_is_not_row_by_row_what_went_in_does_not_count(
    backups: Backups, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sealing.unseal

    def lose_a_row(sealed: Path, folder: Path, identity: str, scratch: Path) -> None:
        real(sealed, folder, identity, scratch)
        with closing(sqlite3.connect(folder / "data" / "journal.db")) as journal, journal:
            journal.execute('UPDATE "sales ""all""" SET fen = fen + 1 WHERE id = 77')

    monkeypatch.setattr("evertill.terminal.agent.backup.unseal", lose_a_row)
    with pytest.raises(TerminalRefused) as refused:
        make(backups, data)
    assert code_of(refused) == "BACKUP_UNVERIFIED"
    assert 'sales "all"' in refused.value.text("en")


def test_damaged_data_are_not_backed_up_as_if_they_were_sound(backups: Backups, data: Path) -> None:
    for name in ("journal.db-wal", "journal.db-shm"):
        (data / name).unlink(missing_ok=True)
    content = bytearray((data / "journal.db").read_bytes())
    content[4096:] = b"\x55" * (len(content) - 4096)
    (data / "journal.db").write_bytes(content)
    with pytest.raises(TerminalRefused) as refused:
        make(backups, data)
    assert code_of(refused) == "BACKUP_UNVERIFIED"


@pytest.mark.parametrize("where", ["first", "header", "middle", "last", "cut", "empty"])
def test_a_damaged_backup_is_told_and_changes_nothing(backups: Backups, data: Path, tmp_path: Path, where: str) -> None:
    file = backups.file(make(backups, data))
    content = bytearray(file.read_bytes())
    if where in {"cut", "empty"}:
        content = content[: len(content) // 2] if where == "cut" else bytearray()
    else:
        content[{"first": 0, "header": 60, "middle": len(content) // 2, "last": -1}[where]] ^= 0xFF
    file.write_bytes(content)
    with pytest.raises(TerminalRefused) as refused:
        backups.restore(file, backups.device_identity, tmp_path / "restored", lambda _: None)
    assert code_of(refused) in {"BACKUP_DAMAGED", "BACKUP_WRONG_KEY"}
    assert not (tmp_path / "restored").exists()


def test_the_last_three_are_kept(backups: Backups, data: Path, clock: TurnedClock) -> None:
    names = []
    for _ in range(5):
        names.append(make(backups, data, clock))
        clock.turn(days=1)
    assert [note.file for note in backups.notes()] == names[:1:-1]


def test_what_a_crash_left_behind_goes_with_the_next_backup(backups: Backups, data: Path, tmp_path: Path) -> None:
    (tmp_path / "backups" / ".scratch" / "content").mkdir(parents=True)
    (tmp_path / "backups" / ".scratch" / "content" / "journal.db").write_text(SECRET)
    (tmp_path / "backups" / ".new.part").write_text("half")
    make(backups, data)
    assert not (tmp_path / "backups" / ".scratch").exists()
    assert not (tmp_path / "backups" / ".new.part").exists()


def test_two_backups_at_once_do_not_meet(backups: Backups, data: Path, tmp_path: Path) -> None:
    def meanwhile(_: Path) -> None:
        other = Backups(tmp_path / "backups", Keys(backups.device_identity, "age1"))
        with pytest.raises(TerminalRefused) as refused:
            make(other, data)
        assert code_of(refused) == "BACKUP_BUSY"

    make(backups, data, self_test=meanwhile)


def test_settings_and_policy_are_in_it(backups: Backups, data: Path, tmp_path: Path) -> None:
    (tmp_path / "policy.json").write_text('{"revision": 4}')
    file = backups.file(make(backups, data, state_files=(tmp_path / "policy.json", tmp_path / "absent.json")))
    sealing.unseal(file, tmp_path / "out", backups.device_identity, tmp_path / "plain")
    assert (tmp_path / "out" / "state" / "policy.json").read_text() == '{"revision": 4}'
    assert not (tmp_path / "out" / "state" / "absent.json").exists()


def test_no_name_from_outside_leads_out_of_the_backups(backups: Backups) -> None:
    for name in ("../keys.json", "/etc/passwd", "", "absent.age"):
        with pytest.raises(TerminalRefused) as refused:
            backups.file(name)
        assert code_of(refused) == "BACKUP_NOT_FOUND"


@pytest.mark.parametrize("name", ["../escape", "/etc/evil", "a/../../b"])
def test_a_forged_archive_writes_nothing_outside(tmp_path: Path, name: str) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.addfile(tarfile.TarInfo(name), io.BytesIO())
    identity = pyrage.x25519.Identity.generate()
    forged = pyrage.encrypt(zstandard.ZstdCompressor().compress(packed.getvalue()), [identity.to_public()])
    (tmp_path / "forged.age").write_bytes(forged)
    (tmp_path / "in").mkdir()
    with pytest.raises(TerminalRefused) as refused:
        sealing.unseal(tmp_path / "forged.age", tmp_path / "in" / "out", str(identity), tmp_path / "plain")
    assert code_of(refused) == "BACKUP_DAMAGED"
    assert not (tmp_path / "escape").exists()


def test_a_link_in_a_forged_archive_is_refused(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        link = tarfile.TarInfo("data")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        tar.addfile(link)
    identity = pyrage.x25519.Identity.generate()
    (tmp_path / "f.age").write_bytes(
        pyrage.encrypt(zstandard.ZstdCompressor().compress(packed.getvalue()), [identity.to_public()])
    )
    with pytest.raises(TerminalRefused) as refused:
        sealing.unseal(tmp_path / "f.age", tmp_path / "out", str(identity), tmp_path / "plain")
    assert code_of(refused) == "BACKUP_DAMAGED"


ROWS = st.lists(
    st.tuples(st.integers(-(2**60), 2**60), st.text(), st.none() | st.binary(), st.floats(allow_nan=False)), max_size=8
)


@settings(max_examples=25, deadline=None)
@given(ROWS, st.randoms(use_true_random=False))
def test_a_survey_sees_rows_not_their_order(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Any], shuffle: Any
) -> None:
    folder = tmp_path_factory.mktemp("survey")
    other = list(rows)
    shuffle.shuffle(other)
    for name, content in (("one", rows), ("two", other), ("three", [*rows, (0, "", None, 0.0)])):
        (folder / name).mkdir()
        with closing(sqlite3.connect(folder / name / "x.db")) as database, database:
            database.execute("CREATE TABLE t (a, b, c, d)")
            database.executemany("INSERT INTO t VALUES (?,?,?,?)", content)
    assert survey(folder / "one") == survey(folder / "two")
    assert survey(folder / "one").differences(survey(folder / "three")) == ["x.db:t"]


def test_a_survey_tells_text_from_bytes_and_numbers_from_text(tmp_path: Path) -> None:
    found = []
    for name, value in (("a", "5"), ("b", b"5"), ("c", 5), ("d", None), ("e", 5.0)):
        (tmp_path / name).mkdir()
        with closing(sqlite3.connect(tmp_path / name / "x.db")) as database, database:
            database.execute("CREATE TABLE t (a)")
            database.execute("INSERT INTO t VALUES (?)", (value,))
        found.append(survey(tmp_path / name).databases["x.db"]["t"].digest)
    assert len(set(found)) == len(found)
