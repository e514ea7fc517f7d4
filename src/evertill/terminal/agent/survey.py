"""What a data folder contains, as numbers that can be compared: every table's rows, every other file's bytes.

Two folders with the same survey hold the same business data. Rows are hashed as a set (the sum of their hashes), so neither the
order nor the pages they lie on matter. The folder must be a copy that nobody writes; it is opened as immutable.
"""

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec

from evertill.terminal.generations.data_copy import DataDamaged

_MAGIC: Final = b"SQLite format 3\0"
_SCHEMA: Final = "(schema)"
_MODULO: Final = 2**256


class Table(msgspec.Struct, frozen=True):
    rows: int
    digest: str


class Survey(msgspec.Struct, frozen=True):
    databases: dict[str, dict[str, Table]]  # path → table → rows, and the definitions themselves
    files: dict[str, str]  # path → sha256

    @property
    def rows(self) -> int:
        """Rows of the shop's tables; how the tables are defined is not counted."""
        tables = (table for found in self.databases.values() for name, table in found.items() if name != _SCHEMA)
        return sum(table.rows for table in tables)

    def differences(self, other: "Survey") -> list[str]:
        """The tables and files that are not the same, by name; empty = the same data."""
        mine, theirs = self.flat(), other.flat()
        return sorted(name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name))

    def flat(self) -> dict[str, object]:
        """Every table and file under one name."""
        tables = {f"{path}:{name}": table for path, found in self.databases.items() for name, table in found.items()}
        return {**tables, **self.files}


def survey(folder: Path) -> Survey:
    """Raises DataDamaged when a database cannot be read."""
    databases, files = {}, {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        with path.open("rb") as content:
            if content.read(len(_MAGIC)) != _MAGIC:
                content.seek(0)
                files[name] = hashlib.file_digest(content, "sha256").hexdigest()
                continue
        databases[name] = _tables(path)
    return Survey(databases, files)


def _tables(path: Path) -> dict[str, Table]:
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True)) as connection:
            connection.text_factory = _text
            schema = "SELECT type, name, tbl_name, sql FROM sqlite_master"
            names = [
                row[0][1].decode() for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            ]
            quoted = {name: '"' + name.replace('"', '""') + '"' for name in names}
            found = {name: _rows(connection, f"SELECT * FROM {quoted[name]}") for name in names}  # noqa: S608 - quoted
            return {**found, _SCHEMA: _rows(connection, schema)}
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise DataDamaged(f"{path.name}: {error}") from error


def _rows(connection: sqlite3.Connection, query: str) -> Table:
    total = count = 0
    for row in connection.execute(query):
        total += int.from_bytes(hashlib.sha256(repr(row).encode()).digest(), "big")
        count += 1
    return Table(count, f"{total % _MODULO:064x}")


def _text(value: bytes) -> tuple[str, bytes]:
    """Text is told apart from a blob with the same bytes, and needs not be valid UTF-8."""
    return ("text", value)
