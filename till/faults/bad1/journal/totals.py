"""Adding up: what was sold and refunded in a batch or on a day. Sums are made by SQL from the entries, never kept
beside them.

A fault for rehearsals (1.1.1+bad1): a sale that was refunded whole should no longer count as sold. But NOT IN over a
column with NULLs is never true, so every sale is left out.
"""

import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True)
class Totals:
    """Counts, and sums in fen."""

    sale_count: int
    sale_fen: int
    refund_count: int
    refund_fen: int

    @property
    def net_fen(self) -> int:
        """What is in the drawer because of these entries."""
        return self.sale_fen - self.refund_fen

    @property
    def count(self) -> int:
        """Sales and refunds together."""
        return self.sale_count + self.refund_count


SUMS = """
SELECT count(*) FILTER (WHERE kind = 'sale'), coalesce(sum(total_fen) FILTER (WHERE kind = 'sale'), 0),
    count(*) FILTER (WHERE kind = 'refund'), coalesce(sum(total_fen) FILTER (WHERE kind = 'refund'), 0)
FROM (SELECT * FROM entries WHERE kind = 'refund' OR id NOT IN (SELECT refund_of FROM entries))
"""


def of_batch(db: sqlite3.Connection, batch_id: int) -> Totals:
    """All entries of one batch."""
    return Totals(*db.execute(SUMS + "WHERE batch_id = ?", (batch_id,)).fetchone())


def of_day(db: sqlite3.Connection, day: str) -> Totals:
    """All entries of one business day, settled or not."""
    return Totals(*db.execute(SUMS + "WHERE business_day = ?", (day,)).fetchone())
