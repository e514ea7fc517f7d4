"""Generations as folders: `generations/N/{slot/<component>/…, data/, committed}` and one link, `current` -> N.

Rules kept here: a generation is complete when its mark `committed` lies in it, fsync'd with its folder; the link changes in
one rename; a slot is never written in place, it appears under its name by a rename. The supervisor uses this, so it needs
nothing heavier than `json`. It starts no process and decides nothing.
"""

import json
import os
import re
from pathlib import Path
from typing import Any

from evertill.terminal.durable import (
    discard,
    point_link,
    prepare_link,
    prepared_name,
    remove,
    sweep,
    sync_folder,
    write_atomic,
)

TILL = "till"
AGENT = "agent"
MANIFEST = "manifest.json"
_LINK = "current"
_MARK = "committed"
_RELEASE = "release.json"
_PLACE = re.compile(r"\{(python|slot|data|run)\}")


class SlotDamaged(Exception):
    """A component's manifest cannot be read: the slot is not what was installed."""


class GenerationFolders:
    """Keeps the port `Generations` for the folders under `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def numbers(self) -> list[int]:
        """Every generation there is, finished or not, oldest first."""
        if not self.root.is_dir():
            return []
        return sorted(int(entry.name) for entry in self.root.iterdir() if entry.name.isdigit() and entry.is_dir())

    def next_free(self) -> int:
        return max(self.numbers(), default=0) + 1

    def current(self) -> int | None:
        try:
            target = os.readlink(self.root / _LINK)  # noqa: PTH115 - Path.readlink normalises; the name counts as written
        except FileNotFoundError:
            return None
        return int(target) if target.isdigit() else None

    def is_committed(self, number: int) -> bool:
        return (self.folder(number) / _MARK).is_file()

    def newest_committed(self) -> int | None:
        return max(filter(self.is_committed, self.numbers()), default=None)

    def flip(self, number: int | None) -> None:
        if number is None:
            remove(self.root / _LINK)
        else:
            point_link(self.root / _LINK, str(number))

    def prepare_flip(self, number: int) -> None:
        """Make sure that flipping to this generation will work on a full disk too."""
        prepare_link(self.root / _LINK, str(number))

    def discard(self, number: int) -> None:
        """Throw a generation away, whole or not at all."""
        discard(self.folder(number))
        prepared_name(self.root / _LINK, str(number)).unlink(missing_ok=True)

    def discard_old(self, *also_kept: int | None) -> None:
        """Throw away all but the running generation, the committed one before it (one may go back to it), and those named."""
        current = self.current()
        committed = [number for number in self.numbers() if number != current and self.is_committed(number)]
        kept = {current, *also_kept, *committed[-1:]}
        for number in self.numbers():
            if number not in kept:
                self.discard(number)
        sweep(self.root)

    def commit(self, number: int) -> None:
        write_atomic(self.folder(number) / _MARK, b"committed\n")
        sync_folder(self.root)

    def folder(self, number: int) -> Path:
        return self.root / str(number)

    def slots(self, number: int) -> Path:
        return self.folder(number) / "slot"

    def slot(self, number: int, component: str) -> Path:
        return self.slots(number) / component

    def data(self, number: int) -> Path:
        return self.folder(number) / "data"

    def manifest(self, number: int, component: str) -> dict[str, Any]:
        """The installed component's own words.

        Raises:
            SlotDamaged: it is missing or unreadable.
        """
        try:
            found = json.loads((self.slot(number, component) / MANIFEST).read_bytes())
        except (OSError, ValueError) as error:
            raise SlotDamaged(f"{component} of generation {number}: {error}") from error
        if not isinstance(found, dict):
            raise SlotDamaged(f"{component} of generation {number}: no manifest")
        return found

    def versions(self, number: int) -> dict[str, str]:
        """What is installed there, by component; a damaged component reads ""."""
        folders = sorted(self.slots(number).iterdir()) if self.slots(number).is_dir() else []
        return {folder.name: self._version(number, folder.name) for folder in folders}

    def describe(self, number: int, release: int) -> None:
        """Note which release this generation was installed from."""
        write_atomic(self.folder(number) / _RELEASE, json.dumps({"release": release}).encode())

    def release(self, number: int) -> int | None:
        """The release it was installed from; None = it came with the terminal."""
        try:
            found = json.loads((self.folder(number) / _RELEASE).read_bytes())["release"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return found if isinstance(found, int) else None

    def command(self, number: int, component: str, entry_point: str, **places: str) -> list[str]:
        """The argument list of an entry point with `{python}`, `{slot}`, `{data}`, `{run}` filled in.

        Raises:
            SlotDamaged: the component offers no such entry point.
        """
        points = self.manifest(number, component).get("entry_points")
        pattern = points.get(entry_point) if isinstance(points, dict) else None
        if not isinstance(pattern, list) or not pattern:
            raise SlotDamaged(f"{component} of generation {number} has no entry point {entry_point}")
        known = {"slot": str(self.slot(number, component)), **places}
        return [_PLACE.sub(lambda found: known.get(found[1], found[0]), str(item)) for item in pattern]

    def _version(self, number: int, component: str) -> str:
        try:
            return str(self.manifest(number, component).get("version", ""))
        except SlotDamaged:
            return ""
