"""The whole path with nothing but real parts: the server, its signed repository, the terminal's processes, the till and its cashier.

Chapters of one story, in order: each begins where the one before ended.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.journeys.office import Office
from tests.journeys.terminal.counter import SERIAL, Counter, demo_shop, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.journey


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with Office(tmp_path_factory.mktemp("office")) as office:
        demo_shop(office)
        yield office


@pytest.fixture(scope="module")
def counter(office: Office, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    counter = Counter(office, tmp_path_factory.mktemp("counter"))
    yield counter
    counter.stop()


def bring(office: Office, bundles: Path, version: str) -> int:
    """Publishes a version of the till and assigns it; the action's id."""
    return office.assign(SERIAL, office.till_release(bundles / f"till-{version}.evb", version))


def test_1_first_version_reaches_a_new_terminal_and_is_believed_only_from_itself(
    office: Office, counter: Counter, bundles: Path
) -> None:
    action = bring(office, bundles, "1.0.0")
    until(lambda: counter.runs("1.0.0"), "1.0.0 runs")
    until(lambda: bool(office.action(action)["verified"]), "the server believes it")
    assert office.action(action)["state"] == "finished"


def test_2_update_waits_for_settlement_says_so_and_keeps_every_sale(
    office: Office, counter: Counter, bundles: Path
) -> None:
    counter.cashier.first_day()
    counter.cashier.sign_in()
    counter.cashier.sell(1990, 250, 75)
    before = counter.books()
    action = bring(office, bundles, "1.1.0")
    until(lambda: "TILL_BATCH_UNSETTLED" in counter.held_by(), "it waits for the settlement")
    until(lambda: "TILL_BATCH_UNSETTLED" in office.say("terminal", "explain", SERIAL), "the server knows why")
    assert counter.status()["components"]["till"] == "1.0.0"
    counter.cashier.settle()
    until(lambda: counter.runs("1.1.0"), "1.1.0 runs")
    until(lambda: bool(office.action(action)["verified"]), "the server believes it")
    assert counter.books() == before
    assert sum(counter.cashier.receipts_fen) == before[1]


def test_3_bad_release_is_stopped_at_the_rehearsal_while_the_till_goes_on_selling(
    office: Office, counter: Counter, bundles: Path
) -> None:
    slots = counter.slots()
    action = bring(office, bundles, "1.1.1+bad1")
    until(lambda: office.action(action)["state"] == "error", "the rehearsal said no")
    until(lambda: counter.status()["journey"] is None, "it is over")
    assert counter.status()["components"]["till"] == "1.1.0"
    assert {name: counter.slots().get(name) for name in slots} == slots
    counter.cashier.sign_in()
    counter.cashier.sell(500)
    counter.cashier.settle()


def test_4_release_that_fails_on_its_second_start_is_rolled_back_by_itself(
    office: Office, counter: Counter, bundles: Path
) -> None:
    before = counter.books()
    action = bring(office, bundles, "1.1.2+bad2")
    until(lambda: office.action(action)["state"] == "error", "it was rolled back")
    until(lambda: counter.runs("1.1.0"), "1.1.0 is back")
    assert "rolled_back" in office.texts(action)
    assert counter.books() == before
    counter.cashier.sign_in()
    counter.cashier.sell(125)
    counter.cashier.settle()
    assert counter.books() == (before[0] + 1, before[1] + 125)


def test_5_switched_off_terminal_receives_nothing_and_both_sides_say_so(
    office: Office, counter: Counter, bundles: Path
) -> None:
    counter.switch("off")
    until(lambda: bool(counter.status()["policy"]["fields"]["mode"]["confirmed"]), "the server has confirmed it")
    slots = counter.slots()
    action = bring(office, bundles, "1.0.0")
    until(lambda: "MODE_NEVER" in office.say("terminal", "explain", SERIAL), "the server says why")
    polls = counter.status()["contact"]["last_at"]
    until(lambda: counter.status()["contact"]["last_at"] > polls, "it polled again")
    assert office.action(action)["state"] == "running"
    assert not {"retrieved", "download", "downloaded"} & set(office.lines(action))
    assert counter.slots() == slots


def test_6_power_cut_of_everything_comes_back_to_a_selling_till(counter: Counter) -> None:
    before = counter.books()
    found = subprocess.run(
        ["pgrep", "-f", str(counter.home)], capture_output=True, text=True, check=True
    ).stdout.split()
    for pid in found:
        subprocess.run(["kill", "-9", pid], check=False)
    counter.start_again()
    until(lambda: counter.try_to("status").returncode == 0, "the agent is back")
    until(lambda: counter.runs("1.1.0"), "1.1.0 sells again")
    assert counter.books() == before
    counter.cashier.sign_in()
    counter.cashier.sell(10)
