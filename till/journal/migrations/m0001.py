"""Schema 1: operators, batches, sales and refunds with their payments and receipts.

Rules the tables keep by themselves: amounts are whole fen above zero; what was recorded is never changed or deleted; a
refund refers to a sale and all refunds together never exceed it; one batch is open; a form is recorded once.
"""

from sqlite3 import Connection

from till.journal.migrations import Step

ENTRIES = """
CREATE VIEW entries AS
SELECT s.id, s.kind, r.number, s.batch_id, s.operator, s.approved_by, s.refund_of, s.amount_fen AS gross_fen, s.amount_fen AS total_fen, s.at, s.business_day
FROM sales s JOIN receipts r ON r.sale_id = s.id
"""
REFUND_WITHIN_SALE = """
CREATE TRIGGER refund_within_sale BEFORE INSERT ON sales
WHEN NEW.kind = 'refund' AND NEW.amount_fen > coalesce((SELECT amount_fen FROM sales WHERE id = NEW.refund_of AND kind = 'sale'), 0)
    - (SELECT coalesce(sum(amount_fen), 0) FROM sales WHERE refund_of = NEW.refund_of)
BEGIN SELECT raise(ABORT, 'REFUND_TOO_LARGE'); END
"""
SALES_FIXED = "CREATE TRIGGER sales_fixed BEFORE UPDATE ON sales BEGIN SELECT raise(ABORT, 'RECORDED'); END"

TABLES = (
    "CREATE TABLE journal (one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL)",
    """
    CREATE TABLE operators (
        number TEXT PRIMARY KEY CHECK (number GLOB '[0-9][0-9]'),
        role TEXT NOT NULL CHECK (role IN ('admin', 'supervisor', 'cashier')),
        pin_salt BLOB NOT NULL,
        pin_hash BLOB NOT NULL,
        wrong_tries INTEGER NOT NULL DEFAULT 0,
        locked_until TEXT,
        active INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1))
    )
    """,
    """
    CREATE TABLE batches (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        opened_at TEXT NOT NULL,
        settled_at TEXT,
        settled_by TEXT,
        sale_count INTEGER, sale_fen INTEGER, refund_count INTEGER, refund_fen INTEGER,
        CHECK ((settled_at IS NULL) = (sale_count IS NULL OR sale_fen IS NULL OR refund_count IS NULL OR refund_fen IS NULL))
    )
    """,
    "CREATE UNIQUE INDEX one_open_batch ON batches (settled_at IS NULL) WHERE settled_at IS NULL",
    """
    CREATE TABLE sales (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL CHECK (kind IN ('sale', 'refund')),
        form_key TEXT NOT NULL UNIQUE,
        batch_id INTEGER NOT NULL REFERENCES batches (id),
        operator TEXT NOT NULL REFERENCES operators (number),
        approved_by TEXT REFERENCES operators (number),
        refund_of INTEGER REFERENCES sales (id),
        amount_fen INTEGER NOT NULL CHECK (typeof(amount_fen) = 'integer' AND amount_fen > 0),
        at TEXT NOT NULL,
        business_day TEXT NOT NULL,
        CHECK ((kind = 'refund') = (refund_of IS NOT NULL))
    )
    """,
    "CREATE INDEX sales_by_batch ON sales (batch_id)",
    "CREATE INDEX sales_by_day ON sales (business_day)",
    "CREATE INDEX sales_by_refunded ON sales (refund_of) WHERE refund_of IS NOT NULL",
    """
    CREATE TABLE payments (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        sale_id INTEGER NOT NULL REFERENCES sales (id),
        tender TEXT NOT NULL CHECK (tender = 'cash'),
        amount_fen INTEGER NOT NULL CHECK (typeof(amount_fen) = 'integer' AND amount_fen > 0),
        given_fen INTEGER NOT NULL CHECK (given_fen >= amount_fen)
    )
    """,
    "CREATE INDEX payments_by_sale ON payments (sale_id)",
    """
    CREATE TABLE receipts (
        sale_id INTEGER PRIMARY KEY REFERENCES sales (id),
        number TEXT NOT NULL UNIQUE,
        total_fen INTEGER NOT NULL CHECK (typeof(total_fen) = 'integer' AND total_fen > 0)
    )
    """,
    "CREATE TRIGGER sales_kept BEFORE DELETE ON sales BEGIN SELECT raise(ABORT, 'RECORDED'); END",
    "CREATE TRIGGER payments_fixed BEFORE UPDATE ON payments BEGIN SELECT raise(ABORT, 'RECORDED'); END",
    "CREATE TRIGGER payments_kept BEFORE DELETE ON payments BEGIN SELECT raise(ABORT, 'RECORDED'); END",
    "CREATE TRIGGER receipts_fixed BEFORE UPDATE ON receipts BEGIN SELECT raise(ABORT, 'RECORDED'); END",
    "CREATE TRIGGER receipts_kept BEFORE DELETE ON receipts BEGIN SELECT raise(ABORT, 'RECORDED'); END",
    """
    CREATE TRIGGER settled_fixed BEFORE UPDATE ON batches WHEN OLD.settled_at IS NOT NULL
    BEGIN SELECT raise(ABORT, 'RECORDED'); END
    """,
    "CREATE TRIGGER batches_kept BEFORE DELETE ON batches BEGIN SELECT raise(ABORT, 'RECORDED'); END",
)


def up(db: Connection) -> None:
    """Creates the tables in an empty database."""
    for statement in (*TABLES, SALES_FIXED, REFUND_WITHIN_SALE, ENTRIES):
        db.execute(statement)


STEP = Step(1, up)
