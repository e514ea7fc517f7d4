"""Whole journeys with a real supervisor and stub tills; the agent's loop runs in the test."""

import sqlite3
from contextlib import closing

import pytest

from evertill.protocol.journey import Outcome, State
from evertill.protocol.reasons import Reason
from evertill.terminal.agent.journey.step import ActionDropped, NotYet
from tests.fakes.components import bundled, stage_agent, stage_params, stage_till, till_bundle
from tests.fakes.rig import Answers, Rig, Traveller, install_agent, until

S = State
CHAIN = [
    S.OFFERED, S.CONSENT, S.PREFLIGHT1, S.DOWNLOADING, S.CHECKING, S.WAITING, S.PREFLIGHT2, S.BACKING_UP, S.INSTALLING,
    S.REHEARSING, S.REFRESHING, S.QUIESCING, S.MIGRATING, S.SWITCHING, S.PROVING, S.COMMITTED, S.SELLING, S.REPORTED,
]  # fmt: skip


def keys_sold(rig: Rig, generation: int) -> list[str]:
    with closing(sqlite3.connect(rig.generations.data(generation) / "journal.db")) as journal:
        return [key for (key,) in journal.execute("SELECT key FROM entries ORDER BY id")]


FIVE = [f"sale-{number}" for number in range(5)]


def test_good_release_goes_through_every_state_and_sells_with_every_sale(rig: Rig) -> None:
    bundles, part = till_bundle("1.1.0", 2)
    traveller = Traveller(rig, Answers(bundles))
    traveller.begin(part)
    assert traveller.go() == CHAIN
    assert [journey.state for journey in traveller.answers.entered] == CHAIN
    (ended,) = traveller.answers.ended
    assert ended.outcome is Outcome.COMMITTED
    assert ended.without_till_s is not None
    assert rig.generations.current() == 2
    assert rig.generations.is_committed(2)
    assert rig.sells("1.1.0")
    assert rig.tell_till(do="sale", key="new", fen=100) == {"ok": True}
    assert keys_sold(rig, 2) == [*FIVE, "new"]
    assert keys_sold(rig, 1) == FIVE
    assert traveller.journeys.journey is None


def test_second_proving_start_is_the_till_that_sells(rig: Rig) -> None:
    bundles, part = till_bundle("1.1.0", 2)
    traveller = Traveller(rig, Answers(bundles))
    traveller.begin(part)
    traveller.go(stop_in=S.COMMITTED)
    proved = rig.till_pid()
    assert rig.tell_till(do="sale", key="too early", fen=100) == {"error": "PROVING"}
    traveller.go()
    assert rig.till_pid() == proved
    assert (rig.generations.data(2) / "starts").read_text().split() == [
        "1.0.0",
        "1.1.0",
        "1.1.0",
    ]  # the old till's one came along


@pytest.mark.parametrize(
    ("fault", "what"),
    [("self_test", "self-test: totals do not add up"), ("migrate", "migrate: JOURNAL_NOT_WRITTEN")],
)
def test_release_that_fails_its_rehearsal_never_stops_the_old_till(rig: Rig, fault: str, what: str) -> None:
    selling = rig.till_pid()
    bundles, part = till_bundle("1.1.0", 2, fault)
    traveller = Traveller(rig, Answers(bundles))
    traveller.begin(part)
    assert traveller.go()[-2:] == [S.FAILED, S.REPORTED]
    (ended,) = traveller.answers.ended
    assert ended.outcome is Outcome.FAILED
    assert ended.failure == Reason.of("REHEARSAL_FAILED", version="1.1.0", what=what)
    assert rig.till_pid() == selling
    assert rig.generations.numbers() == [1]


