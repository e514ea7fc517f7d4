"""Starting and stopping tills through the supervisor, and waiting until it is so.

A till is stopped in three tones: asked, told (SIGTERM), killed. Killing loses nothing: by its contract every acknowledged sale is
durable, and whoever stops a till here holds the sale lock. Waiting has a deadline on the monotonic clock.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Literal

from evertill.terminal.agent.journey.step import StepFailed
from evertill.terminal.supervisor_client import Supervisor, SupervisorRefused
from evertill.terminal.till_client import Till, TillRefused, TillSilent, TillState

READY_TIMEOUT_S: Final = 30.0
STOP_TIMEOUT_S: Final = 3.0  # for each tone; a till that agreed is gone within one second
LOOK_EVERY_S: Final = 0.01


class Tills:
    def __init__(self, supervisor: Supervisor, till: Till) -> None:
        self.supervisor = supervisor
        self.till = till

    def start_proving(self, generation: int) -> None:
        """Start it so that it cannot sell; does not wait.

        Raises:
            StepFailed: it could not even be started.
        """
        try:
            self.supervisor.start_till(generation, prove=True)
        except SupervisorRefused as error:
            raise StepFailed(f"start: {error}") from error

    def wait_ready(self, mode: Literal["proving", "selling"], timeout_s: float = READY_TIMEOUT_S) -> TillState:
        """The till's state once it answers in this mode.

        Raises:
            StepFailed: it ended, or did not answer so in time.
        """
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            with suppress(TillSilent):
                state = self.till.state()
                if state.mode == mode:
                    return state
            if mode == "proving" and self.supervisor.till_pid() is None:
                raise StepFailed("start: the till ended before it was ready")
            time.sleep(LOOK_EVERY_S)
        raise StepFailed(f"start: not {mode} within {timeout_s:.0f} s")

    def generation(self) -> int | None:
        """The generation of the till that runs, by its own command line."""
        found = self.supervisor.state()["till"]["generation"]
        return found if isinstance(found, int) else None

    def stop(self) -> None:
        """No till runs when this returns."""
        if self.supervisor.till_pid() is None:
            return
        for tell in (
            self._ask,
            lambda: self.supervisor.stop_till(kill=False),
            lambda: self.supervisor.stop_till(kill=True),
        ):
            tell()
            if self._within(STOP_TIMEOUT_S, lambda: self.supervisor.till_pid() is None):
                return
        raise StepFailed("stop: the till cannot be stopped")

    def end(self) -> None:
        """No till runs when this returns; one that would not hear a kind word anyway is spared it."""
        self.supervisor.stop_till(kill=True)
        if not self._within(STOP_TIMEOUT_S, lambda: self.supervisor.till_pid() is None):
            raise StepFailed("stop: the till cannot be stopped")

    def _ask(self) -> None:
        with suppress(TillSilent, TillRefused):
            self.till.stop()

    def _within(self, timeout_s: float, happened: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + timeout_s
        while not (so := happened()) and time.monotonic() < deadline:
            time.sleep(LOOK_EVERY_S)
        return so
