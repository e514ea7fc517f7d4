import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.till.driver import copied, run_till, till_command
from tests.till.shop_floor import floor
from till.discounts.rules import paying_percent
from till.journal.sales import SaleOrder, record_sale
from till.journal.transactions import transaction
from till.locks import FileLock

Tree = Callable[[str], Path]


def rows(folder: Path) -> list[object]:
    with floor(folder) as shop:
        names = [name for (name,) in shop.db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1")]
        return [(name, shop.db.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall()) for name in names]


def test_an_empty_folder_has_no_schema_yet_and_migrating_makes_a_journal(tree: Tree, tmp_path: Path) -> None:
    assert run_till(tree("1.1.0"), "schema", "--data", tmp_path) == (0, {"schema": 0, "integrity": "ok"})
    code, answer = run_till(tree("1.1.0"), "migrate", "--data", tmp_path, "--to", "2")
    assert (code, answer["from"], answer["to"]) == (0, 0, 2)
    assert run_till(tree("1.1.0"), "schema", "--data", tmp_path) == (0, {"schema": 2, "integrity": "ok"})


def test_the_old_version_refuses_the_new_journal(tree: Tree, shop: Callable[[str], Path]) -> None:
    data = shop("1.1.0")
    for command in (["schema"], ["self-test"], ["migrate", "--to", "1"]):
        code, answer = run_till(tree("1.0.0"), command[0], "--data", data, *command[1:])
        assert (code, answer["code"]) == (1, "SCHEMA_TOO_NEW"), command


def test_the_new_version_asks_for_the_migration_first(tree: Tree, shop: Callable[[str], Path]) -> None:
    code, answer = run_till(tree("1.1.0"), "self-test", "--data", shop("1.0.0"))
    assert (code, answer["code"]) == (1, "SCHEMA_NEEDS_MIGRATION")


def test_migrating_twice_is_migrating_once(tree: Tree, shop: Callable[[str], Path]) -> None:
    data = shop("1.0.0")
    assert run_till(tree("1.1.0"), "migrate", "--data", data, "--to", "2")[1]["from"] == 1
    after_once = rows(data)
    assert run_till(tree("1.1.0"), "migrate", "--data", data, "--to", "2")[1]["from"] == 2
    assert rows(data) == after_once


def test_going_back_keeps_the_money_and_the_old_version_works_with_it(tree: Tree, shop: Callable[[str], Path]) -> None:
    data = shop("1.1.0")
    with floor(data) as sold:
        sold.sell(99_99, paying_percent(99_99, 75))
    assert run_till(tree("1.1.0"), "migrate", "--data", data, "--to", "1")[0] == 0
    code, answer = run_till(tree("1.0.0"), "self-test", "--data", data)
    assert (code, answer["ok"]) == (0, True)
    with floor(data) as sold:
        assert sold.db.execute("SELECT total_fen FROM entries").fetchall() == [(74_99,)]


@pytest.mark.parametrize("to", ["0", "3"])
def test_a_schema_nobody_knows_is_refused(tree: Tree, shop: Callable[[str], Path], to: str) -> None:
    code, answer = run_till(tree("1.1.0"), "migrate", "--data", shop("1.1.0"), "--to", to)
    assert (code, answer["code"]) == (1, "SCHEMA_UNKNOWN")


@pytest.mark.parametrize("version", ["1.0.0", "1.1.0", "1.2.0"])
def test_a_good_version_passes_its_self_test_and_leaves_the_copy_as_it_was(
    tree: Tree, shop: Callable[[str], Path], tmp_path: Path, version: str
) -> None:
    data = shop(version)
    with floor(data) as sold:
        sold.refund(sold.sell(10_00), 1_00)
    copy = copied(data, tmp_path / "copy")
    before = rows(copy)
    code, answer = run_till(tree(version), "self-test", "--data", copy)
    assert (code, answer["ok"], answer["version"]) == (0, True, version), answer
    assert rows(copy) == before
    names = [check["name"] for check in answer["checks"]]  # type: ignore[attr-defined]
    expected = ["journal_sound", "write_read_back", "totals_add_up", "receipt_renders", "lock_works"]
    more = {
        "1.0.0": [],
        "1.1.0": ["discounts_apply"],
        "1.2.0": ["discounts_apply", "shift_counts", "printer_answers", "reader_answers"],
    }
    assert names == expected + more[version]


def test_the_self_test_finds_books_that_disagree(tree: Tree, shop: Callable[[str], Path]) -> None:
    data = shop("1.1.0")
    with floor(data) as sold:
        sold.sell(10_00)
        sold.db.execute("DROP TRIGGER receipts_fixed")
        sold.db.execute("UPDATE receipts SET total_fen = 9")
        sold.db.execute(
            "CREATE TRIGGER receipts_fixed BEFORE UPDATE ON receipts BEGIN SELECT raise(ABORT, 'RECORDED'); END"
        )
    code, answer = run_till(tree("1.1.0"), "self-test", "--data", data)
    assert (code, answer["ok"]) == (1, False)
    assert "receipts that differ" in answer["checks"][0]["detail"]  # type: ignore[index]


def test_data_that_somebody_writes_are_locked(tree: Tree, shop: Callable[[str], Path]) -> None:
    data = shop("1.1.0")
    lock = FileLock(data)
    assert lock.take_exclusive()
    try:
        for command in (["self-test"], ["migrate", "--to", "1"]):
            code, answer = run_till(tree("1.1.0"), command[0], "--data", data, *command[1:])
            assert (code, answer["code"]) == (1, "DATA_LOCKED"), command
    finally:
        lock.release()


def on_a_small_disk(blocks: int, command: list[str]) -> tuple[int, dict[str, object]]:
    """The command where no file may grow beyond so many blocks of 512 bytes."""
    limited = ["sh", "-c", f'ulimit -f {blocks}; exec "$@"', "sh", *command]
    done = subprocess.run(limited, stdout=subprocess.PIPE, text=True, timeout=60, check=False)
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize(("blocks", "code"), [(0, "DATA_FOLDER_UNUSABLE"), (65, "JOURNAL_NOT_WRITTEN")])
def test_a_disk_that_takes_nothing_leaves_the_old_schema(
    tree: Tree, shop: Callable[[str], Path], blocks: int, code: str
) -> None:
    data = shop("1.1.0")
    with floor(data) as sold, transaction(sold.db) as db:
        for number in range(300):  # so many rows change on the way down that they do not fit
            order = SaleOrder(f"{number}", "01", 10_00, 10_00, paying_percent(10_00, 75))
            record_sale(db, order, sold.clock.now())
    before = rows(data)
    command = till_command(tree("1.1.0"), "migrate", "--data", data, "--to", "1")
    exit_code, answer = on_a_small_disk(blocks, command)
    assert (exit_code, answer["code"]) == (1, code)
    assert run_till(tree("1.1.0"), "schema", "--data", data)[1]["schema"] == 2
    assert rows(data) == before


@pytest.mark.parametrize("blocks", [0, 65])
def test_a_disk_that_takes_nothing_makes_no_half_journal(tree: Tree, tmp_path: Path, blocks: int) -> None:
    data = tmp_path / "data"
    code, answer = on_a_small_disk(blocks, till_command(tree("1.1.0"), "migrate", "--data", data, "--to", "2"))
    assert (code, answer["code"]) == (1, "JOURNAL_NOT_WRITTEN")
    assert run_till(tree("1.1.0"), "schema", "--data", data) == (0, {"schema": 0, "integrity": "ok"})


def test_wrong_usage_exits_2(tree: Tree) -> None:
    for arguments in ([], ["sell"], ["schema"], ["migrate", "--data", "x"], ["migrate", "--data", "x", "--to", "two"]):
        done = subprocess.run(
            till_command(tree("1.1.0"), *arguments), capture_output=True, text=True, timeout=30, check=False
        )
        assert (done.returncode, done.stdout) == (2, ""), arguments
        assert "usage:" in done.stderr


def test_a_data_folder_that_cannot_be_is_refused(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for command in (["schema"], ["self-test"], ["migrate", "--to", "2"]):
        code, answer = run_till(tree("1.1.0"), command[0], "--data", tmp_path / "file" / "data", *command[1:])
        assert (code, answer["code"]) == (1, "DATA_FOLDER_UNUSABLE"), command


@pytest.mark.parametrize(
    ("content", "mode", "code"),
    [
        ("99 918274\n", 0o644, "PIN_FILE_WRONG"),
        ("99\n", 0o600, "PIN_FILE_WRONG"),
        ("admin 918274\n", 0o600, "PIN_FILE_WRONG"),
        ("99 91827\n", 0o600, "PIN_TOO_SHORT"),
        ("00 604713\n99 123456\n", 0o600, "PIN_TRIVIAL"),
    ],
)
def test_pins_that_are_not_safe_are_refused_all_together(
    tree: Tree, tmp_path: Path, content: str, mode: int, code: str
) -> None:
    pins = tmp_path / "pins"
    pins.write_text(content, encoding="ascii")
    pins.chmod(mode)
    exit_code, answer = run_till(tree("1.1.0"), "enrol", "--data", tmp_path / "data", "--pin-file", pins)
    assert (exit_code, answer["code"]) == (1, code)
    if (tmp_path / "data" / "journal.db").exists():
        with floor(tmp_path / "data") as shop:
            assert shop.db.execute("SELECT count(*) FROM operators WHERE pin_hash <> x''").fetchone() == (0,)


def test_a_pin_somebody_set_is_never_replaced(tree: Tree, shop: Callable[[str], Path], pin_file: Path) -> None:
    code, answer = run_till(tree("1.1.0"), "enrol", "--data", shop("1.1.0"), "--pin-file", pin_file)
    assert (code, answer["code"]) == (1, "PIN_ALREADY_SET")