@pytest.mark.parametrize(
    ("fault", "what"),
    [
        ("start", "start: the till ended before it was ready"),
        ("second_start", "start: the till ended before it was ready"),
        ("forgets_a_sale", "data: 4 entries instead of 5"),
        ("wrong_version", "running: 0.0.0 instead of 1.1.0"),
    ],
)
def test_release_that_cannot_prove_itself_is_rolled_back_with_every_sale(rig: Rig, fault: str, what: str) -> None:
    bundles, part = till_bundle("1.1.0", 2, fault)
    traveller = Traveller(rig, Answers(bundles))
    traveller.begin(part)
    assert traveller.go()[-3:] == [S.PROVING, S.ROLLING_BACK, S.REPORTED]
    (ended,) = traveller.answers.ended
    assert ended.outcome is Outcome.ROLLED_BACK
    assert ended.failure == Reason.of("ROLLED_BACK", version="1.1.0", back="1.0.0", what=what)
    assert rig.generations.current() == 1
    assert rig.generations.numbers() == [1]
    assert rig.sells("1.0.0")
    assert rig.tell_till(do="sale", key="after", fen=100) == {"ok": True}
    assert keys_sold(rig, 1) == [*FIVE, "after"]


def test_sale_in_progress_holds_the_update_until_its_receipt(rig: Rig) -> None:
    bundles, part = till_bundle("1.1.0", 2)
    traveller = Traveller(rig, Answers(bundles))
    rig.tell_till(do="first_key")
    traveller.begin(part)
    assert traveller.go()[-1] is S.WAITING
    assert traveller.journeys.journey is not None
    assert traveller.journeys.journey.held == (Reason.of("TILL_SALE"),)
    rig.tell_till(do="receipt")
    assert traveller.go()[-1] is S.REPORTED


def test_sale_begun_after_the_gate_was_asked_is_not_interrupted(rig: Rig) -> None:
    bundles, part = till_bundle("1.1.0", 2)
    traveller = Traveller(rig, Answers(bundles))
    traveller.begin(part)
    traveller.go(stop_in=S.QUIESCING)
    selling = rig.till_pid()
    rig.tell_till(do="first_key")
    assert traveller.go() == [S.QUIESCING]
    assert traveller.journeys.journey is not None
    assert traveller.journeys.journey.state is S.WAITING
    assert traveller.journeys.journey.held == (Reason.of("TILL_SALE"),)
    rig.tell_till(do="receipt")
    assert rig.till_pid() == selling
    assert rig.tell_till(do="sale", key="after", fen=100) == {"ok": True}
    assert rig.supervisor.state()["held"] is False


def test_sale_made_after_the_gate_was_asked_is_asked_about_again(rig: Rig) -> None:
    bundles, part = till_bundle("1.1.0", 2, needs_empty_batch=True)
    rig.till.settle()
    traveller = Traveller(rig, Answers(bundles))
    traveller.begin(part)
    traveller.go(stop_in=S.QUIESCING)
    selling = rig.till_pid()
    rig.tell_till(do="sale", key="in between", fen=100)
    assert traveller.go() == [S.QUIESCING]
    assert traveller.journeys.journey is not None
    assert traveller.journeys.journey.held == (Reason.of("TILL_BATCH_UNSETTLED", count=1),)
    assert rig.till_pid() == selling
    assert rig.tell_till(do="sale", key="after", fen=100) == {"ok": True}


def test_unsettled_batch_holds_a_release_that_needs_an_empty_one(rig: Rig) -> None:
    bundles, part = till_bundle("1.1.0", 2, needs_empty_batch=True)
    traveller = Traveller(rig, Answers(bundles))
    traveller.begin(part)
    assert traveller.go()[-1] is S.WAITING
    assert traveller.journeys.journey is not None
    assert traveller.journeys.journey.held == (Reason.of("TILL_BATCH_UNSETTLED", count=5),)
    rig.till.settle()
    assert traveller.go()[-1] is S.REPORTED


def test_silent_till_holds_the_update(rig: Rig) -> None:
    bundles, part = till_bundle("1.1.0", 2)
    (rig.run / "ready.sock").unlink()
    traveller = Traveller(rig, Answers(bundles))
    traveller.begin(part)
    assert traveller.go()[-1] is S.WAITING
    assert traveller.journeys.journey is not None
    assert traveller.journeys.journey.held == (Reason.of("TILL_SILENT"),)


