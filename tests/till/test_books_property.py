"""Whatever is sold, refunded and settled in whatever order: payments = receipts = batch totals, also across migrations."""

import sqlite3
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.till.shop_floor import CASHIER, Floor, StillClock, floor
from till.discounts.rules import amount_off, paying_percent
from till.edition import MIGRATIONS, READABLE
from till.errors import Refused
from till.journal import batches, books
from till.journal.migrate import migrate
from till.shifts import drawer

FEN = st.integers(1, 200_000)


@dataclass(frozen=True)
class Sale:
    fen: int


@dataclass(frozen=True)
class Percent:
    fen: int
    percent: int


@dataclass(frozen=True)
class Off:
    fen: int
    off_fen: int


@dataclass(frozen=True)
class Refund:
    of: int
    fen: int


@dataclass(frozen=True)
class Settle:
    pass


@dataclass(frozen=True)
class OpenDrawer:
    float_fen: int


@dataclass(frozen=True)
class CountDrawer:
    counted_fen: int


ACTS = st.one_of(
    st.builds(OpenDrawer, st.integers(0, 50_000)),
    st.builds(CountDrawer, st.integers(0, 500_000)),
    st.builds(Sale, FEN),
    st.builds(Percent, FEN, st.integers(1, 99)),
    st.builds(Off, FEN, FEN),
    st.builds(Refund, st.integers(0, 20), FEN),
    st.builds(Settle),
)


def trade(shop: Floor, acts: list[object]) -> None:
    """Does it all; what is refused must leave no trace, which the books show."""
    numbers: list[str] = []
    for act in acts:
        with suppress(Refused):
            match act:
                case Sale(fen):
                    numbers.append(shop.sell(fen))
                case Percent(fen, percent):
                    numbers.append(shop.sell(fen, paying_percent(fen, percent)))
                case Off(fen, off_fen):
                    numbers.append(shop.sell(fen, amount_off(fen, off_fen)))
                case Refund(of, fen) if numbers:
                    shop.refund(numbers[of % len(numbers)], fen)
                case Settle():
                    batches.settle(shop.db, CASHIER, shop.clock.now())
                case OpenDrawer(float_fen):
                    drawer.begin(shop.db, CASHIER, float_fen, shop.clock.now())
                case CountDrawer(counted_fen):
                    drawer.close(shop.db, CASHIER, counted_fen, shop.clock.now())


def sums(db: sqlite3.Connection) -> list[object]:
    """What every version must agree on, per batch and kind."""
    return [
        db.execute(
            "SELECT batch_id, kind, count(*), sum(total_fen) FROM entries GROUP BY 1, 2 ORDER BY 1, 2"
        ).fetchall(),
        db.execute("SELECT * FROM batches ORDER BY id").fetchall(),
        db.execute("SELECT * FROM payments ORDER BY id").fetchall(),
        db.execute("SELECT * FROM receipts ORDER BY sale_id").fetchall(),
        db.execute("SELECT id, number, total_fen, refund_of, at, business_day FROM entries ORDER BY id").fetchall(),
    ]


def business_data(db: sqlite3.Connection) -> list[object]:
    """Every row of schema 3."""
    tables = ("journal", "operators", "batches", "sales", "payments", "receipts", "discounts", "shifts")
    return [db.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in tables]


@settings(max_examples=60, deadline=None)
@given(st.lists(ACTS, max_size=25))
def test_payments_receipts_and_batch_totals_are_the_same_money(acts: list[object]) -> None:
    with tempfile.TemporaryDirectory() as folder, floor(Path(folder)) as shop:
        trade(shop, acts)
        assert books.disagreements(shop.db) == []
        (paid,) = shop.db.execute(
            "SELECT coalesce(sum(CASE kind WHEN 'sale' THEN p.amount_fen ELSE -p.amount_fen END), 0)"
            " FROM payments p JOIN sales s ON s.id = p.sale_id"
        ).fetchone()
        (printed,) = shop.db.execute(
            "SELECT coalesce(sum(CASE kind WHEN 'sale' THEN r.total_fen ELSE -r.total_fen END), 0)"
            " FROM receipts r JOIN sales s ON s.id = r.sale_id"
        ).fetchone()
        batches.settle(shop.db, CASHIER, shop.clock.now())
        (settled,) = shop.db.execute("SELECT coalesce(sum(sale_fen - refund_fen), 0) FROM batches").fetchone()
        assert paid == printed == settled


@settings(max_examples=40, deadline=None)
@given(st.lists(ACTS, max_size=20), st.lists(st.one_of(st.builds(Sale, FEN), st.builds(Settle)), max_size=5))
def test_down_keeps_every_total_and_up_restores_every_row(acts: list[object], meanwhile: list[object]) -> None:
    clock = StillClock()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with floor(folder) as shop:
            trade(shop, acts)
            before, rows = sums(shop.db), business_data(shop.db)
        assert migrate(folder, 1, READABLE, MIGRATIONS, clock) == 3
        with floor(folder) as shop:
            assert sums(shop.db) == before
            assert books.disagreements(shop.db) == []
        assert migrate(folder, 3, READABLE, MIGRATIONS, clock) == 1
        with floor(folder) as shop:
            assert business_data(shop.db) == rows
        migrate(folder, 1, READABLE, MIGRATIONS, clock)
        with floor(folder) as shop:
            shop.forms = 1000
            trade(shop, meanwhile)
            sold_meanwhile = sums(shop.db)
        migrate(folder, 3, READABLE, MIGRATIONS, clock)
        with floor(folder) as shop:
            assert sums(shop.db) == sold_meanwhile
            assert books.disagreements(shop.db) == []


@settings(max_examples=40, deadline=None)
@given(st.lists(ACTS, max_size=20), st.lists(st.integers(1, 3), max_size=8))
def test_any_way_through_three_schemas_keeps_the_sums_and_comes_back_to_every_row(
    acts: list[object], way: list[int]
) -> None:
    clock = StillClock()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with floor(folder) as shop:
            trade(shop, acts)
            before, rows = sums(shop.db), business_data(shop.db)
        for schema in way:
            migrate(folder, schema, READABLE, MIGRATIONS, clock)
            with floor(folder) as shop:
                assert sums(shop.db) == before
                assert books.disagreements(shop.db) == []
        migrate(folder, 3, READABLE, MIGRATIONS, clock)
        with floor(folder) as shop:
            assert business_data(shop.db) == rows
