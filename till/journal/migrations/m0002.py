"""Schema 2: discounts. `sales.amount_fen` becomes the price before the discount; what the customer pays is
`entries.total_fen`.

Down: a discount becomes part of the amount, so that every total stays equal to the fen; what schema 1 cannot say is
kept in `kept_discounts`, which schema 1 ignores, and is put back on the way up.
"""

from sqlite3 import Connection

from till.journal.migrations import Step, m0001

DISCOUNTS = """
CREATE TABLE discounts (
    sale_id INTEGER PRIMARY KEY REFERENCES sales (id),
    percent INTEGER CHECK (percent BETWEEN 1 AND 99),
    off_fen INTEGER NOT NULL CHECK (typeof(off_fen) = 'integer' AND off_fen > 0)
)
"""
ENTRIES = """
CREATE VIEW entries AS
SELECT s.id, s.kind, r.number, s.batch_id, s.operator, s.approved_by, s.refund_of, s.amount_fen AS gross_fen,
    s.amount_fen - coalesce(d.off_fen, 0) AS total_fen, s.at, s.business_day
FROM sales s JOIN receipts r ON r.sale_id = s.id LEFT JOIN discounts d ON d.sale_id = s.id
"""
REFUND_WITHIN_SALE = """
CREATE TRIGGER refund_within_sale BEFORE INSERT ON sales
WHEN NEW.kind = 'refund' AND NEW.amount_fen > coalesce((SELECT amount_fen FROM sales WHERE id = NEW.refund_of AND kind = 'sale'), 0)
    - (SELECT coalesce(sum(off_fen), 0) FROM discounts WHERE sale_id = NEW.refund_of)
    - (SELECT coalesce(sum(amount_fen), 0) FROM sales WHERE refund_of = NEW.refund_of)
BEGIN SELECT raise(ABORT, 'REFUND_TOO_LARGE'); END
"""
DISCOUNT_BELOW_PRICE = """
CREATE TRIGGER discount_below_price BEFORE INSERT ON discounts
WHEN NEW.off_fen >= coalesce((SELECT amount_fen FROM sales WHERE id = NEW.sale_id AND kind = 'sale'), 0)
BEGIN SELECT raise(ABORT, 'DISCOUNT_TOO_LARGE'); END
"""
DISCOUNTS_FIXED = "CREATE TRIGGER discounts_fixed BEFORE UPDATE ON discounts BEGIN SELECT raise(ABORT, 'RECORDED'); END"
DISCOUNTS_KEPT = "CREATE TRIGGER discounts_kept BEFORE DELETE ON discounts BEGIN SELECT raise(ABORT, 'RECORDED'); END"


def up(db: Connection) -> None:
    """Makes room for discounts and puts back those that an earlier way down kept."""
    for statement in ("DROP VIEW entries", "DROP TRIGGER refund_within_sale", DISCOUNTS):
        db.execute(statement)
    if db.execute("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'kept_discounts'").fetchone():
        db.execute("DROP TRIGGER sales_fixed")
        db.execute(
            "UPDATE sales SET amount_fen = amount_fen + (SELECT off_fen FROM kept_discounts WHERE sale_id = sales.id)"
            " WHERE id IN (SELECT sale_id FROM kept_discounts)"
        )
        db.execute("INSERT INTO discounts (sale_id, percent, off_fen) SELECT sale_id, percent, off_fen FROM kept_discounts")
        db.execute("DROP TABLE kept_discounts")
        db.execute(m0001.SALES_FIXED)
    for statement in (ENTRIES, REFUND_WITHIN_SALE, DISCOUNT_BELOW_PRICE, DISCOUNTS_FIXED, DISCOUNTS_KEPT):
        db.execute(statement)


def down(db: Connection) -> None:
    """Makes each discount part of its amount and keeps what it was."""
    for statement in (
        "DROP VIEW entries",
        "DROP TRIGGER refund_within_sale",
        "DROP TRIGGER sales_fixed",
        "CREATE TABLE kept_discounts (sale_id INTEGER PRIMARY KEY, percent INTEGER, off_fen INTEGER NOT NULL)",
        "INSERT INTO kept_discounts (sale_id, percent, off_fen) SELECT sale_id, percent, off_fen FROM discounts",
        "UPDATE sales SET amount_fen = amount_fen - (SELECT off_fen FROM discounts WHERE sale_id = sales.id)"
        " WHERE id IN (SELECT sale_id FROM discounts)",
        "DROP TABLE discounts",
        m0001.SALES_FIXED,
        m0001.REFUND_WITHIN_SALE,
        m0001.ENTRIES,
    ):
        db.execute(statement)


STEP = Step(2, up, down)
