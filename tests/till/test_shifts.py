from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.till.driver import RunningTill, run_till
from tests.till.shop_floor import CASHIER, StillClock, floor
from till.edition import MIGRATIONS, READABLE
from till.errors import Refused
from till.journal import database
from till.journal.migrate import migrate
from till.shifts import drawer


def test_a_shift_is_opened_sold_in_and_counted(till: RunningTill) -> None:
    browser = till.browser()
    assert "开班" in browser.get("shift").text
    assert browser.post("shift", typed="20000", go="1").status == 303
    browser.sell(1250)
    page = browser.get("shift").text
    assert "¥200.00" in page
    assert "¥212.50" in page
    assert browser.post("shift", go="1").code == "NOTHING_COUNTED"
    assert browser.post("shift", typed="21200", go="1").status == 303
    assert "-¥0.50" in browser.get("shift").text
    assert "-¥0.50" in browser.get("totals").text


def test_keys_typed_one_by_one_make_the_float(till: RunningTill) -> None:
    browser = till.browser()
    for key in "5000":
        assert browser.post("shift", key=key).status == 303
    assert browser.post("shift", go="1").status == 303
    assert "¥50.00" in browser.get("shift").text


def test_a_sale_before_the_shift_is_not_in_it_and_a_refund_is(till: RunningTill) -> None:
    browser = till.browser("00")
    number = browser.sell(9_00)
    browser.post("shift", typed="0", go="1")
    browser.post(f"refund?number={number}", number=number, typed="400", go="1")
    assert "-¥4.00" in browser.get("shift").text


def test_one_shift_is_open_and_a_closed_one_is_fixed(tmp_path: Path) -> None:
    with floor(tmp_path) as shop:
        drawer.begin(shop.db, CASHIER, 100, shop.clock.now())
        with pytest.raises(Refused, match="SHIFT_IS_OPEN"):
            drawer.begin(shop.db, CASHIER, 100, shop.clock.now())
        drawer.close(shop.db, CASHIER, 100, shop.clock.now())
        with pytest.raises(Refused, match="NO_SHIFT_OPEN"):
            drawer.close(shop.db, CASHIER, 100, shop.clock.now())
        with pytest.raises(Exception, match="RECORDED"):
            shop.db.execute("UPDATE shifts SET counted_fen = 1")
        with pytest.raises(Exception, match="RECORDED"):
            shop.db.execute("DELETE FROM shifts")


def test_a_shift_open_over_a_way_down_and_up_counts_what_was_sold_meanwhile(tmp_path: Path) -> None:
    with floor(tmp_path) as shop:
        drawer.begin(shop.db, CASHIER, 100_00, shop.clock.now())
        shop.sell(7_00)
    migrate(tmp_path, 2, READABLE, MIGRATIONS, StillClock())
    with floor(tmp_path) as shop:
        shop.forms = 100
        shop.sell(3_00)
    migrate(tmp_path, 3, READABLE, MIGRATIONS, StillClock())
    with closing(database.open_existing(tmp_path)) as db:
        shift = drawer.running(db)
    assert shift is not None
    assert shift.expected_fen == 110_00


def test_self_test_of_a_shop_in_the_middle_of_a_shift_leaves_it_open(
    shop: Callable[[str], Path], tree: Callable[[str], Path]
) -> None:
    data = shop("1.2.0")
    with closing(database.open_existing(data)) as db:
        drawer.begin(db, CASHIER, 100_00, StillClock().now())
    code, answer = run_till(tree("1.2.0"), "self-test", "--data", data)
    assert code == 0, answer
    with closing(database.open_existing(data)) as db:
        assert drawer.running(db) is not None
