"""A till that lives and does not answer: when it counts as hanging, and when it may be ended so that the supervisor starts another.

Rules kept here: the health question is the readiness socket's `state`, with its deadline; only the same process silent for the whole of
the patience hangs (monotonic). With the sale lock ours no sale is running, so ending it loses nothing. Held by the till, a sale may be:
no machine ends it then, a person may, by name and PIN. Each till that hangs in a row is given twice the patience of the one before.
"""

import logging
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from evertill.terminal.agent.board import Board
from evertill.terminal.agent.journey.gate import state_or_silence
from evertill.terminal.agent.journey.step import StepFailed
from evertill.terminal.agent.journey.tills import Tills
from evertill.terminal.errors import TerminalRefused
from evertill.terminal.lines import Unreachable
from evertill.terminal.locks import FileLock
from evertill.terminal.supervisor_client import SupervisorRefused

PATIENCE_S: Final = 60.0
LONGEST_PATIENCE_S: Final = 900.0
_BROKEN: Final = (StepFailed, SupervisorRefused, Unreachable, OSError)
_log: Final = logging.getLogger(__name__)


class Hanging:
    """`observe` is called again and again by the watch; everything that ends a till, by the journey's thread alone."""

    def __init__(self, tills: Tills, run: Path, board: Board, patience_s: float = PATIENCE_S) -> None:
        self._tills = tills
        self._run = run
        self._board = board
        self._first_patience_s = patience_s
        self._pid: int | None = None
        self._silent_since: float | None = None
        self._in_a_row = 0
        self._asked_by = ""
        self._in_sale = False

    @property
    def silent_s(self) -> float | None:
        """For how long the till that lives has hung; None = it answers, none lives, or it has not been silent for long."""
        since = self._silent_since
        silent_s = 0.0 if since is None else time.monotonic() - since
        return silent_s if silent_s >= self._patience_s else None

    @property
    def in_sale(self) -> bool:
        """Whether it hangs with the sale lock in its hands."""
        return self._in_sale and self.silent_s is not None

    def observe(self, pid: int | None) -> None:
        """`pid`: the till's, by the supervisor."""
        answers = pid is not None and state_or_silence(self._tills.till) is not None
        if answers or pid is None:
            self._silent_since, self._in_sale = None, False
        elif pid != self._pid or self._silent_since is None:
            self._silent_since = time.monotonic()
        if answers and pid == self._pid:
            self._in_a_row = 0
        self._pid = pid
        if self.silent_s is not None:
            self._board.poke()

    def ask_to_end(self, person: str) -> None:
        """A person wants the hanging till ended, sale or not.

        Raises:
            TerminalRefused: TILL_ANSWERS while nothing hangs.
        """
        if self.silent_s is None:
            raise TerminalRefused("TILL_ANSWERS")
        self._asked_by = person
        self._board.poke()

    def relieve(self) -> None:
        """End the till that hangs, where that is safe or a person said so. The supervisor starts another."""
        asked_by, self._asked_by = self._asked_by, ""
        if self.silent_s is None:
            return
        sale = FileLock(self._run / "sale.lock")
        try:
            self._tills.supervisor.hold()
            self._in_sale = not sale.take_exclusive()
            if (self._in_sale and not asked_by) or state_or_silence(self._tills.till) is not None:
                return
            _log.warning("the till hangs and is ended%s", f", as {asked_by} wanted" if asked_by else "")
            self._tills.end()
            self._in_a_row += 1
            self._silent_since = None
        except _BROKEN as broken:
            _log.warning("the hanging till could not be ended: %s", broken)
        finally:
            sale.release()
            with suppress(*_BROKEN):
                self._tills.supervisor.release()

    @property
    def _patience_s(self) -> float:
        doubled = self._first_patience_s * (1 << min(self._in_a_row, 10))
        return min(doubled, max(LONGEST_PATIENCE_S, self._first_patience_s))
