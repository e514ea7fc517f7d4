"""One small durable record: a typed struct in one JSON file, read once, replaced as a whole.

Rules kept here: what `save` returned from survives a power cut; a damaged file is never silently replaced by a default, since
what a default means (spend the whole budget again? forget a lock?) is the owner's to say: `load` raises, `rescue` puts it aside. One writer per record.
"""

import logging
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from evertill.terminal.durable import sync_folder, write_atomic
from evertill.terminal.errors import TerminalRefused

T = TypeVar("T", bound=msgspec.Struct)

_log = logging.getLogger(__name__)


class Record(Generic[T]):
    def __init__(self, path: Path, of: type[T]) -> None:
        self.path = path
        self._of = of

    def load(self) -> T | None:
        """The record, or None where none was ever saved.

        Raises:
            TerminalRefused: STATE_DAMAGED when something is there that this agent cannot read.
        """
        try:
            body = self.path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            return msgspec.json.decode(body, type=self._of)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise TerminalRefused("STATE_DAMAGED", file=self.path.name, detail=error) from error

    def rescue(self) -> T | None:
        """The record; a damaged one is put aside for a person to look at, and there is none. For what can be begun anew."""
        try:
            return self.load()
        except TerminalRefused as damaged:
            _log.error("%s", damaged)
            self.path.replace(self.path.with_name(f"{self.path.name}.damaged"))
            sync_folder(self.path.parent)
            return None

    def save(self, value: T) -> None:
        write_atomic(self.path, msgspec.json.encode(value))
