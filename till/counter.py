"""The counter 收银台: when a sale is in progress, and the only way to record one.

A sale is in progress from its first key until its receipt is durable; for that time the till holds `sale.lock` shared,
so that whoever changes the version knows. Pages and the readiness socket both come through here; neither touches the
lock or the journal's tables.
"""

import threading
from collections.abc import Callable
from enum import StrEnum
from typing import TypedDict

from till.clock import Clock
from till.errors import Refused
from till.journal import batches, sales, totals
from till.journal.journal import Journal
from till.locks import FileLock

IDLE_SALE_S = 300.0  # a sale nobody goes on with is given up after this


class Mode(StrEnum):
    """What the till does at the moment."""

    PROVING = "proving"
    SELLING = "selling"
    STOPPING = "stopping"


class CounterState(TypedDict):
    """The counter's part of the readiness answer (CONTRACT.md §4)."""

    mode: str
    sale: bool
    batch: int
    batch_count: int
    pending: int
    queue: int
    journal: dict[str, int]
    last_settled_at: str | None


class Counter:
    """Knows who is in the middle of a sale; each is known by a holder's name of their choice."""

    def __init__(self, journal: Journal, sale_lock: FileLock, clock: Clock, *, proving: bool) -> None:
        self.journal = journal
        self.clock = clock
        self._lock = sale_lock
        self._mode = Mode.PROVING if proving else Mode.SELLING
        self._turn = threading.RLock()
        self._touched: dict[str, float] = {}
        self._when_free: Callable[[], None] = lambda: None

    @property
    def mode(self) -> Mode:
        """Proving, selling or stopping."""
        return self._mode

    @property
    def sale_in_progress(self) -> bool:
        """Whether anybody is in the middle of a sale or refund."""
        with self._turn:
            self.give_up_idle()
            return bool(self._touched)

    def begin(self, holder: str) -> None:
        """The first key, or any later one: the sale is in progress from now on.

        Raises:
            Refused: PROVING, STOPPING, CHANGING_VERSION.
        """
        with self._turn:
            self.give_up_idle()
            if holder not in self._touched:
                if self._mode is not Mode.SELLING:
                    raise Refused(self._mode.upper())
                if not self._lock.held and not self._lock.take_shared():
                    raise Refused("CHANGING_VERSION")
            self._touched[holder] = self.clock.monotonic()

    def end(self, holder: str) -> None:
        """The sale is over: recorded, or cleared by the person."""
        with self._turn:
            if self._touched.pop(holder, None) is not None and not self._touched:
                self._lock.release()
                if self._mode is Mode.STOPPING:
                    self._when_free()

    def give_up_idle(self) -> None:
        """Ends sales that nobody went on with; nothing of them was recorded."""
        with self._turn:
            oldest = self.clock.monotonic() - IDLE_SALE_S
            for holder in [holder for holder, touched in self._touched.items() if touched < oldest]:
                self.end(holder)

    def sell(self, holder: str, order: sales.SaleOrder) -> str:
        """Records a sale and returns its receipt's number, durable.

        Raises:
            Refused: as `begin`, `sales.record_sale` and `Journal.writing`; then the sale stays in progress.
        """
        self.begin(holder)
        with self.journal.writing() as db:
            number = sales.record_sale(db, order, self.clock.now())
        self.end(holder)
        return number

    def refund(self, holder: str, order: sales.RefundOrder) -> str:
        """Records a refund and returns its receipt's number, durable.

        Raises:
            Refused: as `begin`, `sales.record_refund` and `Journal.writing`; then the refund stays in progress.
        """
        self.begin(holder)
        with self.journal.writing() as db:
            number = sales.record_refund(db, order, self.clock.now())
        self.end(holder)
        return number

    def settle(self, settled_by: str) -> batches.Settled | None:
        """Closes the open batch; None if it is empty.

        Raises:
            Refused: SALE_IN_PROGRESS, PROVING, STOPPING, DISK_FULL, JOURNAL_NOT_WRITTEN.
        """
        with self._turn:
            if self._mode is not Mode.SELLING:
                raise Refused(self._mode.upper())
            if self.sale_in_progress:
                raise Refused("SALE_IN_PROGRESS")
            with self.journal.writing() as db:
                return batches.settle(db, settled_by, self.clock.now())

    def start_selling(self) -> None:
        """Ends proving; repeated, it changes nothing.

        Raises:
            Refused: STOPPING.
        """
        with self._turn:
            if self._mode is Mode.STOPPING:
                raise Refused("STOPPING")
            self.journal.allow_writing()
            self._mode = Mode.SELLING

    def stop(self) -> None:
        """No sale begins from now on.

        Raises:
            Refused: SALE_IN_PROGRESS, and then nothing changed.
        """
        with self._turn:
            if self.sale_in_progress:
                raise Refused("SALE_IN_PROGRESS")
            self._mode = Mode.STOPPING

    def stop_after_sale(self, when_free: Callable[[], None]) -> None:
        """No further sale begins; `when_free` is called once the one in progress is over."""
        with self._turn:
            self._when_free = when_free
            self._mode = Mode.STOPPING

    def state(self) -> CounterState:
        """What the agent's gate asks."""
        with self._turn, self.journal.reading() as db:
            batch = sales.open_batch(db)
            rows, last_id = db.execute("SELECT count(*), coalesce(max(id), 0) FROM sales").fetchone()
            settled = batches.last_settled(db)
            return {
                "mode": str(self._mode),
                "sale": self.sale_in_progress,
                "batch": batch,
                "batch_count": totals.of_batch(db, batch).count,
                "pending": 0,
                "queue": 0,
                "journal": {"rows": rows, "last_id": last_id},
                "last_settled_at": settled.settled_at if settled else None,
            }
