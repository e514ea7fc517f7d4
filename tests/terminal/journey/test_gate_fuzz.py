"""Whatever happens in a shop, and in whatever order: an install begins only where the gate was true at that very instant.

The step that stops the till is the real one, with its real locks and its real clients; behind the two sockets stands a till of which the test
knows what is true, so what the gate ought to have said is computed from the shop and not by the gate.
"""

import multiprocessing
import selectors
import shutil
import socket
import tempfile
import threading
from datetime import UTC, datetime
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from evertill.terminal.agent.journey.journal import Journey
from evertill.terminal.agent.journey.quiescing import Quiescing
from evertill.terminal.agent.journey.standstill import Standstill
from evertill.terminal.agent.journey.step import Done, NotYet
from evertill.terminal.agent.journey.tills import Tills
from evertill.terminal.generations.folders import GenerationFolders
from evertill.terminal.line_server import LineServer
from evertill.terminal.locks import FileLock
from evertill.terminal.supervisor_client import Supervisor
from evertill.terminal.till_client import Till

NOW = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)
COUNTS = st.integers(0, 3)
CASHIERS = 3
ROUNDS = 400


class Peers:
    """The till's and the supervisor's side of their sockets, in a thread; what is true of the till is public."""

    def __init__(self, home: Path) -> None:
        self.run = home / "run" / "till"
        self.run.mkdir(parents=True)
        self.sale = FileLock(self.run / "sale.lock")
        self.answers, self.mode, self.pid = True, "selling", 1
        self.batch = self.pending = self.queue = 0
        self._selector = selectors.DefaultSelector()
        self._awake, self._wake = socket.socketpair()
        self._selector.register(self._awake, selectors.EVENT_READ, lambda: None)
        self._over = False
        LineServer(self.run / "ready.sock", self._selector, self._till, lambda _: None)
        LineServer(home / "run" / "supervisor.sock", self._selector, self._supervisor, lambda _: None)
        self._thread = threading.Thread(target=self._loop)
        self._thread.start()

    def owes(self, *, needs_empty_batch: bool) -> bool:
        """What the rules of till and terminal call a till that must not be stopped."""
        batch = self.batch if needs_empty_batch else 0
        return bool(self.sale.held or self.pending or self.queue or batch or self.mode != "selling" or not self.answers)

    def close(self) -> None:
        self._over = True
        self._wake.send(b"x")
        self._thread.join(10)
        self.sale.release()
        for key in list(self._selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
        self._selector.close()
        self._wake.close()

    def _loop(self) -> None:
        while not self._over:
            for key, _ in self._selector.select():
                key.data()

    def _till(self, _peer: socket.socket, request: dict[str, Any]) -> dict[str, Any]:
        if not self.answers:
            return {"silent": True}  # no answer in the agreed words is none
        if request.get("do") == "stop":
            if self.sale.held:
                return {"error": "SALE_IN_PROGRESS"}
            self.pid = 0
            return {"ok": True}
        counts = {"batch_count": self.batch, "pending": self.pending, "queue": self.queue}
        words = {"version": "1.0.0", "schema": 1, "mode": self.mode, "sale": self.sale.held, "pid": 1}
        return {**words, **counts, "journal": {"rows": 5, "last_id": 5}}

    def _supervisor(self, _peer: socket.socket, request: dict[str, Any]) -> dict[str, Any]:
        if request.get("do") == "stop_till":
            self.pid = 0
        return {"ok": True, "till": {"pid": self.pid or None, "generation": 1}}


class ShopFloor(RuleBasedStateMachine):
    """A cashier, an acquirer, a till with moods, and an agent that wants to install whenever it may."""

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp(prefix="gate"))
        self.till = Peers(self.home)
        generations = GenerationFolders(self.home / "generations")
        generations.slots(2).mkdir(parents=True)
        supervisor = Supervisor(self.home / "run" / "supervisor.sock")
        self.standstill = Standstill(supervisor, self.till.run)
        tills = Tills(supervisor, Till(self.till.run))
        self.step = Quiescing(generations, tills, self.standstill, answer_within_s=0.0)

    def teardown(self) -> None:
        self.standstill.end()
        self.till.close()
        shutil.rmtree(self.home)

    @precondition(lambda self: not self.till.sale.held)
    @rule()
    def first_key(self) -> None:
        """By the contract: no lock, no sale."""
        assert self.till.sale.take_shared() != self.standstill.held

    @precondition(lambda self: self.till.sale.held)
    @rule()
    def receipt(self) -> None:
        self.till.sale.release()
        self.till.batch += 1

    @precondition(lambda self: not self.till.sale.held)
    @rule()
    def settle(self) -> None:
        self.till.batch = 0

    @rule(pending=COUNTS, queue=COUNTS)
    def acquirer(self, pending: int, queue: int) -> None:
        self.till.pending, self.till.queue = pending, queue

    @rule(mode=st.sampled_from(["selling", "selling", "proving", "stopping"]), answers=st.booleans())
    def mood(self, mode: str, *, answers: bool) -> None:
        self.till.mode, self.till.answers = mode, answers

    @precondition(lambda self: not self.standstill.held)
    @rule(needs_empty_batch=st.booleans())
    def install(self, *, needs_empty_batch: bool) -> None:
        owed = self.till.owes(needs_empty_batch=needs_empty_batch)
        journey = Journey(
            id="action-5",
            release=12,
            parts=(),
            from_generation=1,
            to_generation=2,
            began_at=NOW,
            entered_at=NOW,
            needs_empty_batch=needs_empty_batch,
        )
        outcome = self.step.run(journey, NOW)
        assert isinstance(outcome, NotYet if owed else Done)
        assert self.standstill.held is not owed
        if isinstance(outcome, NotYet):
            assert outcome.reasons, "it says why"
        else:
            assert not self.till.pid, "no till runs while the versions change"

    @precondition(lambda self: self.standstill.held)
    @rule()
    def given_back(self) -> None:
        self.standstill.end()
        self.till.pid = 1

    @invariant()
    def never_both(self) -> None:
        assert not (self.till.sale.held and self.standstill.held)


