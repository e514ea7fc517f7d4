"""The drawer's shift: opened with a float, closed with what was counted. One is open at most.

What should be in the drawer is the float and everything recorded since, added up by SQL; the difference is counted less
expected, and is shown, not explained away.
"""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from till.clock import business_day, stamp
from till.errors import Refused


@dataclass(frozen=True)
class OpenShift:
    """The shift that runs."""

    id: int
    opened_by: str
    opened_at: datetime
    float_fen: int
    taken_fen: int

    @property
    def expected_fen(self) -> int:
        """What should be in the drawer now."""
        return self.float_fen + self.taken_fen


@dataclass(frozen=True)
class ClosedShift:
    """A shift that was counted."""

    closed_by: str
    closed_at: datetime
    expected_fen: int
    counted_fen: int

    @property
    def difference_fen(self) -> int:
        """Counted less expected: below zero, money is missing."""
        return self.counted_fen - self.expected_fen


RUNNING = """
SELECT id, opened_by, opened_at, float_fen,
    (SELECT coalesce(sum(CASE kind WHEN 'sale' THEN total_fen ELSE -total_fen END), 0) FROM entries WHERE entries.id > after_entry)
FROM shifts WHERE closed_at IS NULL
"""
LAST = "SELECT closed_by, closed_at, expected_fen, counted_fen FROM shifts WHERE closed_at IS NOT NULL ORDER BY id DESC LIMIT 1"


def running(db: sqlite3.Connection) -> OpenShift | None:
    """The open shift with what was taken since it began."""
    row = db.execute(RUNNING).fetchone()
    return OpenShift(row[0], row[1], datetime.fromisoformat(row[2]), row[3], row[4]) if row else None


def last_closed(db: sqlite3.Connection) -> ClosedShift | None:
    """The shift counted last."""
    row = db.execute(LAST).fetchone()
    return ClosedShift(row[0], datetime.fromisoformat(row[1]), row[2], row[3]) if row else None


def begin(db: sqlite3.Connection, operator: str, float_fen: int, now: datetime) -> None:
    """Opens a shift.

    Raises:
        Refused: SHIFT_IS_OPEN.
    """
    if running(db) is not None:
        raise Refused("SHIFT_IS_OPEN")
    db.execute(
        "INSERT INTO shifts (opened_by, opened_at, after_entry, float_fen)"
        " VALUES (?, ?, (SELECT coalesce(max(id), 0) FROM sales), ?)",
        (operator, stamp(now), float_fen),
    )


def close(db: sqlite3.Connection, operator: str, counted_fen: int, now: datetime) -> None:
    """Closes the shift with what was counted.

    Raises:
        Refused: NO_SHIFT_OPEN.
    """
    shift = running(db)
    if shift is None:
        raise Refused("NO_SHIFT_OPEN")
    db.execute(
        "UPDATE shifts SET closed_by = ?, closed_at = ?, business_day = ?, expected_fen = ?, counted_fen = ? WHERE id = ?",
        (operator, stamp(now), business_day(now), shift.expected_fen, counted_fen, shift.id),
    )


def difference_on(db: sqlite3.Connection, day: str) -> int | None:
    """What the shifts closed on a day were off by together; None if none was closed."""
    query = "SELECT sum(counted_fen - expected_fen) FROM shifts WHERE business_day = ?"
    (difference_fen,) = db.execute(query, (day,)).fetchone()
    return None if difference_fen is None else int(difference_fen)
