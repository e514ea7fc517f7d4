"""Encrypted backups of the shop's data, each proven by restoring it before it counts.

Rules kept here: two recipients, this terminal's key and the merchant's recovery key (of which the terminal keeps the public half
only); a backup gets its name after it was decrypted, unpacked, found equal row by row, and opened by the till's own self-test;
the last three are kept; nothing readable stays behind. Restoring writes into a new folder and proves it the same way.
"""

import contextlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from evertill.terminal.agent.sealing import seal, unseal
from evertill.terminal.agent.survey import Survey, survey
from evertill.terminal.durable import discard, sync_folder, sync_tree, write_atomic
from evertill.terminal.errors import TerminalRefused
from evertill.terminal.generations.data_copy import DataDamaged, copy_data
from evertill.terminal.locks import FileLock

KEEP: Final = 3
_CONTENTS: Final = "backup.json"

SelfTest = Callable[[Path], str | None]
"""Lets the till that wrote the data open a copy of them; None = it did, else what it said."""


class Keys(msgspec.Struct, frozen=True):
    """`device` is this terminal's identity (secret); `recovery` the merchant's recipient (public)."""

    device: str
    recovery: str


class Contents(msgspec.Struct, frozen=True):
    """What lies in a backup, in its own words."""

    made_at: datetime
    serial: str
    generation: int
    versions: dict[str, str]
    survey: Survey
    format: int = 1


class BackupNote(msgspec.Struct, frozen=True):
    """What is known of a backup without opening it."""

    file: str
    made_at: datetime
    size_bytes: int


class Backups:
    def __init__(self, folder: Path, keys: Keys) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        self._folder = folder
        self._keys = keys
        self._lock = FileLock(folder / ".lock")

    def notes(self) -> list[BackupNote]:
        """Newest first."""
        found = sorted(self._folder.glob("*.age"), reverse=True)
        return [BackupNote(path.name, _made_at(path), path.stat().st_size) for path in found]

    def make(
        self,
        data: Path,
        *,
        serial: str,
        generation: int,
        versions: Mapping[str, str],
        state_files: tuple[Path, ...],
        self_test: SelfTest,
        now: datetime,
    ) -> str:
        """Back up `data` and the agent's own settings; returns the file's name once it is proven.

        Raises:
            TerminalRefused: BACKUP_UNVERIFIED, and there is no new file.
            OSError: the disk said no, likewise.
        """
        scratch = self._begin()
        try:
            (scratch / "content").mkdir(mode=0o700)
            copy_data(data, scratch / "content" / "data")
            for path in state_files:
                if path.exists():
                    _copy_state(path, scratch / "content" / "state")
            contents = Contents(now, serial, generation, dict(versions), survey(scratch / "content"))
            (scratch / "content" / _CONTENTS).write_bytes(msgspec.json.encode(contents))
            part = self._folder / ".new.part"
            seal(scratch / "content", part, self._recipients(), scratch / "plain")
            self._prove(part, contents, scratch / "proof", scratch / "plain", self_test)
            name = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-g{generation}.age"
            part.rename(self._folder / name)
            self._prune()
        except DataDamaged as error:
            raise TerminalRefused("BACKUP_UNVERIFIED", detail=error) from error
        finally:
            discard(scratch)
            self._lock.release()
        return name

    def restore(self, file: Path, identity: str, into: Path, self_test: SelfTest) -> Contents:
        """Restore the data of a backup into the new folder `into`, proven like a fresh backup.

        Raises:
            TerminalRefused: BACKUP_NOT_FOUND, BACKUP_WRONG_KEY, BACKUP_DAMAGED, BACKUP_UNVERIFIED; `into` is then absent.
        """
        if not file.is_file():
            raise TerminalRefused("BACKUP_NOT_FOUND", file=file.name)
        scratch = self._begin()
        try:
            unseal(file, scratch / "content", identity, scratch / "plain")
            contents = _contents(scratch / "content", file.name)
            if different := _differences(scratch / "content", contents, file.name):
                raise TerminalRefused("BACKUP_DAMAGED", file=file.name, detail=", ".join(different[:5]))
            copy_data(scratch / "content" / "data", scratch / "tried")
            if (said := self_test(scratch / "tried")) is not None:
                raise TerminalRefused("BACKUP_UNVERIFIED", detail=said)
            sync_tree(scratch / "content" / "data")
            (scratch / "content" / "data").rename(into)
            sync_folder(into.parent)
        finally:
            discard(scratch)
            self._lock.release()
        return contents

    def file(self, name: str) -> Path:
        """Raises TerminalRefused BACKUP_NOT_FOUND for anything but the name of one of ours."""
        if name not in {note.file for note in self.notes()}:
            raise TerminalRefused("BACKUP_NOT_FOUND", file=name)
        return self._folder / name

    @property
    def device_identity(self) -> str:
        return self._keys.device

    def _prove(self, part: Path, contents: Contents, proof: Path, plain: Path, self_test: SelfTest) -> None:
        try:
            unseal(part, proof, self._keys.device, plain)
            different = _differences(proof, contents, part.name)
            said = ", ".join(different[:5]) if different else self_test(proof / "data")
        except (TerminalRefused, DataDamaged) as error:
            said = str(error)
        if said is not None:
            part.unlink()
            raise TerminalRefused("BACKUP_UNVERIFIED", detail=said)

    def _recipients(self) -> tuple[str, str]:
        import pyrage  # late, like everything of age

        return str(pyrage.x25519.Identity.from_str(self._keys.device).to_public()), self._keys.recovery

    def _begin(self) -> Path:
        """A new folder for what is readable; one that a crash left behind goes first.

        Raises:
            TerminalRefused: BACKUP_BUSY while another process (the agent, a command) is at it.
        """
        if not self._lock.take_exclusive():
            raise TerminalRefused("BACKUP_BUSY")
        scratch = self._folder / ".scratch"
        discard(scratch)
        with contextlib.suppress(FileNotFoundError):
            (self._folder / ".new.part").unlink()
        scratch.mkdir(mode=0o700)
        return scratch

    def _prune(self) -> None:
        for note in self.notes()[KEEP:]:
            (self._folder / note.file).unlink()
        sync_folder(self._folder)


def _copy_state(path: Path, folder: Path) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    write_atomic(folder / path.name, path.read_bytes())


def _contents(folder: Path, name: str) -> Contents:
    try:
        return msgspec.json.decode((folder / _CONTENTS).read_bytes(), type=Contents)
    except (FileNotFoundError, msgspec.MsgspecError) as error:
        raise TerminalRefused("BACKUP_DAMAGED", file=name, detail=error) from error


def _differences(folder: Path, contents: Contents, name: str) -> list[str]:
    try:
        (folder / _CONTENTS).unlink()
        return contents.survey.differences(survey(folder))
    except (FileNotFoundError, DataDamaged) as error:
        raise TerminalRefused("BACKUP_DAMAGED", file=name, detail=error) from error


def _made_at(path: Path) -> datetime:
    try:
        return datetime.strptime(path.name[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
