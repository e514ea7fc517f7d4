"""The journal's file: creating it whole, looking at it without touching it, opening it for writing.

A damaged file is never written to: it is first looked at through a read-only connection, whose closing checkpoints
nothing. The file `journal.id` beside it says that there was a journal, so that a missing one is not mistaken for a new
shop.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from till.errors import Refused
from till.files import sync_folder, write_whole
from till.journal.migrations import Step
from till.journal.transactions import disk_said_no, refusal, transaction

APPLICATION_ID = 0x4556544A  # "EVTJ", in the file's header: says whose database this is
NAME = "journal.db"
IDENTITY = "journal.id"
MAGIC = b"SQLite format 3\x00"
LEAST_BYTES = 1024


@dataclass(frozen=True)
class Condition:
    """What a look at a data folder found; schema 0 = no journal yet."""

    schema: int
    integrity: str = "ok"


def look(folder: Path, *, thorough: bool = False) -> Condition:
    """Looks at the journal without changing a byte of it.

    Raises:
        Refused: JOURNAL_DAMAGED (with the schema among its facts where it can be read), DATA_FOLDER_UNUSABLE.
    """
    path = folder / NAME
    try:
        if not path.exists():
            if (folder / IDENTITY).exists():
                raise Refused("JOURNAL_DAMAGED", "journal.db is missing, journal.id says there was one")
            return Condition(0)
        with path.open("rb") as stream:
            start = stream.read(len(MAGIC))
        if start != MAGIC or path.stat().st_size < LEAST_BYTES:
            raise Refused("JOURNAL_DAMAGED", "journal.db is not a database")
        return _look_inside(folder, thorough=thorough)
    except OSError as error:
        raise Refused("DATA_FOLDER_UNUSABLE", str(error)) from error


def _look_inside(folder: Path, *, thorough: bool) -> Condition:
    with damage_refused(), closing(_connection(folder / NAME, "ro")) as db:
        (application,) = db.execute("PRAGMA application_id").fetchone()
        (schema,) = db.execute("PRAGMA user_version").fetchone()
        if application != APPLICATION_ID or schema < 1:
            raise Refused("JOURNAL_DAMAGED", "journal.db is another program's database")
        (verdict,) = db.execute("PRAGMA integrity_check(1)" if thorough else "PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise Refused("JOURNAL_DAMAGED", verdict, schema=schema)
        (identity,) = db.execute("SELECT id FROM journal").fetchone() or ("",)
    with suppress(FileNotFoundError):
        if (folder / IDENTITY).read_bytes() != identity.encode():
            raise Refused("JOURNAL_DAMAGED", "journal.db and journal.id belong to different journals", schema=schema)
    return Condition(schema)


@contextmanager
def damage_refused() -> Iterator[None]:
    """What SQLite cannot read is damage, not a bug. It quotes damaged bytes in its messages, which need not be text.

    Raises:
        Refused: JOURNAL_DAMAGED; DATA_FOLDER_UNUSABLE where the disk, not the file, is to blame (even reading needs `-shm`).
    """
    try:
        yield
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        code = "DATA_FOLDER_UNUSABLE" if isinstance(error, sqlite3.Error) and disk_said_no(error) else "JOURNAL_DAMAGED"
        raise Refused(code, str(error)) from error


def open_existing(folder: Path) -> sqlite3.Connection:
    """Opens a journal that `look` found sound, for writing.

    Raises:
        Refused: DATA_FOLDER_UNUSABLE.
    """
    db = _connection(folder / NAME, "rw")
    with _disk_refused():
        if not (folder / IDENTITY).exists():
            (identity,) = db.execute("SELECT id FROM journal").fetchone()
            write_whole(folder / IDENTITY, identity.encode())
    return db


def create(folder: Path, steps: Sequence[Step], opened_at: str) -> None:
    """Makes an empty journal at the last of `steps`; a kill leaves either none or a whole one.

    Raises:
        Refused: DISK_FULL, JOURNAL_NOT_WRITTEN, DATA_FOLDER_UNUSABLE.
    """
    new = folder / (NAME + ".new")
    identity = os.urandom(16).hex()
    with _disk_refused():
        for leftover in (new, new.with_name(new.name + "-wal"), new.with_name(new.name + "-shm")):
            leftover.unlink(missing_ok=True)
        with closing(_connection(new, "rwc")) as db:
            db.execute("PRAGMA journal_mode = WAL")
            with transaction(db):
                for step in steps:
                    step.up(db)
                db.execute("INSERT INTO journal (one, id) VALUES (1, ?)", (identity,))
                db.execute("INSERT INTO batches (opened_at) VALUES (?)", (opened_at,))
                db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                db.execute(f"PRAGMA user_version = {steps[-1].to}")
        new.rename(folder / NAME)
        sync_folder(folder)
        write_whole(folder / IDENTITY, identity.encode())


@contextmanager
def _disk_refused() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise refusal(error) from error
    except OSError as error:
        raise Refused("DATA_FOLDER_UNUSABLE", str(error)) from error


def _connection(path: Path, mode: str) -> sqlite3.Connection:
    """A connection with the journal's settings: every commit reaches the disk, transactions are opened by hand."""
    db = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False, timeout=2.0
    )
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA foreign_keys = ON")
    return db
