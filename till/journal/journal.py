"""The open journal: one connection, one transaction at a time, and the rule that an unproven version writes nothing.

`writing()` is the only way to change it. What it raises is already in words the pages can show; after any failure
nothing was written.
"""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from till.errors import Refused
from till.journal import database
from till.journal.migrations import Step
from till.journal.shape import require_shape
from till.journal.transactions import transaction


class Journal:
    """A journal at the schema this version writes."""

    def __init__(self, db: sqlite3.Connection, *, proving: bool = False) -> None:
        self._db = db
        self._turn = threading.RLock()
        self._proving = proving
        self._closed = False
        self._db.execute(f"PRAGMA query_only = {'ON' if proving else 'OFF'}")

    @classmethod
    def open(cls, folder: Path, steps: Sequence[Step], *, proving: bool = False) -> "Journal":
        """Opens the journal of a data folder, which must be at the last of `steps`.

        Raises:
            Refused: JOURNAL_DAMAGED, SCHEMA_TOO_NEW, SCHEMA_NEEDS_MIGRATION, DATA_FOLDER_UNUSABLE.
        """
        require_schema(database.look(folder).schema, steps[-1].to)
        db = database.open_existing(folder)
        require_shape(db, steps)
        return cls(db, proving=proving)

    def allow_writing(self) -> None:
        """Ends proving: from now on sales can be recorded."""
        with self._turn:
            self._db.execute("PRAGMA query_only = OFF")
            self._proving = False

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, durable when the block is left.

        Raises:
            Refused: PROVING, STOPPING, DISK_FULL, JOURNAL_NOT_WRITTEN; and whatever the block refuses.
        """
        with self._turn:
            self._require_open()
            if self._proving:
                raise Refused("PROVING")
            with transaction(self._db) as db:
                yield db

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, for as long as the block needs a consistent view.

        Raises:
            Refused: STOPPING.
        """
        with self._turn:
            self._require_open()
            yield self._db

    def close(self) -> None:
        """Waits for a transaction that is under way, then closes; nothing can be recorded afterwards."""
        with self._turn:
            self._closed = True
            self._db.close()

    def _require_open(self) -> None:
        if self._closed:
            raise Refused("STOPPING")


def require_schema(found: int, written: int) -> None:
    """Refuses a journal that another version must read."""
    if found > written:
        raise Refused("SCHEMA_TOO_NEW", f"the journal has schema {found}, this version writes {written}", schema=found)
    if found < written:
        raise Refused(
            "SCHEMA_NEEDS_MIGRATION", f"the journal has schema {found}, this version writes {written}", schema=found
        )
