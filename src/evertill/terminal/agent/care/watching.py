"""The watch: looks every few seconds whether the till answers, and hashes the running slot when that is due. It orders nothing.

Runs in a thread of its own at nice 19, so that neither the till nor the journey ever waits for it.
"""

import os
import threading
import time
from datetime import timedelta
from typing import Any, Final

from evertill.terminal.agent.care.hanging import Hanging
from evertill.terminal.agent.care.soundness import Soundness
from evertill.terminal.lines import Unreachable
from evertill.terminal.supervisor_client import Supervisor

LOOK_EVERY_S: Final = 5.0
HASH_EVERY_S: Final = timedelta(days=1).total_seconds()
TROUBLED_ENDS: Final = 2  # a till that ended so often in a row: perhaps its files are why


class Watch:
    def __init__(self, supervisor: Supervisor, hanging: Hanging, soundness: Soundness) -> None:
        self._supervisor = supervisor
        self._hanging = hanging
        self._soundness = soundness
        self._over = threading.Event()
        self._hashed_at = -HASH_EVERY_S
        self._hashed_for: tuple[object, bool] | None = None
        self.ends = 0  # how often the till has ended in a row

    def run(self) -> None:
        os.setpriority(
            os.PRIO_PROCESS, threading.get_native_id(), 19
        )  # of this thread alone: sched(7), "The nice value"
        while True:
            self.look()
            if self._over.wait(LOOK_EVERY_S):
                return

    def stop(self) -> None:
        self._over.set()

    def look(self) -> None:
        try:
            till: dict[str, Any] = self._supervisor.state()["till"]
        except Unreachable:
            return  # a supervisor that is being started again
        self.ends = till["ends"]
        self._hanging.observe(till["pid"])
        wanted = (self._soundness.running, self.ends >= TROUBLED_ENDS)
        if wanted != self._hashed_for or time.monotonic() - self._hashed_at >= HASH_EVERY_S:
            self._soundness.look()
            self._hashed_at, self._hashed_for = time.monotonic(), wanted
