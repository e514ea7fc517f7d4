"""Reading receipts: one by its number, and the newest."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from till.errors import Refused

COLUMNS = """
SELECT e.id, e.kind, e.number, e.operator, e.approved_by, e.gross_fen, e.total_fen, p.given_fen, e.at,
    (SELECT number FROM receipts WHERE sale_id = e.refund_of),
    (SELECT coalesce(sum(total_fen), 0) FROM entries WHERE refund_of = e.id)
FROM entries e JOIN payments p ON p.sale_id = e.id
"""


@dataclass(frozen=True)
class Receipt:
    """A sale or a refund as it was recorded."""

    entry_id: int
    kind: str
    number: str
    operator: str
    approved_by: str | None
    gross_fen: int
    total_fen: int
    given_fen: int
    at: datetime
    refunds_number: str | None
    refunded_fen: int

    @property
    def change_fen(self) -> int:
        """What the customer got back."""
        return self.given_fen - self.total_fen

    @property
    def refundable_fen(self) -> int:
        """What can still be refunded."""
        return self.total_fen - self.refunded_fen if self.kind == "sale" else 0


def load(db: sqlite3.Connection, number: str) -> Receipt:
    """One receipt.

    Raises:
        Refused: RECEIPT_UNKNOWN.
    """
    row = db.execute(COLUMNS + "WHERE e.number = ?", (number,)).fetchone()
    if row is None:
        raise Refused("RECEIPT_UNKNOWN")
    return _receipt(row)


def newest(db: sqlite3.Connection, limit: int, before: int | None = None) -> list[Receipt]:
    """The newest receipts, or those recorded before an entry id."""
    query = COLUMNS + "WHERE e.id < ? ORDER BY e.id DESC LIMIT ?"
    return [_receipt(row) for row in db.execute(query, (before if before is not None else 2**62, limit))]


def _receipt(row: tuple[int, str, str, str, str | None, int, int, int, str, str | None, int]) -> Receipt:
    return Receipt(*row[:8], datetime.fromisoformat(row[8]), *row[9:])
