"""Settlement 结算: closes the open batch with its totals and opens the next. Cash only, so no host has to agree."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from till.clock import stamp
from till.journal.sales import open_batch
from till.journal.totals import Totals, of_batch


@dataclass(frozen=True)
class Settled:
    """A closed batch."""

    id: int
    settled_at: str
    totals: Totals


def settle(db: sqlite3.Connection, settled_by: str, now: datetime) -> Settled | None:
    """Closes the open batch; an empty one stays open and nothing is returned."""
    batch_id = open_batch(db)
    totals = of_batch(db, batch_id)
    if totals.count == 0:
        return None
    at = stamp(now)
    db.execute(
        "UPDATE batches SET settled_at = ?, settled_by = ?, sale_count = ?, sale_fen = ?, refund_count = ?, refund_fen = ? WHERE id = ?",
        (at, settled_by, totals.sale_count, totals.sale_fen, totals.refund_count, totals.refund_fen, batch_id),
    )
    db.execute("INSERT INTO batches (opened_at) VALUES (?)", (at,))
    return Settled(batch_id, at, totals)


def last_settled(db: sqlite3.Connection) -> Settled | None:
    """The batch closed last."""
    row = db.execute(
        "SELECT id, settled_at, sale_count, sale_fen, refund_count, refund_fen FROM batches WHERE settled_at IS NOT NULL"
        " ORDER BY id DESC LIMIT 1"
    ).fetchone()
    return Settled(row[0], row[1], Totals(*row[2:])) if row else None
