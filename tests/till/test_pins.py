from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.till.shop_floor import Floor, floor
from till.errors import Refused
from till.journal import operators
from till.journal.transactions import transaction


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Floor]:
    with floor(tmp_path) as found:
        yield found


@pytest.mark.parametrize(
    "pin", ["111111", "123456", "654321", "890123", "121212", "123123", "112211", "147258", "000000"]
)
def test_a_pin_anybody_would_try_is_refused(pin: str) -> None:
    with pytest.raises(Refused) as refused:
        operators.check_new_pin(pin)
    assert refused.value.code == "PIN_TRIVIAL"


@pytest.mark.parametrize("pin", ["", "12345", "12345a", "1234567890123", "２５８０１３"])
def test_a_pin_has_6_to_12_digits(pin: str) -> None:
    with pytest.raises(Refused) as refused:
        operators.check_new_pin(pin)
    assert refused.value.code == "PIN_TOO_SHORT"


def test_only_the_right_pin_fits_and_it_is_not_kept(shop: Floor) -> None:
    operators.set_pin(shop.db, "01", "258013")
    check = operators.pin_check(shop.db, "01", shop.clock.now())
    assert check.fits("258013")
    assert not check.fits("258014")
    assert "258013" not in str(shop.db.execute("SELECT * FROM operators").fetchall())


def test_an_operator_without_a_pin_cannot_sign_in(shop: Floor) -> None:
    assert not operators.pin_check(shop.db, "00", shop.clock.now()).fits("")


def test_five_wrong_tries_lock_that_operator_for_ten_minutes(shop: Floor) -> None:
    operators.set_pin(shop.db, "01", "258013")
    told = []
    for _ in range(5):
        with transaction(shop.db) as db:
            told.append(operators.note_wrong_pin(db, "01", shop.clock.now()))
    assert [(one.code, one.facts.get("left")) for one in told] == [
        *(("PIN_WRONG", left) for left in (4, 3, 2, 1)),
        ("PIN_LOCKED", None),
    ]
    with pytest.raises(Refused) as refused:
        operators.pin_check(shop.db, "01", shop.clock.now())
    assert refused.value.code == "PIN_LOCKED"
    shop.clock.passes(600)
    assert operators.pin_check(shop.db, "01", shop.clock.now()).fits("258013")


def test_a_dismissed_cashier_is_gone_but_their_sales_stay(shop: Floor) -> None:
    shop.sell(1_00)
    operators.dismiss(shop.db, "01")
    assert [one.number for one in operators.everyone(shop.db)] == ["00"]
    assert shop.db.execute("SELECT operator FROM entries").fetchall() == [("01",)]
    assert operators.next_cashier(shop.db) == "01"
    with pytest.raises(Refused):
        operators.dismiss(shop.db, "00")
