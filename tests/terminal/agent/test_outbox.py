"""Reports survive power cuts and bad networks, and reach the server once and in order."""

from pathlib import Path

import msgspec
import pytest

from evertill.protocol.ddi import EvertillReport, Feedback, OfferAct
from evertill.protocol.journey import Outcome, State
from evertill.terminal.agent import outbox as module
from evertill.terminal.agent.connection import Connection, ConnectionRefused
from evertill.terminal.agent.outbox import Outbox
from evertill.terminal.agent.reports import Reports
from tests.fakes import fake_server as rubbish
from tests.fakes.fake_server import FakeServer
from tests.terminal.agent.making import TurnedClock

UUID = "6f9619ff-8b86-d011-b42d-00cf4fc964ff"


@pytest.fixture
def outbox(state: Path) -> Outbox:
    return Outbox(state / "outbox")


@pytest.fixture
def reports(outbox: Outbox, clock: TurnedClock) -> Reports:
    return Reports(outbox, clock, lambda: None)


def report(state: State) -> EvertillReport:
    return EvertillReport(journey="action-5", state=state, step=1, of=7, generation=1)


def test_reports_arrive_once_and_in_order(
    server: FakeServer, connection: Connection, outbox: Outbox, reports: Reports
) -> None:
    server.offer(5, 12, {})
    reports.progress(5, report(State.DOWNLOADING))
    reports.progress(5, report(State.CHECKING))
    reports.ended(5, Outcome.COMMITTED, report(State.REPORTED), ["1.1.0 runs"])
    outbox.deliver(connection)
    outbox.deliver(connection)
    assert [said["status"]["execution"] for said in server.feedbacks(5)] == ["download", "downloaded", "closed"]
    assert server.feedbacks(5)[-1]["status"]["result"]["finished"] == "success"
    assert len(outbox) == 0


def test_reports_written_offline_wait_for_the_network_and_keep_their_order(
    server: FakeServer, connection: Connection, state: Path, outbox: Outbox, reports: Reports, clock: TurnedClock
) -> None:
    server.offer(5, 12, {})
    server.script("feedback", rubbish.hang_up)
    reports.progress(5, report(State.DOWNLOADING))
    with pytest.raises(ConnectionRefused):
        outbox.deliver(connection)
    restarted = Outbox(state / "outbox")
    Reports(restarted, clock, lambda: None).ended(5, Outcome.FAILED, report(State.REPORTED), [])
    restarted.deliver(connection)
    assert [said["status"]["execution"] for said in server.feedbacks(5)] == ["download", "closed"]


@pytest.mark.parametrize("answer", [400, 404, 405, 409, 410, 422])
def test_a_report_the_server_will_never_take_does_not_block_the_next(
    server: FakeServer, connection: Connection, outbox: Outbox, reports: Reports, answer: int
) -> None:
    server.offer(5, 12, {})
    server.script("feedback", rubbish.status(answer))
    reports.progress(5, report(State.DOWNLOADING))
    reports.ended(5, Outcome.COMMITTED, report(State.REPORTED), [])
    outbox.deliver(connection)
    assert [said["status"]["execution"] for said in server.feedbacks(5)] == ["closed"]


@pytest.mark.parametrize("answer", [401, 403, 429, 500, 503])
def test_trouble_that_passes_keeps_every_report(
    server: FakeServer, connection: Connection, outbox: Outbox, reports: Reports, answer: int
) -> None:
    server.offer(5, 12, {})
    server.script("feedback", rubbish.status(answer))
    reports.progress(5, report(State.DOWNLOADING))
    reports.ended(5, Outcome.COMMITTED, report(State.REPORTED), [])
    with pytest.raises(ConnectionRefused):
        outbox.deliver(connection)
    assert len(outbox) == 2
    outbox.deliver(connection)
    assert len(server.feedbacks(5)) == 2


def test_a_crash_between_answer_and_removal_sends_again_and_the_server_counts_it_once(
    server: FakeServer, connection: Connection, state: Path, outbox: Outbox, reports: Reports
) -> None:
    reports.act(12, OfferAct(UUID, "consent", person="owner"))
    kept = next((state / "outbox").glob("*.json")).read_bytes()
    outbox.deliver(connection)
    (state / "outbox" / "0000000001.json").write_bytes(kept)
    Outbox(state / "outbox").deliver(connection)
    assert server.count("POST", "/offers/12") == 2
    assert list(server.acts) == [UUID]


def test_days_offline_fill_the_outbox_with_no_progress_but_lose_no_end_and_no_act(
    outbox: Outbox, reports: Reports, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 5)
    reports.act(12, OfferAct(UUID, "consent"))
    reports.ended(4, Outcome.FAILED, report(State.REPORTED), [])
    for _ in range(20):
        reports.progress(5, report(State.WAITING))
    reports.ended(5, Outcome.COMMITTED, report(State.REPORTED), [])
    kept = [path.read_text() for path in sorted((state / "outbox").glob("*.json"))]
    assert len(kept) == 5
    assert "consent" in kept[0]
    assert '"failure"' in kept[1]
    assert '"success"' in kept[-1]


def test_a_damaged_report_is_dropped_and_the_others_go(
    server: FakeServer, connection: Connection, state: Path, outbox: Outbox, reports: Reports
) -> None:
    server.offer(5, 12, {})
    reports.progress(5, report(State.DOWNLOADING))
    reports.progress(5, report(State.CHECKING))
    (state / "outbox" / "0000000001.json").write_bytes(b"\x00" * 40)
    outbox.deliver(connection)
    assert len(server.feedbacks(5)) == 1


def test_what_the_server_has_not_taken_can_be_told_by_its_uuid(
    connection: Connection, outbox: Outbox, reports: Reports
) -> None:
    reports.act(12, OfferAct(UUID, "displayed"))
    assert outbox.tags() == {UUID}
    outbox.deliver(connection)
    assert outbox.tags() == frozenset()


def test_an_action_taken_back_is_answered_on_its_own_path(
    server: FakeServer, connection: Connection, outbox: Outbox, reports: Reports
) -> None:
    server.offer(5, 12, {})
    server.cancel(5)
    reports.cancelled(5, accepted=False, detail="too far")
    reports.cancelled(5, accepted=True)
    outbox.deliver(connection)
    assert [said["status"]["execution"] for said in server.feedbacks(5)] == ["rejected", "closed"]
    assert msgspec.convert(server.feedbacks(5)[0], Feedback).status.details == ["too far"]
