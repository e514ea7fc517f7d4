"""A power cut at any moment: no sale whose receipt was shown is lost, and a migration leaves one schema or the other."""

import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.till.driver import RunningTill, copied, run_till, till_command
from tests.till.shop_floor import floor
from till.discounts.rules import amount_off
from till.journal import books
from till.journal.sales import SaleOrder, record_sale
from till.journal.transactions import transaction

pytestmark = pytest.mark.kill
ROUNDS = 5


def test_no_acknowledged_sale_is_lost(shop: Callable[[str], Path], start: Callable[..., RunningTill]) -> None:
    data, shown = shop("1.2.0"), []
    dice = random.Random(4)
    for _ in range(ROUNDS):
        till = start(data).wait_ready()
        browser = till.browser()
        after_s = dice.uniform(0.01, 0.3)
        killer = threading.Timer(after_s, till.process.send_signal, (signal.SIGKILL,))
        killer.start()
        try:
            while True:
                shown.append(browser.sell(dice.randrange(1, 10_000)))
        except (OSError, HTTPException):
            till.kill()
        killer.join()
        with floor(data) as found:
            recorded = {number for (number,) in found.db.execute("SELECT number FROM entries")}
            assert books.disagreements(found.db) == []
        assert set(shown) <= recorded
        assert len(recorded) - len(shown) <= ROUNDS, "at most the one whose answer was cut off, per round"
    assert len(shown) == len(set(shown)) > ROUNDS


@pytest.mark.parametrize("to", [3, 1])
def test_a_killed_migration_leaves_one_schema_or_the_other(
    tree: Callable[[str], Path], tmp_path: Path, to: int
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with floor(data) as sold, transaction(sold.db) as db:
        for number in range(3_000):
            order = SaleOrder(
                f"{number}", "01", 10_00, 10_00, amount_off(10_00, 1 + number % 900) if number % 2 else None
            )
            record_sale(db, order, sold.clock.now())
    if to == 3:
        run_till(tree("1.2.0"), "migrate", "--data", data, "--to", "1")
    expected = total(data)
    seen, dice = set(), random.Random(to)
    for number in range(30):
        if number >= 6 and 4 - to in seen:
            break
        copy = copied(data, tmp_path / f"copy {number}")
        command = till_command(tree("1.2.0"), "migrate", "--data", copy, "--to", str(to))
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            while process.poll() is None and not (copy / "journal.db-wal").exists():
                time.sleep(0.001)
            time.sleep(dice.uniform(0, 0.06) if number % 2 else 0)
            process.kill()
        code, answer = run_till(tree("1.2.0"), "schema", "--data", copy)
        assert (code, answer["integrity"]) == (0, "ok")
        seen.add(answer["schema"])
        assert answer["schema"] in {1, 3}
        assert total(copy) == expected
        code, answer = run_till(tree("1.2.0"), "migrate", "--data", copy, "--to", str(to))
        assert code == 0
        assert total(copy) == expected
    assert 4 - to in seen, "no kill came in time; the test proves nothing"


def total(folder: Path) -> tuple[int, int]:
    with floor(folder) as found:
        assert books.disagreements(found.db) == []
        count, fen = found.db.execute("SELECT count(*), sum(total_fen) FROM entries").fetchone()
        return count, fen


def test_a_kill_while_the_first_journal_is_made_leaves_none_or_a_whole_one(
    tree: Callable[[str], Path], tmp_path: Path
) -> None:
    dice = random.Random(8)
    for number in range(6):
        data = tmp_path / f"data {number}"
        command = till_command(tree("1.2.0"), "migrate", "--data", data, "--to", "3")
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            while process.poll() is None and not data.exists():
                time.sleep(0.001)
            time.sleep(dice.uniform(0, 0.03))
            process.kill()
        code, answer = run_till(tree("1.2.0"), "migrate", "--data", data, "--to", "3")
        assert (code, answer["to"]) == (0, 3)
        assert run_till(tree("1.2.0"), "self-test", "--data", data)[0] == 0
