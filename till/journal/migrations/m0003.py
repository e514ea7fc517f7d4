"""Schema 3: shifts. Who opened the drawer with how much, and what was counted at the end.

Down: schema 2 cannot say any of it and no total depends on it; the rows are kept in `kept_shifts`, which schemas 1 and 2
ignore, and are put back on the way up. A shift that was open stays open.
"""

from sqlite3 import Connection

from till.journal.migrations import Step

COLUMNS = """
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    opened_by TEXT NOT NULL{operator},
    opened_at TEXT NOT NULL,
    after_entry INTEGER NOT NULL,
    float_fen INTEGER NOT NULL CHECK (typeof(float_fen) = 'integer' AND float_fen >= 0),
    closed_by TEXT{operator},
    closed_at TEXT,
    business_day TEXT,
    expected_fen INTEGER,
    counted_fen INTEGER CHECK (counted_fen IS NULL OR (typeof(counted_fen) = 'integer' AND counted_fen >= 0)),
    CHECK ((closed_at IS NULL) = (closed_by IS NULL OR business_day IS NULL OR expected_fen IS NULL OR counted_fen IS NULL))
"""
SHIFTS = f"CREATE TABLE shifts ({COLUMNS.format(operator=' REFERENCES operators (number)')})"
KEPT_SHIFTS = f"CREATE TABLE kept_shifts ({COLUMNS.format(operator='')})"
RULES = (
    "CREATE UNIQUE INDEX one_open_shift ON shifts (closed_at IS NULL) WHERE closed_at IS NULL",
    "CREATE INDEX shifts_by_day ON shifts (business_day)",
    """
    CREATE TRIGGER closed_shifts_fixed BEFORE UPDATE ON shifts WHEN OLD.closed_at IS NOT NULL
    BEGIN SELECT raise(ABORT, 'RECORDED'); END
    """,
    "CREATE TRIGGER shifts_kept BEFORE DELETE ON shifts BEGIN SELECT raise(ABORT, 'RECORDED'); END",
)


def up(db: Connection) -> None:
    """Makes room for shifts and puts back those that an earlier way down kept."""
    for statement in (SHIFTS, *RULES):
        db.execute(statement)
    if db.execute("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'kept_shifts'").fetchone():
        db.execute("INSERT INTO shifts SELECT * FROM kept_shifts")
        db.execute("DROP TABLE kept_shifts")


def down(db: Connection) -> None:
    """Puts the shifts aside."""
    for statement in (KEPT_SHIFTS, "INSERT INTO kept_shifts SELECT * FROM shifts", "DROP TABLE shifts"):
        db.execute(statement)


STEP = Step(3, up, down)