def test_without_fresh_trust_the_journey_goes_back_to_waiting_and_the_shop_sells(rig: Rig) -> None:
    bundles, part = till_bundle("1.1.0", 2)
    answers = Answers(bundles, held={S.REFRESHING: NotYet((Reason.of("NO_FRESH_TRUST"),))})
    selling = rig.till_pid()
    traveller = Traveller(rig, answers)
    traveller.begin(part)
    assert traveller.go()[-1] is S.REFRESHING
    assert traveller.journeys.journey is not None
    assert traveller.journeys.journey.state is S.WAITING
    assert traveller.journeys.journey.held == (Reason.of("NO_FRESH_TRUST"),)
    assert rig.till_pid() == selling
    answers.held.clear()
    assert traveller.go()[-1] is S.REPORTED
    assert rig.sells("1.1.0")


@pytest.mark.parametrize(
    "state", [S.CONSENT, S.PREFLIGHT1, S.DOWNLOADING, S.CHECKING, S.WAITING, S.PREFLIGHT2, S.REFRESHING]
)
def test_cancelled_action_is_dropped_wherever_it_is_noticed(rig: Rig, state: State) -> None:
    bundles, part = till_bundle("1.1.0", 2)
    traveller = Traveller(rig, Answers(bundles, held={state: ActionDropped()}))
    traveller.begin(part)
    assert traveller.go()[-2:] == [S.FAILED, S.REPORTED]
    (ended,) = traveller.answers.ended
    assert ended.dropped
    assert ended.outcome is None
    assert rig.generations.numbers() == [1]
    assert rig.sells("1.0.0")


def test_going_back_brings_the_old_version_and_keeps_the_sales_made_since(rig: Rig) -> None:
    bundles, part = till_bundle("1.1.0", 2)
    traveller = Traveller(rig, Answers(bundles))
    traveller.begin(part)
    traveller.go()
    rig.tell_till(do="sale", key="on 1.1", fen=100)
    traveller.begin(release=1, back_to=1)
    assert traveller.go()[-1] is S.REPORTED
    assert traveller.answers.ended[-1].outcome is Outcome.COMMITTED
    assert rig.sells("1.0.0")
    assert rig.generations.current() == 3
    assert keys_sold(rig, 3) == [*FIVE, "on 1.1"]
    assert rig.till.state().schema == 1


def test_update_of_one_component_keeps_the_others(rig: Rig) -> None:
    staged = stage_params(rig.home / "staged", "2", "new fees\n")
    traveller = Traveller(rig, Answers(rig.home / "out"))
    traveller.begin(bundled(staged, rig.home / "out"))
    assert traveller.go()[-1] is S.REPORTED
    assert rig.generations.versions(2) == {"params": "2", "till": "1.0.0"}
    assert (rig.generations.slot(2, "params") / "params.txt").read_text() == "new fees\n"
    assert keys_sold(rig, 2) == FIVE
    old, new = rig.generations.slot(1, "till") / "main.py", rig.generations.slot(2, "till") / "main.py"
    assert old.stat().st_ino != new.stat().st_ino


def test_release_whose_requirement_is_not_met_is_not_installed(rig: Rig) -> None:
    needs = '{component = "params", versions = ">=9"}'
    staged = stage_till(rig.home / "staged", "1.1.0", schema=2, requires=needs)
    traveller = Traveller(rig, Answers(rig.home / "out"))
    traveller.begin(bundled(staged, rig.home / "out"))
    assert traveller.go()[-3:] == [S.INSTALLING, S.FAILED, S.REPORTED]
    assert traveller.answers.ended[0].failure == Reason.of(
        "REHEARSAL_FAILED", version="1.1.0", what="till needs params >=9"
    )


def test_slot_damaged_after_its_rehearsal_is_never_switched_to(rig: Rig) -> None:
    bundles, part = till_bundle("1.1.0", 2)
    traveller = Traveller(rig, Answers(bundles))
    traveller.begin(part)
    traveller.go(stop_in=S.SWITCHING)
    main = rig.generations.slot(2, "till") / "main.py"
    main.write_bytes(main.read_bytes()[:-1] + b"#")
    assert traveller.go() == [S.SWITCHING, S.FAILED, S.REPORTED]
    assert traveller.answers.ended[0].failure == Reason.of("SLOT_DAMAGED")
    assert rig.generations.current() == 1
    until(rig.sells, "the old till sells again")
    assert keys_sold(rig, 1) == FIVE


