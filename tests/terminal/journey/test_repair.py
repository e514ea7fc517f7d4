"""A damaged slot repaired by a journey of its own: with a real supervisor, stub tills, and the agent's loop in the test."""

import os
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from evertill.protocol.journey import Outcome, State
from evertill.protocol.reasons import Reason
from evertill.protocol.release import ReleaseComponent
from evertill.terminal.generations.contents import damaged, load_contents
from evertill.terminal.generations.folders import TILL
from evertill.terminal.locks import FileLock
from tests.fakes.components import bundled, stage_params, till_bundle
from tests.fakes.rig import Answers, Rig, Traveller, until

S = State
FIVE = [f"sale-{number}" for number in range(5)]


def updated(rig: Rig, bundles: Path, *parts: ReleaseComponent) -> Traveller:
    """The shop after an update: generation 2 sells, made of files that are known."""
    traveller = Traveller(rig, Answers(bundles))
    traveller.begin(*parts)
    traveller.go()
    until(rig.sells, "the new till sells")
    return traveller


def keys_sold(rig: Rig) -> list[str]:
    current = rig.generations.current()
    assert current is not None
    with closing(sqlite3.connect(rig.generations.data(current) / "journal.db")) as journal:
        return [key for (key,) in journal.execute("SELECT key FROM entries ORDER BY id")]


def change(file: Path) -> None:
    file.write_bytes(b"raise SystemExit(3)  # a bad block\n")


def end_till(rig: Rig) -> None:
    pid = rig.till_pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: rig.till_pid() != pid, "the till is gone")


def damage_of(rig: Rig) -> tuple[str, ...]:
    current = rig.generations.current()
    assert current is not None
    return damaged(rig.generations.slots(current), load_contents(rig.generations.folder(current)))


@pytest.mark.parametrize("how", ["changed", "deleted", "manifest", "all of it"])
def test_till_that_cannot_start_any_more_sells_again_with_every_sale(rig: Rig, how: str) -> None:
    bundles, part = till_bundle("1.1.0", 2, needs_empty_batch=True)
    rig.till.settle()
    traveller = updated(rig, bundles, part)
    rig.tell_till(do="sale", key="unsettled", fen=100)
    slot = rig.generations.slot(2, TILL)
    match how:
        case "changed":
            change(slot / "main.py")
        case "deleted":
            (slot / "traits.json").unlink()
        case "manifest":
            (slot / "manifest.json").write_bytes(b"{")
        case _:
            shutil.rmtree(slot)
    end_till(rig)
    assert damage_of(rig) == (TILL,)
    traveller.begin(part, repair=True)
    assert traveller.go()[-1] is S.REPORTED
    assert traveller.answers.ended[-1].outcome is Outcome.COMMITTED
    assert rig.sells("1.1.0")
    assert keys_sold(rig) == [*FIVE, "unsettled"]
    assert damage_of(rig) == ()
    assert rig.tell_till(do="sale", key="after", fen=100) == {"ok": True}


def test_repaired_slot_takes_the_place_of_the_damaged_one_and_the_version_before_stays(rig: Rig) -> None:
    bundles, part = till_bundle("1.1.0", 2)
    traveller = updated(rig, bundles, part)
    origin = load_contents(rig.generations.folder(2))
    change(rig.generations.slot(2, TILL) / "main.py")
    traveller.begin(part, repair=True, release=9)
    traveller.go()
    assert rig.generations.numbers() == [1, 3]
    assert load_contents(rig.generations.folder(3)) == origin
    assert rig.generations.release(3) == 2
    assert rig.generations.versions(3) == {"params": "1", "till": "1.1.0"}


def test_damaged_slot_that_still_sells_is_repaired_between_two_sales(rig: Rig) -> None:
    bundles, part = till_bundle("1.1.0", 2)
    traveller = updated(rig, bundles, part)
    change(rig.generations.slot(2, TILL) / "main.py")
    selling = rig.till_pid()
    rig.tell_till(do="first_key")
    traveller.begin(part, repair=True)
    assert traveller.go()[-1] is S.WAITING
    assert traveller.journeys.journey is not None
    assert traveller.journeys.journey.held == (Reason.of("TILL_SALE"),)
    assert rig.till_pid() == selling
    rig.tell_till(do="receipt")
    assert traveller.go()[-1] is S.REPORTED
    assert rig.sells("1.1.0")


