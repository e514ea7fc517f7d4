"""A file of the running till goes bad, with nothing but real parts: first the terminal heals itself, then the server sends the version again."""

from __future__ import annotations

import json
import os
import shutil
import signal
from typing import TYPE_CHECKING

import pytest

from tests.journeys.office import Office
from tests.journeys.terminal.counter import SERIAL, Counter, demo_shop, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.journey


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    (tmp_path / "office").mkdir()
    with Office(tmp_path / "office") as office:
        demo_shop(office)
        yield office


@pytest.fixture
def counter(office: Office, tmp_path: Path) -> Iterator[Counter]:
    (tmp_path / "counter").mkdir()
    counter = Counter(office, tmp_path / "counter")
    yield counter
    counter.stop()


def break_till(counter: Counter) -> None:
    """A bad block in its program, noticed when the till is started the next time."""
    (counter.home / "generations" / "current" / "slot" / "till" / "till" / "main.py").write_bytes(b"\0")
    os.kill(json.loads((counter.home / "run" / "till" / "till.pid").read_bytes())["pid"], signal.SIGKILL)


def is_sold_by(counter: Counter, generation: int) -> bool:
    status = counter.status()
    till = status["till"]
    return bool(status["generation"] == generation and till and till["mode"] == "selling" and not status["journey"])


def test_damaged_till_sells_again_with_every_sale_from_its_own_files_or_from_the_server(
    office: Office, counter: Counter, bundles: Path
) -> None:
    release = office.till_release(bundles / "till-1.0.0.evb", "1.0.0")
    office.assign(SERIAL, release)
    until(lambda: counter.runs("1.0.0"), "1.0.0 runs")
    counter.cashier.first_day()
    counter.cashier.sign_in()
    counter.cashier.sell(1990, 250)
    before = counter.books()

    break_till(counter)
    until(lambda: is_sold_by(counter, 2), "repaired with what lies here")
    assert counter.books() == before

    shutil.rmtree(counter.home / "cache")
    (counter.home / "cache").mkdir(mode=0o700)
    break_till(counter)
    until(
        lambda: "till.trouble = REPAIR_NEEDS_SERVER" in office.say("terminal", "show", SERIAL), "the operator sees it"
    )
    assert "REPAIR_NEEDS_SERVER" in json.dumps(counter.status()["condition"])
    action = office.assign(SERIAL, release)
    until(lambda: is_sold_by(counter, 3), "repaired with what the server sent")
    until(lambda: bool(office.action(action)["verified"]), "the server believes it")
    assert counter.books() == before
    counter.cashier.sign_in()
    counter.cashier.sell(75)
    assert counter.books() == (before[0] + 1, before[1] + 75)
