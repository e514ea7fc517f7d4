import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.till.shop_floor import CASHIER, Floor, floor
from till.clock import business_day
from till.discounts.rules import amount_off, paying_percent
from till.edition import MIGRATIONS
from till.errors import Refused
from till.journal import batches, books, receipts, totals
from till.journal.journal import Journal
from till.journal.sales import SaleOrder, open_batch, record_sale
from till.journal.transactions import transaction


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Floor]:
    with floor(tmp_path) as found:
        yield found


def code_of(refused: pytest.ExceptionInfo[Refused]) -> str:
    return refused.value.code


def test_a_sale_gets_a_payment_and_a_receipt(shop: Floor) -> None:
    number = shop.sell(12_50)
    receipt = receipts.load(shop.db, number)
    assert (receipt.number, receipt.total_fen, receipt.kind) == ("000001-0001", 12_50, "sale")
    assert shop.db.execute("SELECT tender, amount_fen FROM payments").fetchall() == [("cash", 12_50)]


def test_the_same_form_sells_once(shop: Floor) -> None:
    assert shop.sell(5_00, form_key="tapped twice") == shop.sell(5_00, form_key="tapped twice")
    assert totals.of_batch(shop.db, 1).sale_count == 1


def test_a_form_that_says_another_amount_the_second_time_is_refused(shop: Floor) -> None:
    shop.sell(5_00, form_key="changed")
    with pytest.raises(Refused) as refused:
        shop.sell(6_00, form_key="changed")
    assert code_of(refused) == "FORM_USED"


def test_too_little_cash_sells_nothing(shop: Floor) -> None:
    with pytest.raises(Refused) as refused, transaction(shop.db) as db:
        record_sale(db, SaleOrder("f", CASHIER, 10_00, 9_99), shop.clock.now())
    assert code_of(refused) == "CASH_TOO_LITTLE"
    assert totals.of_batch(shop.db, 1).count == 0


def test_refunds_of_a_sale_never_exceed_it(shop: Floor) -> None:
    number = shop.sell(10_00)
    shop.refund(number, 6_00)
    with pytest.raises(Refused) as refused:
        shop.refund(number, 4_01)
    assert code_of(refused) == "REFUND_TOO_LARGE"
    shop.refund(number, 4_00)
    assert receipts.load(shop.db, number).refundable_fen == 0


def test_a_discounted_sale_is_refunded_at_most_at_what_was_paid(shop: Floor) -> None:
    number = shop.sell(10_00, paying_percent(10_00, 80))
    with pytest.raises(Refused) as refused:
        shop.refund(number, 8_01)
    assert code_of(refused) == "REFUND_TOO_LARGE"
    shop.refund(number, 8_00)


def test_refunds_never_exceed_a_sale_of_the_first_schema_either(tmp_path: Path) -> None:
    with floor(tmp_path, schema=1) as shop:
        number = shop.sell(10_00)
        with pytest.raises(Refused) as refused:
            shop.refund(number, 10_01)
        assert code_of(refused) == "REFUND_TOO_LARGE"
        shop.refund(number, 10_00)


def test_a_refund_cannot_be_refunded(shop: Floor) -> None:
    refund = shop.refund(shop.sell(10_00), 5_00)
    with pytest.raises(Refused):
        shop.refund(refund, 1)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE sales SET amount_fen = 1",
        "DELETE FROM sales",
        "UPDATE payments SET amount_fen = 1, given_fen = 1",
        "DELETE FROM payments",
        "UPDATE receipts SET total_fen = 1",
        "DELETE FROM receipts",
        "UPDATE discounts SET off_fen = 1",
        "DELETE FROM discounts",
        "UPDATE batches SET sale_fen = 0 WHERE settled_at IS NOT NULL",
        "DELETE FROM batches",
    ],
)
def test_what_was_recorded_is_never_changed(shop: Floor, change: str) -> None:
    shop.sell(10_00, amount_off(10_00, 1_00))
    batches.settle(shop.db, CASHIER, shop.clock.now())
    with pytest.raises(sqlite3.IntegrityError, match="RECORDED"):
        shop.db.execute(change)


def test_settling_closes_the_batch_with_its_totals_and_opens_the_next(shop: Floor) -> None:
    shop.refund(shop.sell(10_00), 1_00)
    shop.sell(2_50)
    settled = batches.settle(shop.db, CASHIER, shop.clock.now())
    assert settled is not None
    assert (settled.totals.sale_fen, settled.totals.refund_fen, settled.totals.net_fen) == (12_50, 1_00, 11_50)
    assert open_batch(shop.db) == settled.id + 1
    assert shop.sell(1_00) == "000002-0001"


def test_an_empty_batch_is_not_settled(shop: Floor) -> None:
    assert batches.settle(shop.db, CASHIER, shop.clock.now()) is None
    assert open_batch(shop.db) == 1


def test_a_day_has_its_own_totals_whatever_batch_its_sales_are_in(shop: Floor) -> None:
    shop.sell(1_00)
    first_day = business_day(shop.clock.now())
    shop.clock.at += timedelta(days=1)
    shop.sell(2_00)
    assert totals.of_day(shop.db, first_day).sale_fen == 1_00
    assert totals.of_batch(shop.db, 1).sale_fen == 3_00


def test_a_full_disk_refuses_the_sale_and_keeps_the_earlier_ones(shop: Floor) -> None:
    shop.sell(1_00)
    (pages,) = shop.db.execute("PRAGMA page_count").fetchone()
    shop.db.execute(f"PRAGMA max_page_count = {pages}")
    sold = 1
    with pytest.raises(Refused) as refused:
        for _ in range(10_000):
            shop.sell(1_00)
            sold += 1
    assert code_of(refused) == "DISK_FULL"
    assert totals.of_batch(shop.db, 1).sale_count == sold
    assert books.disagreements(shop.db) == []


def test_a_proving_journal_refuses_every_write_until_it_may_sell(shop: Floor, tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, MIGRATIONS, proving=True)
    with pytest.raises(Refused) as refused, journal.writing():
        pass
    assert code_of(refused) == "PROVING"
    with journal.reading() as db, pytest.raises(sqlite3.OperationalError, match="readonly"):
        db.execute("INSERT INTO batches (opened_at, settled_at) VALUES ('', '')")
    journal.allow_writing()
    with journal.writing() as db:
        record_sale(db, SaleOrder("f", CASHIER, 1, 1), shop.clock.now())
    journal.close()


def test_a_closed_journal_says_the_till_is_stopping(shop: Floor, tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, MIGRATIONS)
    journal.close()
    with pytest.raises(Refused) as refused, journal.writing():
        pass
    assert code_of(refused) == "STOPPING"


def test_books_that_disagree_are_found(shop: Floor) -> None:
    shop.sell(10_00)
    shop.db.execute("DROP TRIGGER payments_fixed")
    shop.db.execute("UPDATE payments SET amount_fen = 999")
    assert books.disagreements(shop.db) == ["1 payments that differ"]
