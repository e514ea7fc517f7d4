"""Moves a journal between schemas in one transaction: killed at any point it is at the old one or at the new one.

Asking for the schema it already has changes nothing, so the step can be repeated.
"""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from till.clock import Clock, stamp
from till.errors import Refused
from till.journal import database
from till.journal.migrations import Step
from till.journal.transactions import transaction


def migrate(folder: Path, to: int, readable: tuple[int, int], steps: Sequence[Step], clock: Clock) -> int:
    """Brings the journal to schema `to` and returns the schema it had; an empty folder gets a fresh journal.

    Raises:
        Refused: SCHEMA_UNKNOWN, SCHEMA_TOO_NEW, JOURNAL_DAMAGED, DISK_FULL, JOURNAL_NOT_WRITTEN.
    """
    lowest, highest = readable
    if not lowest <= to <= highest:
        raise Refused("SCHEMA_UNKNOWN", f"this version knows schemas {lowest} to {highest}")
    found = database.look(folder).schema
    if found > highest:
        raise Refused(
            "SCHEMA_TOO_NEW", f"the journal has schema {found}, this version knows {lowest} to {highest}", schema=found
        )
    if found == 0:
        database.create(folder, [step for step in steps if step.to <= to], stamp(clock.now()))
    elif found != to:
        _move(folder, found, to, steps)
    return found


def _move(folder: Path, found: int, to: int, steps: Sequence[Step]) -> None:
    with closing(database.open_existing(folder)) as db, transaction(db):
        for step in steps:
            if found < step.to <= to:
                step.up(db)
        for step in reversed(steps):
            if to < step.to <= found:
                if step.down is None:
                    raise Refused("SCHEMA_UNKNOWN", f"there is no way down from schema {step.to}")
                step.down(db)
        db.execute(f"PRAGMA user_version = {to}")