TestShopFloor = ShopFloor.TestCase
TestShopFloor.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def _cashier(lock: Path, selling: Any, sales: Any, over: Event) -> None:
    """Sells as fast as the lock lets it; what is going on stands in shared memory."""
    while not over.is_set():
        sale = FileLock(lock)
        if sale.take_shared():
            with selling.get_lock():
                selling.value += 1
            with sales.get_lock():
                sales.value += 1
            with selling.get_lock():
                selling.value -= 1
            sale.release()


def test_race_of_sales_against_the_standstill_has_one_winner_every_time(tmp_path: Path) -> None:
    """Real flocks, real processes: while it is ours nobody sells, and nobody who began is overrun."""
    home = tmp_path
    peers = Peers(home)
    processes = multiprocessing.get_context("fork")
    selling, sales, over = processes.Value("i", 0), processes.Value("i", 0), processes.Event()
    words = (peers.run / "sale.lock", selling, sales, over)
    cashiers = [processes.Process(target=_cashier, args=words) for _ in range(CASHIERS)]
    won = lost = 0
    for cashier in cashiers:
        cashier.start()
    try:
        while won + lost < ROUNDS or (not won and lost < 50 * ROUNDS):
            standstill = Standstill(Supervisor(home / "run" / "supervisor.sock"), peers.run)
            if standstill.begin():
                won += 1
                before = sales.value
                assert [selling.value for _ in range(50)] == [0] * 50
                assert sales.value == before
                standstill.end()
            else:
                lost += 1
                assert not standstill.held
    finally:
        over.set()
        for cashier in cashiers:
            cashier.join(10)
        peers.close()
    assert [cashier.exitcode for cashier in cashiers] == [0] * CASHIERS
    assert won
    assert sales.value
