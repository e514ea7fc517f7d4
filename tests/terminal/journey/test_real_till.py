"""The journey with the reference till itself: its migrations, its proving starts, its bad builds."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from evertill.protocol.journey import Outcome, State
from evertill.protocol.reasons import Reason
from tests.fakes.real_shop import cashier, open_shop, real_bundle
from tests.fakes.rig import Answers, Rig, Traveller
from tests.till.fake_devices import fake_driver
from till.devices.attached import Attached, attach, attached

pytestmark = pytest.mark.journey


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Rig]:
    rig = open_shop(tmp_path / "home")
    try:
        yield rig
    finally:
        rig.close()


def numbers(rig: Rig) -> list[tuple[str, int]]:
    """Every receipt of the running generation with its amount."""
    current = rig.generations.current()
    assert current is not None
    with closing(sqlite3.connect(rig.generations.data(current) / "journal.db")) as journal:
        return list(journal.execute("SELECT number, total_fen FROM receipts ORDER BY number"))


def update(rig: Rig, version: str, **order: Any) -> Traveller:
    bundles, part = real_bundle(version)
    traveller = Traveller(rig, Answers(bundles))
    traveller.begin(part, **order)
    return traveller


def test_update_and_going_back_keep_every_receipt_to_the_fen(shop: Rig) -> None:
    at_till = cashier(shop)
    sold = [(at_till.sell(1250), 1250), (at_till.sell(1), 1), (at_till.sell(99999), 99999)]
    shop.till.settle()
    traveller = update(shop, "1.1.0")
    assert traveller.go()[-1] is State.REPORTED
    assert traveller.answers.ended[0].outcome is Outcome.COMMITTED
    assert shop.sells("1.1.0")
    assert numbers(shop) == sold
    sold.append((cashier(shop).sell(800), 800))
    shop.till.settle()
    traveller.begin(release=1, back_to=1)
    assert traveller.go()[-1] is State.REPORTED
    assert shop.sells("1.0.0")
    assert numbers(shop) == sold
    sold.append((cashier(shop).sell(5), 5))
    assert numbers(shop) == sold


def test_unsettled_batch_waits_for_settlement(shop: Rig) -> None:
    cashier(shop).sell(100)
    traveller = update(shop, "1.1.0")
    assert traveller.go()[-1] is State.WAITING
    assert traveller.journeys.journey is not None
    assert traveller.journeys.journey.held == (Reason.of("TILL_BATCH_UNSETTLED", count=1),)
    shop.till.settle()
    assert traveller.go()[-1] is State.REPORTED


def test_open_sale_at_the_pages_holds_the_update(shop: Rig) -> None:
    at_till = cashier(shop)
    assert at_till.post("sale", typed="100", go="1").location == "tender"
    traveller = update(shop, "1.1.0")
    assert traveller.go()[-1] is State.WAITING
    assert traveller.journeys.journey is not None
    assert Reason.of("TILL_SALE") in traveller.journeys.journey.held


def test_bad_build_is_stopped_by_its_rehearsal(shop: Rig) -> None:
    selling = shop.till_pid()
    traveller = update(shop, "1.1.1+bad1")
    assert traveller.go()[-3:] == [State.REHEARSING, State.FAILED, State.REPORTED]
    assert traveller.answers.ended[0].outcome is Outcome.FAILED
    assert shop.till_pid() == selling


def test_build_that_dies_on_its_second_start_is_rolled_back(shop: Rig) -> None:
    sold = [(cashier(shop).sell(1250), 1250)]
    shop.till.settle()
    traveller = update(shop, "1.1.2+bad2")
    assert traveller.go()[-3:] == [State.PROVING, State.ROLLING_BACK, State.REPORTED]
    assert traveller.answers.ended[0].outcome is Outcome.ROLLED_BACK
    assert shop.sells("1.0.0")
    assert numbers(shop) == sold


def test_shop_is_without_a_till_for_seconds_only(shop: Rig) -> None:
    traveller = update(shop, "1.1.0")
    traveller.go()
    (ended,) = traveller.answers.ended
    assert ended.without_till_s is not None
    assert ended.without_till_s < 10, "the target is a median of 2.0 s on a quiet machine: make bench"


def attach_reader(rig: Rig, path: Path) -> None:
    current = rig.generations.current()
    assert current is not None
    attach(rig.generations.data(current), "reader", Attached("driver", str(path)))


def test_right_version_with_a_dead_reader_never_replaces_the_old_one(shop: Rig, tmp_path: Path) -> None:
    with fake_driver(tmp_path / "reader.sock") as reader:
        attach_reader(shop, reader.path)
    selling = shop.till_pid()
    traveller = update(shop, "1.2.0")
    assert traveller.go()[-3:] == [State.REHEARSING, State.FAILED, State.REPORTED]
    (ended,) = traveller.answers.ended
    assert ended.failure is not None
    assert str(ended.failure.params["what"]).startswith("self-test: reader_answers silent")
    assert shop.till_pid() == selling
    assert shop.sells("1.0.0")


def test_reader_that_dies_after_the_rehearsal_is_rolled_back(shop: Rig, tmp_path: Path) -> None:
    sold = [(cashier(shop).sell(1250), 1250)]
    shop.till.settle()
    with fake_driver(tmp_path / "reader.sock") as reader:
        attach_reader(shop, reader.path)
        traveller = update(shop, "1.2.0")
        assert traveller.go(stop_in=State.QUIESCING)[-1] is State.REFRESHING
    assert traveller.go()[-3:] == [State.PROVING, State.ROLLING_BACK, State.REPORTED]
    (ended,) = traveller.answers.ended
    assert ended.outcome is Outcome.ROLLED_BACK
    assert shop.sells("1.0.0")
    assert numbers(shop) == sold


def test_three_schemas_up_and_down_keep_every_receipt_and_the_attached_reader(shop: Rig, tmp_path: Path) -> None:
    with fake_driver(tmp_path / "reader.sock") as reader:
        attach_reader(shop, reader.path)
        sold = [(cashier(shop).sell(1250), 1250)]
        shop.till.settle()
        for number, (version, back_to) in enumerate((("1.1.0", None), ("1.2.0", None), ("1.1.0", 2), ("1.2.0", None))):
            bundles, part = real_bundle(version)
            traveller = Traveller(shop, Answers(bundles))
            traveller.begin(*([] if back_to else [part]), release=10 + number, back_to=back_to)
            assert traveller.go()[-1] is State.REPORTED, version
            assert traveller.answers.ended[0].outcome is Outcome.COMMITTED, version
            assert shop.sells(version)
            assert numbers(shop) == sold
            sold.append((cashier(shop).sell(100 * len(sold)), 100 * len(sold)))
            shop.till.settle()
        assert numbers(shop) == sold
        current = shop.generations.current()
        assert current is not None
        assert attached(shop.generations.data(current))["reader"].path == str(reader.path)
