"""The counter with a clock that moves when told: when a sale is in progress, and what its lock does."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.till.shop_floor import CASHIER, StillClock, floor
from till.counter import IDLE_SALE_S, Counter
from till.edition import MIGRATIONS
from till.errors import Refused
from till.journal.journal import Journal
from till.journal.sales import SaleOrder
from till.locks import FileLock


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def agent(tmp_path: Path) -> FileLock:
    return FileLock(tmp_path / "sale.lock")


@pytest.fixture
def counter(tmp_path: Path, clock: StillClock) -> Iterator[Counter]:
    with floor(tmp_path):
        pass
    journal = Journal.open(tmp_path, MIGRATIONS)
    yield Counter(journal, FileLock(tmp_path / "sale.lock"), clock, proving=False)
    journal.close()


def refusal(counter: Counter, holder: str = "a") -> str:
    with pytest.raises(Refused) as refused:
        counter.begin(holder)
    return refused.value.code


def order(fen: int = 1_00) -> SaleOrder:
    return SaleOrder(f"form {fen}", CASHIER, fen, fen)


def test_the_agent_is_kept_out_from_the_first_key_until_the_receipt(counter: Counter, agent: FileLock) -> None:
    counter.begin("a")
    assert not agent.take_exclusive()
    counter.sell("a", order())
    assert agent.take_exclusive()


def test_while_the_agent_works_no_sale_begins(counter: Counter, agent: FileLock) -> None:
    assert agent.take_exclusive()
    assert refusal(counter) == "CHANGING_VERSION"
    agent.release()
    counter.begin("a")


def test_the_last_of_two_screens_lets_the_lock_go(counter: Counter, agent: FileLock) -> None:
    counter.begin("a")
    counter.begin("b")
    counter.end("a")
    assert not agent.take_exclusive()
    counter.end("b")
    assert agent.take_exclusive()


def test_a_sale_left_alone_is_given_up(counter: Counter, clock: StillClock, agent: FileLock) -> None:
    counter.begin("a")
    clock.passes(IDLE_SALE_S - 1)
    counter.begin("a")
    clock.passes(IDLE_SALE_S - 1)
    assert counter.state()["sale"] is True
    clock.passes(2)
    assert counter.state()["sale"] is False
    assert agent.take_exclusive()


def test_a_refused_sale_stays_in_progress(counter: Counter) -> None:
    with pytest.raises(Refused):
        counter.sell("a", SaleOrder("f", CASHIER, 2, 1))
    assert counter.sale_in_progress


def test_nothing_is_settled_during_a_sale(counter: Counter) -> None:
    counter.sell("a", order())
    counter.begin("a")
    with pytest.raises(Refused, match="SALE_IN_PROGRESS"):
        counter.settle("01")
    counter.end("a")
    assert counter.settle("01") is not None


def test_a_till_that_waits_to_stop_finishes_its_sale_and_begins_no_other(counter: Counter) -> None:
    stopped: list[bool] = []
    counter.begin("a")
    counter.stop_after_sale(lambda: stopped.append(True))
    assert refusal(counter, "b") == "STOPPING"
    assert stopped == []
    counter.sell("a", order())
    assert stopped == [True]
    assert refusal(counter) == "STOPPING"
