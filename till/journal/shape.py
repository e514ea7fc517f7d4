"""Whether the journal still has every table, rule and view of its schema, word for word.

SQLite's own check looks at pages and indexes; a trigger that is gone, or a view whose text was hit by a flipped bit,
passes it.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing

from till.errors import Refused
from till.journal.database import damage_refused
from till.journal.migrations import Step


def require_shape(db: sqlite3.Connection, steps: Sequence[Step]) -> None:
    """Compares with an empty journal made by the same steps; a table more (kept by a way down) does no harm.

    Raises:
        Refused: JOURNAL_DAMAGED.
    """
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as fresh:
        for step in steps:
            step.up(fresh)
        expected = _shape(fresh)
    with damage_refused():
        found = _shape(db)
    if damaged := sorted(name for name, text in expected.items() if found.get(name) != text):
        raise Refused("JOURNAL_DAMAGED", f"missing or changed in the journal's schema: {', '.join(damaged)}")


def _shape(db: sqlite3.Connection) -> dict[str, str]:
    return dict(db.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL"))
