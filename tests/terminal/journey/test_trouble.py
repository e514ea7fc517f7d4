"""What a terminal does when its own memory, disk or processes fail in the middle of a journey."""

import errno
import os
import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest

from evertill.protocol.journey import Outcome, State
from evertill.terminal.agent.journey.journal import Journal, Journey
from evertill.terminal.agent.journey.resume import MAX_CRASHES
from evertill.terminal.agent.journey.run import Journeys
from tests.fakes.components import till_bundle
from tests.fakes.rig import Answers, Rig, Traveller, until

S = State


class FullDisk(Journal):
    """A journal on a disk that is full whenever one of these states is to be saved."""

    def __init__(self, path: Path, *states: State) -> None:
        super().__init__(path)
        self.states = set(states)

    def save(self, journey: Journey) -> None:
        if journey.state in self.states:
            raise OSError(errno.ENOSPC, "no room for the journal")
        super().save(journey)


def on_full_disk(rig: Rig, *states: State) -> tuple[Traveller, FullDisk]:
    bundles, part = till_bundle("1.1.0", 2)
    traveller = Traveller(rig, Answers(bundles))
    disk = FullDisk(rig.home / "state" / "journey.json", *states)
    neighbours = traveller.answers.neighbours()
    traveller.journeys = Journeys(rig.home, neighbours, lambda: datetime.now(UTC), disk)
    rig.clients.append(traveller.journeys.supervisor)
    traveller.journeys.resume()
    traveller.begin(part)
    return traveller, disk


@pytest.mark.parametrize("state", [S.PREFLIGHT2, S.MIGRATING, S.SWITCHING, S.PROVING, S.COMMITTED])
def test_journal_that_cannot_be_written_before_the_mark_leaves_the_old_till_selling(rig: Rig, state: State) -> None:
    traveller, disk = on_full_disk(rig, state)
    traveller.go()
    until(lambda: rig.sells("1.0.0"), "the old till sells")
    assert rig.generations.current() == 1
    assert rig.tell_till(do="sale", key="on a full disk", fen=100) == {"ok": True}
    disk.states.clear()
    for _ in range(3):
        traveller.go()
    (ended,) = traveller.answers.ended
    proved = state is S.COMMITTED  # what was proven once is not proven again on data that have grown since
    assert ended.outcome is (Outcome.ROLLED_BACK if proved else Outcome.COMMITTED)
    assert rig.sells("1.0.0" if proved else "1.1.0")
    assert rig.till.state().journal.rows == 6


@pytest.mark.parametrize("state", [S.SELLING, S.REPORTED])
def test_journal_that_cannot_be_written_after_the_mark_does_not_stop_the_new_till(rig: Rig, state: State) -> None:
    traveller, disk = on_full_disk(rig, state)
    traveller.go()
    until(lambda: rig.sells("1.1.0"), "the new till sells")
    disk.states.clear()
    traveller.go()
    (ended,) = traveller.answers.ended
    assert ended.outcome is Outcome.COMMITTED


@pytest.mark.parametrize(
    ("state", "sells"),
    [(S.WAITING, "1.0.0"), (S.MIGRATING, "1.0.0"), (S.SWITCHING, "1.0.0"), (S.PROVING, "1.0.0"), (S.SELLING, "1.1.0")],
)
def test_damaged_journal_is_put_aside_and_link_and_mark_decide(rig: Rig, state: State, sells: str) -> None:
    bundles, part = till_bundle("1.1.0", 2)
    traveller = Traveller(rig, Answers(bundles))
    traveller.begin(part)
    traveller.go(stop_in=state)
    journal = rig.home / "state" / "journey.json"
    journal.write_bytes(journal.read_bytes()[:100])
    again = Traveller(rig, traveller.answers)
    traveller.journeys._machine._parts.standstill.end()  # the agent that held it is dead
    assert again.journeys.damage is not None
    assert again.journeys.journey is None
    assert (rig.home / "state" / "journey.json.damaged").exists()
    until(lambda: rig.sells(sells), f"{sells} sells")
    assert rig.till.state().journal.rows == 5
    again.begin(part)
    again.go()
    assert again.answers.ended[-1].outcome is Outcome.COMMITTED
    assert rig.sells("1.1.0")


@pytest.mark.parametrize(("state", "outcome"), [(S.REHEARSING, Outcome.FAILED), (S.PROVING, Outcome.ROLLED_BACK)])
def test_journey_that_crashes_the_terminal_again_and_again_is_given_up(
    rig: Rig, state: State, outcome: Outcome
) -> None:
    bundles, part = till_bundle("1.1.0", 2)
    traveller = Traveller(rig, Answers(bundles))
    traveller.begin(part)
    for _ in range(MAX_CRASHES + 1):
        traveller.go(stop_in=state)
        traveller.journeys._machine._parts.standstill.end()
        traveller = Traveller(rig, traveller.answers)
    traveller.go()
    (ended,) = traveller.answers.ended
    assert ended.outcome is outcome
    assert ended.failure is not None
    assert ended.failure.params["what"] == "JOURNEY_LOOP"
    until(lambda: rig.sells("1.0.0"), "the old till sells")


def test_till_left_proving_by_an_earlier_attempt_is_replaced(rig: Rig) -> None:
    bundles, part = till_bundle("1.1.0", 2)
    traveller = Traveller(rig, Answers(bundles))
    traveller.begin(part)
    traveller.go(stop_in=S.PROVING)
    traveller.journeys._machine._parts.tills.start_proving(2)
    until(lambda: rig.state() is not None, "a proving till from an attempt before")
    assert traveller.go() == [S.PROVING, S.COMMITTED, S.SELLING, S.REPORTED]
    assert rig.sells("1.1.0")


def test_proven_till_that_dies_before_it_is_told_to_sell_is_started_again(rig: Rig) -> None:
    bundles, part = till_bundle("1.1.0", 2)
    traveller = Traveller(rig, Answers(bundles))
    traveller.begin(part)
    traveller.go(stop_in=S.SELLING)
    pid = rig.till_pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert traveller.go() == [S.SELLING, S.REPORTED]
    assert rig.sells("1.1.0")


def test_hanging_till_is_ended_by_force(rig: Rig) -> None:
    bundles, part = till_bundle("1.1.0", 2, "never_stops")
    traveller = Traveller(rig, Answers(bundles))
    traveller.begin(part)
    assert traveller.go()[-1] is S.REPORTED
    assert traveller.answers.ended[0].outcome is Outcome.COMMITTED
    assert rig.sells("1.1.0")
