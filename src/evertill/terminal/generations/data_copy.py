"""A copy of a shop's data folder, taken beside the till that writes it: databases by SQLite's backup API, the rest file by file.

Rules kept here: a database is never copied as a file and its `-wal` and `-shm` never at all (till/CONTRACT.md, section 2); the copy
is one moment of each database. The source is only read. The copy is not made durable: most copies are thrown away again, and flushing
them would make the selling till wait for the disk; who keeps one calls `sync_tree`.
"""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

_MAGIC: Final = b"SQLite format 3\0"  # https://www.sqlite.org/fileformat.html, 1.3.1
_COMPANIONS: Final = ("-wal", "-shm", "-journal")
BUSY_TIMEOUT_S: Final = 10.0


class DataDamaged(Exception):
    """A database in the source cannot be read as one."""


def copy_data(source: Path, target: Path) -> None:
    """Copy everything below `source` into the new folder `target`.

    Raises:
        DataDamaged: SQLite cannot read a database.
        OSError: the disk said no; `target` is then incomplete and the caller's to discard.
    """
    target.mkdir(mode=0o700)
    for path in sorted(source.rglob("*")):
        copy = target / path.relative_to(source)
        if path.is_dir():
            copy.mkdir(mode=0o700)
        elif _belongs_to_database(path):
            continue  # looked at by name only: the till may remove it at any moment
        elif _is_database(path):
            _copy_database(path, copy)
        else:
            _copy_file(path, copy)


def size_bytes(data: Path) -> int:
    """What the folder holds now, its databases' logs included; a file that vanishes meanwhile counts nothing."""
    total = 0
    for path in data.rglob("*"):
        with suppress(FileNotFoundError):
            total += path.lstat().st_size
    return total


def _is_database(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def _belongs_to_database(path: Path) -> bool:
    owner = next((path.name.removesuffix(end) for end in _COMPANIONS if path.name.endswith(end)), None)
    return owner is not None and path.with_name(owner).is_file()


def _copy_file(path: Path, copy: Path) -> None:
    copy.touch(mode=0o600, exist_ok=False)
    copy.write_bytes(path.read_bytes())


def _copy_database(path: Path, copy: Path) -> None:
    copy.touch(mode=0o600, exist_ok=False)
    try:
        with (
            closing(sqlite3.connect(path.as_uri() + "?mode=rw", uri=True, timeout=BUSY_TIMEOUT_S)) as live,
            closing(sqlite3.connect(copy.as_uri() + "?mode=rw", uri=True)) as made,
        ):
            made.execute("PRAGMA synchronous=OFF")
            live.backup(made)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}:
            raise OSError(28, f"copying {path.name}: {error}") from error
        raise DataDamaged(f"{path.name}: {error}") from error
    except sqlite3.DatabaseError as error:
        raise DataDamaged(f"{path.name}: {error}") from error
