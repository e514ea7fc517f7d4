"""A terminal's home as anybody with the right to read it sees it: link, marks, folders, the till's journal, and its processes in /proc."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import time
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from evertill.sim.observer.trouble import Silent

_PATIENCE_S = 5.0


class JournalSilent(Silent):
    """The journal of the generation that sells cannot be read."""


class Entry(NamedTuple):
    """One sale in the till's journal."""

    number: str
    total_fen: int
    at: datetime


class Home:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._generations = folder / "generations"

    def current(self) -> int | None:
        """The generation that the one link names, if it is complete."""
        with suppress(OSError, ValueError):
            number = int(os.readlink(self._generations / "current"))  # noqa: PTH115 - the text of the link is what counts
            if (self._generations / str(number) / "committed").is_file():
                return number
        return None

    def screen_port(self) -> int | None:
        """Where the terminal's screen is shown."""
        with suppress(OSError, ValueError):
            return int((self.folder / "run" / "screen.port").read_text())
        return None

    def numbers(self) -> list[int]:
        if not self._generations.is_dir():
            return []
        return sorted(int(entry.name) for entry in self._generations.iterdir() if entry.name.isdigit())

    def version(self, number: int) -> str:
        try:
            manifest = json.loads((self._generations / str(number) / "slot" / "till" / "manifest.json").read_bytes())
            return str(manifest["version"])
        except (OSError, ValueError, KeyError):
            return ""

    def fingerprint(self, number: int) -> str:
        """SHA-256 over every name and every byte of the generation's slot."""
        slot, digest = self._generations / str(number) / "slot", hashlib.sha256()
        for path in sorted(path for path in slot.rglob("*") if path.is_file()):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{path.relative_to(slot)}\0{content}\n".encode())
        return digest.hexdigest()

    def sales(self) -> dict[int, Entry]:
        """Every entry of the journal of the generation that sells, by id. Raises `JournalSilent` where it cannot be read for a while."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                return self._sales()
            except sqlite3.Error as error:  # the generation changed under the reader
                if time.monotonic() > deadline:
                    raise JournalSilent(f"{self.folder.name}: {error}") from error
                time.sleep(0.1)

    def _sales(self) -> dict[int, Entry]:
        number = self.current()
        if number is None:
            return {}
        path = self._generations / str(number) / "data" / "journal.db"
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as journal:
            rows = journal.execute("SELECT id, number, total_fen, at FROM entries").fetchall()
        return {row[0]: Entry(str(row[1]), int(row[2]), datetime.fromisoformat(row[3])) for row in rows}

    def processes(self) -> dict[int, str]:
        """Every process whose command line names this home, by pid."""
        mine = f"{self.folder}/"
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            with suppress(OSError):
                words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
                if any(word == str(self.folder) or mine in word for word in words):
                    found[int(entry.name)] = " ".join(words)
        return found
