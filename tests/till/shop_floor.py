"""A journal in memory's reach: opened in the test's own process, with a clock that moves only when told."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from till.edition import MIGRATIONS
from till.journal import database, operators
from till.journal.receipts import load
from till.journal.sales import Adjustment, RefundOrder, SaleOrder, record_refund, record_sale
from till.journal.transactions import transaction

OPENED = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
CASHIER, SUPERVISOR = "01", "00"


@dataclass
class StillClock:
    """Time that passes when a test says so."""

    at: datetime = OPENED
    seconds: float = 0.0

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.seconds

    def passes(self, seconds: float) -> None:
        self.seconds += seconds
        self.at += timedelta(seconds=seconds)


@dataclass
class Floor:
    """Sells and refunds without pages."""

    db: sqlite3.Connection
    clock: StillClock = field(default_factory=StillClock)
    forms: int = 0

    def sell(self, gross_fen: int, adjustment: Adjustment | None = None, form_key: str = "") -> str:
        order = SaleOrder(form_key or self.new_form(), CASHIER, gross_fen, gross_fen, adjustment)
        with transaction(self.db) as db:
            return record_sale(db, order, self.clock.now())

    def refund(self, number: str, fen: int) -> str:
        order = RefundOrder(self.new_form(), CASHIER, SUPERVISOR, load(self.db, number).entry_id, fen)
        with transaction(self.db) as db:
            return record_refund(db, order, self.clock.now())

    def new_form(self) -> str:
        self.forms += 1
        return f"form {self.forms}"


@contextmanager
def floor(folder: Path, schema: int = len(MIGRATIONS)) -> Iterator[Floor]:
    """A fresh journal with a cashier and a supervisor, or the one that is there."""
    if not (folder / database.NAME).exists():
        database.create(folder, MIGRATIONS[:schema], OPENED.isoformat())
    with closing(database.open_existing(folder)) as db:
        for number in (CASHIER, SUPERVISOR):
            operators.admit(db, number)
        yield Floor(db)
