"""Whether the books agree with themselves: payments = receipts = entries = totals of settled batches, no refund
above its sale.
"""

import sqlite3

from till.journal.sales import open_batch

DISAGREEMENTS = (
    (
        "entries without a receipt",
        "SELECT count(*) FROM sales WHERE id > :after AND id NOT IN (SELECT sale_id FROM receipts)",
    ),
    (
        "receipts that differ",
        "SELECT count(*) FROM entries e JOIN receipts r ON r.sale_id = e.id WHERE e.id > :after AND e.total_fen <> r.total_fen",
    ),
    (
        "payments that differ",
        "SELECT count(*) FROM entries e WHERE id > :after AND total_fen <> (SELECT coalesce(sum(amount_fen), 0) FROM payments WHERE sale_id = e.id)",
    ),
    (
        "refunds above their sale",
        """
        SELECT count(*)
        FROM (SELECT refund_of, sum(total_fen) AS back FROM entries
            WHERE refund_of IS NOT NULL AND id > :after GROUP BY refund_of) b
        JOIN entries e ON e.id = b.refund_of WHERE b.back > e.total_fen OR e.kind <> 'sale'
        """,
    ),
)
SETTLED = """
SELECT count(*) FROM batches b WHERE settled_at IS NOT NULL AND :after = 0 AND
    (sale_fen - refund_fen <> (SELECT coalesce(sum(CASE kind WHEN 'sale' THEN total_fen ELSE -total_fen END), 0) FROM entries WHERE batch_id = b.id)
    OR sale_count + refund_count <> (SELECT count(*) FROM entries WHERE batch_id = b.id))
"""


def disagreements(db: sqlite3.Connection, *, open_batch_only: bool = False) -> list[str]:
    """What does not agree, in words for a log; empty when all is well."""
    after = 0
    if open_batch_only:
        (after,) = db.execute(
            "SELECT coalesce(min(id), 0) - 1 FROM sales WHERE batch_id = ?", (open_batch(db),)
        ).fetchone()
    checks = (*DISAGREEMENTS, ("settled batches that differ", SETTLED))
    counted = ((name, db.execute(query, {"after": after}).fetchone()[0]) for name, query in checks)
    return [f"{count} {name}" for name, count in counted if count]
