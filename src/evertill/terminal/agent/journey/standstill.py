"""The minutes without a till, as one object: the supervisor held, the sale lock and the data lock ours.

Rules kept here: taken in the order supervisor, sale lock, (till stopped), data lock, and given back together; all of it dies with
the agent, so a killed agent leaves a terminal whose supervisor is free to sell again. The clock of a standstill is monotonic.
"""

import time
from pathlib import Path
from typing import Final

from evertill.terminal.agent.journey.step import StepFailed
from evertill.terminal.locks import FileLock
from evertill.terminal.supervisor_client import Supervisor

DATA_LOCK_TIMEOUT_S: Final = 5.0


class Standstill:
    def __init__(self, supervisor: Supervisor, run: Path) -> None:
        self._supervisor = supervisor
        self._sale = FileLock(run / "sale.lock")
        self._data = FileLock(run / "data.lock")
        self._since = 0.0

    @property
    def held(self) -> bool:
        return self._sale.held and self._data.held

    @property
    def seconds(self) -> float | None:
        """Since the sale lock was taken, by this process; None = not since it started."""
        return time.monotonic() - self._since if self._sale.held else None

    def begin(self) -> bool:
        """Nobody can begin a sale from now on. False = one is being made; then nothing is held."""
        self._supervisor.hold()
        if self._sale.held:
            return True
        if self._sale.take_exclusive():
            self._since = time.monotonic()
            return True
        self.end()
        return False

    def take_data(self) -> None:
        """Nobody can write the live data from now on: the stopped till has let go of them.

        Raises:
            StepFailed: somebody still holds them.
        """
        deadline = time.monotonic() + DATA_LOCK_TIMEOUT_S
        while not self._data.held and not self._data.take_exclusive():
            if time.monotonic() > deadline:
                raise StepFailed("DATA_LOCKED")
            time.sleep(0.01)

    def give_data(self) -> None:
        """To the till that will prove itself."""
        self._data.release()

    def end(self) -> None:
        """Everything back; the supervisor sells with what the link and the mark say."""
        self._data.release()
        self._sale.release()
        self._supervisor.release()
