"""One transaction, and what a disk's refusal means: either all of it is durable or nothing was written."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from till.errors import Refused


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """BEGIN, the block, COMMIT; anything raised rolls back, and a disk that said no becomes a refusal."""
    try:
        db.execute("BEGIN IMMEDIATE")
        yield db
        db.execute("COMMIT")
    except sqlite3.Error as error:
        _roll_back(db)
        raise refusal(error) from error
    except BaseException:
        _roll_back(db)
        raise


def _roll_back(db: sqlite3.Connection) -> None:
    if db.in_transaction:
        db.execute("ROLLBACK")


def refusal(error: sqlite3.Error) -> Exception:
    """What to raise for an error of the database: a refusal where the disk or a rule said no, else the bug it is."""
    name = _name(error)
    if name == "SQLITE_FULL":
        return Refused("DISK_FULL", str(error))
    if disk_said_no(error):
        return Refused("JOURNAL_NOT_WRITTEN", f"{name}: {error}")
    if name.startswith("SQLITE_CORRUPT") or name == "SQLITE_NOTADB":
        return Refused("JOURNAL_DAMAGED", str(error))
    if (
        name == "SQLITE_CONSTRAINT_TRIGGER" and str(error) != "RECORDED"
    ):  # a rule of the tables; changing a record is a bug
        return Refused(str(error))
    return error


def disk_said_no(error: sqlite3.Error) -> bool:
    """Whether the file may be sound but the disk cannot be used: full, failing, forbidden, or held by somebody."""
    name = _name(error)
    failing = name.startswith("SQLITE_IOERR") and name != "SQLITE_IOERR_SHORT_READ"  # short: the file is too short
    return failing or name in {"SQLITE_FULL", "SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_BUSY"}


def _name(error: sqlite3.Error) -> str:
    name: str = getattr(error, "sqlite_errorname", "")  # absent where Python itself raised it
    return name
