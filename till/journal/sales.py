"""Recording sales and refunds: entry, payment and receipt in one transaction, once per form.

What the tables do not check by themselves is checked here; what the customer pays is the price less its adjustments.
"""

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from till.clock import business_day, stamp
from till.errors import Refused


class Adjustment(Protocol):
    """Something that lowers what the customer pays; features bring them."""

    @property
    def off_fen(self) -> int:
        """How much less is paid."""
        ...

    def write(self, db: sqlite3.Connection, sale_id: int) -> None:
        """Records it beside the sale, in the sale's transaction."""
        ...


@dataclass(frozen=True)
class SaleOrder:
    """A filled-in sale form."""

    form_key: str
    operator: str
    gross_fen: int
    given_fen: int
    adjustment: Adjustment | None = None

    @property
    def total_fen(self) -> int:
        """What the customer pays."""
        return self.gross_fen - (self.adjustment.off_fen if self.adjustment else 0)


@dataclass(frozen=True)
class RefundOrder:
    """A filled-in refund form; the cash goes back to the customer."""

    form_key: str
    operator: str
    approved_by: str
    refund_of: int
    amount_fen: int


@dataclass(frozen=True)
class Recorded:
    """The receipt a form got."""

    number: str
    total_fen: int

    def same(self, total_fen: int) -> str:
        """The number, for the same form posted again.

        Raises:
            Refused: FORM_USED when it now says another amount.
        """
        if self.total_fen != total_fen:
            raise Refused("FORM_USED", number=self.number)
        return self.number


def record_sale(db: sqlite3.Connection, order: SaleOrder, now: datetime) -> str:
    """Writes a sale and returns the number of its receipt; a form already recorded returns the receipt it got.

    Raises:
        Refused: AMOUNT_ZERO, CASH_TOO_LITTLE, FORM_USED.
    """
    if (recorded := recorded_form(db, order.form_key)) is not None:
        return recorded.same(order.total_fen)
    if order.total_fen <= 0:
        raise Refused("AMOUNT_ZERO")
    if order.given_fen < order.total_fen:
        raise Refused("CASH_TOO_LITTLE", missing_fen=order.total_fen - order.given_fen)
    cursor = db.execute(
        "INSERT INTO sales (kind, form_key, batch_id, operator, amount_fen, at, business_day) VALUES ('sale', ?, ?, ?, ?, ?, ?)",
        (order.form_key, open_batch(db), order.operator, order.gross_fen, stamp(now), business_day(now)),
    )
    sale_id = _id(cursor)
    if order.adjustment:
        order.adjustment.write(db, sale_id)
    return _pay(db, sale_id, order.total_fen, order.given_fen)


def record_refund(db: sqlite3.Connection, order: RefundOrder, now: datetime) -> str:
    """Writes a refund and returns the number of its receipt; a form already recorded returns the receipt it got.

    Raises:
        Refused: AMOUNT_ZERO, FORM_USED; REFUND_TOO_LARGE comes from the table itself.
    """
    if (recorded := recorded_form(db, order.form_key)) is not None:
        return recorded.same(order.amount_fen)
    if order.amount_fen <= 0:
        raise Refused("AMOUNT_ZERO")
    cursor = db.execute(
        "INSERT INTO sales (kind, form_key, batch_id, operator, approved_by, refund_of, amount_fen, at, business_day)"
        " VALUES ('refund', ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(order.form_key, open_batch(db), order.operator, order.approved_by),
            *(order.refund_of, order.amount_fen, stamp(now), business_day(now)),
        ),
    )
    return _pay(db, _id(cursor), order.amount_fen, order.amount_fen)


def open_batch(db: sqlite3.Connection) -> int:
    """The batch that sales go into; there is always exactly one."""
    (batch_id,) = db.execute("SELECT id FROM batches WHERE settled_at IS NULL").fetchone()
    return int(batch_id)


def recorded_form(db: sqlite3.Connection, form_key: str) -> Recorded | None:
    """What a form was recorded as, if it was."""
    row = db.execute(
        "SELECT r.number, r.total_fen FROM sales s JOIN receipts r ON r.sale_id = s.id WHERE s.form_key = ?",
        (form_key,),
    ).fetchone()
    return Recorded(*row) if row else None


def _pay(db: sqlite3.Connection, sale_id: int, total_fen: int, given_fen: int) -> str:
    db.execute(
        "INSERT INTO payments (sale_id, tender, amount_fen, given_fen) VALUES (?, 'cash', ?, ?)",
        (sale_id, total_fen, given_fen),
    )
    batch_id, position = db.execute(
        "SELECT batch_id, (SELECT count(*) FROM sales WHERE batch_id = s.batch_id) FROM sales s WHERE id = ?",
        (sale_id,),
    ).fetchone()
    number = f"{batch_id:06d}-{position:04d}"
    db.execute("INSERT INTO receipts (sale_id, number, total_fen) VALUES (?, ?, ?)", (sale_id, number, total_fen))
    return number


def _id(cursor: sqlite3.Cursor) -> int:
    if cursor.lastrowid is None:
        raise RuntimeError("an INSERT gave no row id")
    return cursor.lastrowid