def test_silent_till_with_a_sale_in_its_hands_is_not_ended_by_a_repair(rig: Rig) -> None:
    bundles, part = till_bundle("1.1.0", 2)
    traveller = updated(rig, bundles, part)
    change(rig.generations.slot(2, TILL) / "main.py")
    rig.tell_till(do="first_key")
    silent = rig.till_pid()
    assert silent is not None
    os.kill(silent, signal.SIGSTOP)
    traveller.begin(part, repair=True)
    traveller.go(stop_in=S.QUIESCING)
    assert traveller.go() == [S.QUIESCING]
    assert traveller.journeys.journey is not None
    assert traveller.journeys.journey.held == (Reason.of("TILL_SALE"),)
    assert rig.till_pid() == silent
    os.kill(silent, signal.SIGCONT)
    rig.tell_till(do="receipt")
    assert traveller.go()[-1] is S.REPORTED


def test_silent_till_without_a_sale_is_ended_under_both_locks(rig: Rig) -> None:
    bundles, part = till_bundle("1.1.0", 2)
    traveller = updated(rig, bundles, part)
    change(rig.generations.slot(2, TILL) / "main.py")
    silent = rig.till_pid()
    assert silent is not None
    os.kill(silent, signal.SIGSTOP)
    traveller.begin(part, repair=True)
    traveller.go(stop_in=S.MIGRATING)
    assert rig.till_pid() is None
    for name in ("sale.lock", "data.lock"):
        assert not FileLock(rig.run / name).take_exclusive(), f"{name} is the agent's"
    assert traveller.go()[-1] is S.REPORTED
    assert keys_sold(rig) == FIVE


def test_without_the_signed_file_the_same_component_of_another_generation_repairs(rig: Rig, tmp_path: Path) -> None:
    bundles, part = till_bundle("1.1.0", 2)
    traveller = updated(rig, bundles, part)
    params = bundled(stage_params(tmp_path / "staged", "2", "new fees\n"), tmp_path / "out")
    traveller.answers.bundles = tmp_path / "out"
    traveller.begin(params, release=3)
    traveller.go()
    change(rig.generations.slot(3, TILL) / "main.py")
    end_till(rig)
    traveller.begin(part, release=4, repair=True)
    assert traveller.go()[-1] is S.REPORTED
    assert rig.generations.current() == 4
    assert rig.sells("1.1.0")
    assert damage_of(rig) == ()
    assert rig.generations.versions(4) == {"params": "2", "till": "1.1.0"}


def test_nothing_here_to_repair_with_changes_nothing(rig: Rig, tmp_path: Path) -> None:
    bundles, part = till_bundle("1.1.0", 2)
    traveller = updated(rig, bundles, part)
    change(rig.generations.slot(2, TILL) / "main.py")
    traveller.answers.bundles = tmp_path
    traveller.begin(part, repair=True)
    assert traveller.go()[-2:] == [S.FAILED, S.REPORTED]
    failure = traveller.answers.ended[-1].failure
    assert failure == Reason.of("REPAIR_FAILED", version="1.1.0", what="till 1.1.0 is nowhere here")
    assert rig.generations.current() == 2
    assert rig.sells("1.1.0")


def test_file_that_is_not_what_was_installed_repairs_nothing(rig: Rig, tmp_path: Path) -> None:
    bundles, part = till_bundle("1.1.0", 2)
    traveller = updated(rig, bundles, part)
    change(rig.generations.slot(2, TILL) / "main.py")
    others, other = till_bundle("1.1.0", 2, "second_start")
    shutil.copy(others / other.path, tmp_path / part.path)
    traveller.answers.bundles = tmp_path
    traveller.begin(part, repair=True)
    assert traveller.go()[-2:] == [S.FAILED, S.REPORTED]
    assert traveller.answers.ended[-1].failure == Reason.of(
        "REPAIR_FAILED", version="1.1.0", what="till 1.1.0 is not what was installed"
    )
    assert rig.generations.current() == 2


@pytest.mark.parametrize(
    "state", [S.INSTALLING, S.QUIESCING, S.MIGRATING, S.SWITCHING, S.PROVING, S.COMMITTED, S.SELLING]
)
def test_repair_that_is_interrupted_anywhere_is_finished_after_the_restart(rig: Rig, state: State) -> None:
    bundles, part = till_bundle("1.1.0", 2)
    traveller = updated(rig, bundles, part)
    change(rig.generations.slot(2, TILL) / "main.py")
    end_till(rig)
    traveller.begin(part, repair=True)
    traveller.go(stop_in=state)
    traveller.journeys._machine._parts.standstill.end()  # what the agent held dies with it
    again = Traveller(rig, traveller.answers)
    again.go()
    assert traveller.answers.ended[-1].outcome is Outcome.COMMITTED
    assert rig.sells("1.1.0")
    assert keys_sold(rig) == FIVE
    assert damage_of(rig) == ()
