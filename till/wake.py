"""What ends the main thread's wait: SIGTERM, SIGINT, or another thread asking for the stop.

Both come through one socket pair: a signal handler may not touch locks, but the interpreter may write a byte for it
(signal.set_wakeup_fd).
"""

import select
import signal
import socket
from dataclasses import dataclass
from typing import Self

STOP = 0  # no signal has this number
SIGNALS = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True)
class Received:
    """What arrived during one wait."""

    stop: bool
    signals: int


class Wake:
    """While entered, the stop signals no longer end the process by themselves."""

    def __init__(self) -> None:
        self._inner, self._outer = socket.socketpair()
        for end in (self._inner, self._outer):
            end.setblocking(False)

    def __enter__(self) -> Self:
        for number in SIGNALS:
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(self._outer.fileno())
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(-1)
        self._inner.close()
        self._outer.close()

    def stop(self) -> None:
        """Ends the wait; any thread may call it."""
        self._outer.send(bytes([STOP]))

    def wait(self, timeout_s: float) -> Received:
        """Until something arrives or the time is over."""
        ready, _, _ = select.select([self._inner], [], [], timeout_s)
        arrived = self._inner.recv(64) if ready else b""
        return Received(STOP in arrived, sum(arrived.count(number) for number in SIGNALS))
