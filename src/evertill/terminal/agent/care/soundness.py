"""Is the slot that runs still what was installed? Every file hashed, at the agent's start, once a day, and when the till keeps ending.

Rules kept here: only a committed generation is judged (one on trial is its journey's); reading changes nothing; the finding lives in memory,
because the next start looks again. Not here: what is done about it (`repairing`).
"""

import logging
from datetime import datetime
from typing import Final

import msgspec

from evertill.terminal.agent.board import Board
from evertill.terminal.agent.place import Place
from evertill.terminal.generations.contents import damaged, load_contents

_log: Final = logging.getLogger(__name__)


class Damage(msgspec.Struct, frozen=True):
    """What is not as it was installed."""

    generation: int
    components: tuple[str, ...]
    found_at: datetime


class Soundness:
    def __init__(self, place: Place, board: Board) -> None:
        self._place = place
        self._board = board
        self._found: Damage | None = None

    @property
    def running(self) -> int | None:
        """The generation that is judged."""
        return self._place.generations.current()

    @property
    def damage(self) -> Damage | None:
        """Of the slot that runs now; None = it was sound when it was last looked at."""
        found = self._found
        return found if found is not None and found.generation == self.running else None

    def look(self) -> None:
        """Judge the running slot anew."""
        generations, current = self._place.generations, self.running
        components: tuple[str, ...] = ()
        if current is not None and generations.is_committed(current):
            components = damaged(generations.slots(current), load_contents(generations.folder(current)))
        found = Damage(current, components, self._place.clock()) if current is not None and components else None
        known, self._found = self._found, found
        if found is not None and (known is None or known.components != components):
            _log.error("generation %s is damaged: %s", current, ", ".join(components))
        if found != known:
            self._board.poke()
