"""When to talk to the server: at the pace it sets, sooner when a person asks, later when it is not there.

Rules kept here: the server's sleep is obeyed and not jittered (the server spreads its terminals); `Retry-After` is a floor;
being offline is normal and costs one attempt per pause, which doubles up to an hour; a person's "check" is answered by the
next conversation, but the server is never hurried below its own `Retry-After`. Durations are monotonic.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from evertill.terminal.agent.board import Board, Contact
from evertill.terminal.agent.clock import Clock
from evertill.terminal.agent.connection import ConnectionRefused
from evertill.terminal.agent.control import Control

FIRST_PAUSE_S: Final = 30
LONGEST_PAUSE_S: Final = 3600
DEFAULT_SLEEP_S: Final = 6 * 3600

_log = logging.getLogger(__name__)


def pause_s(failures: int, sleep_s: int, retry_after_s: int | None) -> int:
    """How long to wait after the n-th failure in a row: never longer than the server's own pace, unless it says so."""
    doubled = FIRST_PAUSE_S << min(failures - 1, 20)
    return max(min(doubled, LONGEST_PAUSE_S, sleep_s), retry_after_s or 0)


class Bell:
    """What wakes the poll loop; anybody may ring it."""

    def __init__(self) -> None:
        self.rung = threading.Condition()
        self.check = self.deliver = self.stop = False

    def ring_check(self) -> None:
        """Somebody wants a conversation now."""
        with self.rung:
            self.check = True
            self.rung.notify_all()

    def ring_deliver(self) -> None:
        """Something waits in the outbox."""
        with self.rung:
            self.deliver = True
            self.rung.notify_all()

    def ring_stop(self) -> None:
        with self.rung:
            self.stop = True
            self.rung.notify_all()


class PollLoop:
    def __init__(self, control: Control, board: Board, clock: Clock, after: Callable[[], None], bell: Bell) -> None:
        self._control = control
        self._board = board
        self._clock = clock
        self._after = after  # what follows a complete conversation: metadata, the clock's floor
        self._bell = bell
        self._talking = False
        self._conversations = 0
        self._sleep_s = DEFAULT_SLEEP_S
        self._failures = 0
        self._next_at = 0.0
        self._not_before = 0.0

    def check(self) -> None:
        self._bell.ring_check()

    def check_and_wait(self, timeout_s: float) -> bool:
        """A conversation that begins after this call; False when it did not end in time."""
        bell = self._bell
        with bell.rung:
            target = self._conversations + (2 if self._talking else 1)
            bell.ring_check()
            return bell.rung.wait_for(lambda: self._conversations >= target, timeout_s)

    def stop(self) -> None:
        self._bell.ring_stop()

    def run(self) -> None:
        while (due := self._wait()) is not None:
            due()

    def _wait(self) -> Callable[[], None] | None:
        """What to do next, once it is due; None = stop."""
        bell = self._bell
        with bell.rung:
            while not bell.stop:
                now = time.monotonic()
                patience = self._not_before - now
                if (bell.check or now >= self._next_at) and patience <= 0:
                    bell.check = bell.deliver = False
                    self._talking = True
                    return self.converse
                if bell.deliver and patience <= 0 and not self._failures:
                    bell.deliver = False
                    return self.deliver
                bell.rung.wait(max(patience if bell.check else self._next_at - now, 0.001))
        return None

    def converse(self) -> None:
        """One conversation, whatever comes of it: every outcome ends in a pause and a note on the board."""
        tried_at, last_at = self._clock(), self._board.contact.last_at
        refused: ConnectionRefused | None = None
        try:
            self._sleep_s = self._control.converse()
            last_at = tried_at
            self._after()
        except ConnectionRefused as trouble:
            refused = trouble
        pause = self._plan(refused)
        self._board.set_contact(Contact(last_at, tried_at, refused, pause))
        with self._bell.rung:
            self._talking = False
            self._conversations += 1
            self._bell.rung.notify_all()
        self._board.poke()

    def deliver(self) -> None:
        try:
            self._control.deliver()
        except ConnectionRefused as refused:
            self._plan(refused)

    def _plan(self, refused: ConnectionRefused | None) -> float:
        now = time.monotonic()
        if refused is None:
            self._failures, pause = 0, self._sleep_s
            self._not_before = now
        else:
            self._failures += 1
            pause = pause_s(self._failures, self._sleep_s, refused.retry_after_s)
            self._not_before = now + (refused.retry_after_s or 0)
            _log.info("no complete conversation (%s), next in %s s", refused, pause)
        self._next_at = now + pause
        return pause