def test_first_till_of_a_terminal_comes_by_the_same_journey(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("empty") / "home"
    home.mkdir()
    rig = Rig(home)
    rig.generations.root.mkdir()
    install_agent(home)
    rig.start()
    try:
        bundles, part = till_bundle("1.1.0", 2)
        traveller = Traveller(rig, Answers(bundles))
        traveller.begin(part)
        assert traveller.go() == CHAIN
        assert rig.sells("1.1.0")
        assert traveller.answers.backups == 0
    finally:
        rig.close()


def test_agent_that_comes_along_is_switched_to_when_the_shop_sells(rig: Rig) -> None:
    bundles, part = till_bundle("1.1.0", 2)
    agent = bundled(stage_agent(rig.home / "staged", "2"), bundles)
    traveller = Traveller(rig, Answers(bundles))
    old = rig.supervisor.state()["agent"]["pid"]
    traveller.begin(part, agent)
    traveller.go(stop_in=S.SELLING)
    assert rig.supervisor.state()["agent"]["pid"] == old
    assert traveller.go()[-1] is S.REPORTED
    assert rig.generations.versions(2) == {"params": "1", "till": "1.1.0"}
    until(lambda: rig.supervisor.state()["agent"]["generation"] == 2, "the new agent runs")
    assert rig.sells("1.1.0")


def test_agent_that_comes_along_goes_with_a_release_that_fails(rig: Rig) -> None:
    bundles, part = till_bundle("1.1.0", 2, "second_start")
    agent = bundled(stage_agent(rig.home / "staged", "2"), bundles)
    traveller = Traveller(rig, Answers(bundles))
    traveller.begin(part, agent)
    assert traveller.go()[-1] is S.REPORTED
    assert rig.supervisor.state()["agent"]["generation"] == 1
    assert not (rig.home / "agents" / "2").exists()


def test_release_that_runs_already_is_only_reported(rig: Rig) -> None:
    bundles, part = till_bundle("1.1.0", 2)
    traveller = Traveller(rig, Answers(bundles))
    traveller.begin(part)
    traveller.go()
    traveller.begin(part)
    assert traveller.go() == [S.SELLING, S.REPORTED]
    assert [journey.outcome for journey in traveller.answers.ended] == [Outcome.COMMITTED] * 2
    assert rig.generations.current() == 2


def test_room_is_made_but_the_version_before_is_kept(rig: Rig) -> None:
    bundles, part = till_bundle("1.1.0", 2)
    traveller = Traveller(rig, Answers(bundles))
    traveller.begin(part)
    traveller.go()
    for version, release in (("1.2.0", 3), ("1.3.0", 4)):
        bundles, part = till_bundle(version, 2)
        traveller.answers.bundles = bundles
        traveller.begin(part, release=release)
        traveller.go()
    assert rig.generations.current() == 4
    assert rig.generations.numbers() == [2, 3, 4]


def test_rehearsal_runs_alone_and_its_measured_migration_is_the_forecast(rig: Rig) -> None:
    bundles, part = till_bundle("1.1.0", 2)
    traveller = Traveller(rig, Answers(bundles))
    traveller.begin(part)
    traveller.go(stop_in=S.REFRESHING)
    journey = traveller.journeys.journey
    assert journey is not None
    assert journey.forecast_s is not None
    assert journey.forecast_s > 0
    assert journey.isolated is not None
    assert not (rig.generations.root / "scratch").exists()
    assert keys_sold(rig, 1) == FIVE


def test_supervisor_that_dies_during_the_switch_is_waited_for(rig: Rig) -> None:
    bundles, part = till_bundle("1.1.0", 2)
    traveller = Traveller(rig, Answers(bundles))
    traveller.begin(part)
    traveller.go(stop_in=S.PROVING)
    rig.kill_supervisor()
    assert traveller.go() == [S.PROVING]
    rig.start()
    assert traveller.go()[-1] is S.REPORTED
    assert rig.sells("1.1.0")
