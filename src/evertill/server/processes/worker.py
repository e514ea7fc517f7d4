"""The worker: runs due jobs and queued work until it is told to stop. Any number may run; a database lease decides who runs a job."""

from __future__ import annotations

import os
import signal
import socket
import threading
from typing import TYPE_CHECKING

from evertill.server import composition, configuration
from evertill.server.processes.parent import end_with_parent

if TYPE_CHECKING:
    from types import FrameType

IDLE_S = 1.0


def main() -> None:
    end_with_parent()
    installation = configuration.load(configuration.default_data())
    composition.start(installation.data, installation.database_url)
    from django.db import close_old_connections

    from evertill.server.registry import JOBS, QUEUE
    from evertill.server.rooms.kernel import jobs
    from evertill.server.rooms.kernel.clock import system_clock

    stop = threading.Event()

    def told_to_stop(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, told_to_stop)
    signal.signal(signal.SIGINT, told_to_stop)
    holder = f"{socket.gethostname()}:{os.getpid()}"
    while not stop.is_set():
        close_old_connections()
        jobs.run_due(JOBS, holder, system_clock)
        jobs.run_queue(QUEUE, system_clock)
        stop.wait(IDLE_S)


if __name__ == "__main__":
    main()
