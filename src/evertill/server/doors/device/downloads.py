"""How many downloads this door process serves at one time.

One of our terminals that finds no place is told when to come back. A ddi client takes any refusal of an artifact as the failure of its action (DDI facts §4), so
it is never turned away from a file: its place is reserved when it retrieves the deployment, and while there is no place the link waits. A reservation that
nobody comes for ends by itself.
"""

from __future__ import annotations

from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Final

from evertill.server.doors.device.errors import DownloadsFull

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from evertill.server.limits import DoorLimits


OF_ONE_MOST: Final = 16  # SWUpdate opens one, RAUC a few; without a bound one device could take every file handle


class Downloads:
    """Counts running downloads and reservations. The event loop counts streams, the database threads reserve: hence the lock."""

    def __init__(self, limits: DoorLimits, monotonic: Callable[[], float]) -> None:
        self._most = limits.parallel_downloads
        self._retry_after_s = limits.download_retry_after_s
        self._reservation_s = limits.reservation_s
        self._monotonic = monotonic
        self._running: dict[int, int] = {}
        self._reserved: dict[int, float] = {}
        self._lock = Lock()

    @property
    def running(self) -> int:
        return sum(self._running.values())

    def has_place(self, terminal_id: int) -> bool:
        """Whether this terminal has a reservation or could get one."""
        with self._lock:
            return self._has_place(terminal_id)

    def reserve(self, terminal_id: int) -> None:
        """Keeps a place until the client has come for its files. Raises `DownloadsFull`."""
        with self._lock:
            if not self._has_place(terminal_id):
                raise DownloadsFull(retry_after_s=self._retry_after_s)
            self._reserved[terminal_id] = self._monotonic() + self._reservation_s

    def release(self, terminal_id: int) -> None:
        """The client has reported its end: nobody comes any more."""
        with self._lock:
            self._reserved.pop(terminal_id, None)

    @contextmanager
    def one(self, terminal_id: int, *, refusable: bool) -> Iterator[None]:
        """The time of one download. Raises `DownloadsFull` for a client that honours it when there is no place, and for any that opens more than an updater does."""
        with self._lock:
            if self._running.get(terminal_id, 0) >= OF_ONE_MOST or (refusable and not self._has_place(terminal_id)):
                raise DownloadsFull(retry_after_s=self._retry_after_s)
            self._running[terminal_id] = self._running.get(terminal_id, 0) + 1
        try:
            yield
        finally:
            with self._lock:
                self._end(terminal_id)

    def _has_place(self, terminal_id: int) -> bool:
        self._forget_late()
        if terminal_id in self._reserved:
            return True
        waiting = self._reserved.keys() - self._running.keys()
        return sum(self._running.values()) + len(waiting) < self._most

    def _end(self, terminal_id: int) -> None:
        left = self._running.pop(terminal_id) - 1
        if left:
            self._running[terminal_id] = left
        if terminal_id in self._reserved:
            # A cut client comes for the rest, a complete one perhaps for the next file: the place is kept a little longer.
            self._reserved[terminal_id] = self._monotonic() + self._reservation_s

    def _forget_late(self) -> None:
        now = self._monotonic()
        for terminal_id, until in list(self._reserved.items()):
            if until <= now and terminal_id not in self._running:
                del self._reserved[terminal_id]
