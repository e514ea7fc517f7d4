"""One conversation with the server: what is said first, what is asked, and what one bad answer cannot spoil."""

from collections.abc import Callable
from pathlib import Path

import pytest

from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.policy import Snapshot
from evertill.terminal.agent.board import Board, OpenAction
from evertill.terminal.agent.connection import Connection, ConnectionRefused
from evertill.terminal.agent.control import Control
from evertill.terminal.agent.outbox import Outbox
from evertill.terminal.agent.reports import Reports
from tests.fakes import fake_server as rubbish
from tests.fakes.fake_server import FakeServer
from tests.terminal.agent.making import TurnedClock, code_of


class Desk:
    """A policy desk that takes everything, and downloads what the test lets it."""

    def __init__(self) -> None:
        self.applied: list[int] = []
        self.downloads = True
        self.refuses: ProtocolRefused | None = None

    def apply(self, snapshot: Snapshot) -> bool:
        if self.refuses:
            raise self.refuses
        is_new = snapshot.revision not in self.applied
        self.applied.append(snapshot.revision)
        return is_new

    def may_ask_for(self, _release: int) -> bool:
        return self.downloads


class Conversation:
    def __init__(self, connection: Connection, state: Path, clock: TurnedClock) -> None:
        self.outbox = Outbox(state / "outbox")
        self.reports = Reports(self.outbox, clock, lambda: None)
        self.board = Board()
        self.desk = Desk()
        self.attributes = {"component.till": "1.0.0", "generation": "1"}
        self.control = Control(
            connection, self.outbox, self.reports, self.board, self.desk, attributes=lambda: dict(self.attributes)
        )

    def __call__(self) -> int:
        return self.control.converse()


@pytest.fixture
def talk(connection: Connection, state: Path, clock: TurnedClock) -> Conversation:
    return Conversation(connection, state, clock)


def test_the_server_sets_the_pace(server: FakeServer, talk: Conversation) -> None:
    server.sleep = "00:07:30"
    assert talk() == 450


def test_it_says_what_runs_when_asked_and_when_it_changed(server: FakeServer, talk: Conversation) -> None:
    talk()
    talk()
    assert server.attributes == {"component.till": "1.0.0", "generation": "1"}
    assert server.count("PUT", "configData") == 1
    talk.attributes = {"component.till": "1.1.0", "generation": "2"}
    talk()
    assert server.attributes["component.till"] == "1.1.0"
    server.wants_config = True
    talk()
    assert server.count("PUT", "configData") == 3


def test_a_policy_is_taken_over_and_acknowledged_once(server: FakeServer, talk: Conversation) -> None:
    server.set_policy(7, mode="manual")
    talk()
    talk()
    assert server.policy_applied == [7]


def test_an_open_action_brings_its_links_and_its_release(server: FakeServer, talk: Conversation) -> None:
    server.offer(5, 12, {"till+1.evb": b"x"})
    talk()
    action = talk.board.action
    assert action is not None
    assert (action.number, action.release) == (5, 12)
    (link,) = action.files.values()
    assert link.filename == "till+1.evb"
    assert link.url.endswith("/till%2B1.evb")


def test_what_this_terminal_would_not_download_is_not_even_asked_for(server: FakeServer, talk: Conversation) -> None:
    server.offer(5, 12, {"till.evb": b"x"})
    talk.desk.downloads = False
    talk()
    assert server.count("GET", "deploymentBase") == 0
    assert talk.board.action == OpenAction(5, 12, {})
    assert talk.board.linked == 5


def test_an_offer_without_an_action_is_shown_and_nothing_is_fetched(server: FakeServer, talk: Conversation) -> None:
    server.offers = [
        {
            "release": 12,
            "download": False,
            "install": False,
            "reasons": [{"code": "CONSENT_NEEDED", "params": {"version": "1"}}],
        }
    ]
    talk()
    offer = talk.board.offer(12)
    assert offer is not None
    assert offer.reasons[0].code == "CONSENT_NEEDED"
    assert talk.board.action is None


def test_a_cancelled_action_nobody_works_on_is_acknowledged_at_once(server: FakeServer, talk: Conversation) -> None:
    server.offer(5, 12, {})
    server.cancel(5)
    talk()
    assert [said["status"]["execution"] for said in server.feedbacks(5)] == ["closed"]
    assert not server.actions[5].open


def test_a_cancelled_action_under_way_is_left_to_its_journey(server: FakeServer, talk: Conversation) -> None:
    server.offer(5, 12, {})
    talk.board.set_journey_action(5)
    server.cancel(5)
    talk()
    assert talk.board.is_cancelled(5)
    assert server.feedbacks(5) == []


def test_reports_go_before_anything_is_asked(server: FakeServer, talk: Conversation) -> None:
    server.offer(5, 12, {})
    talk.reports.cancelled(5, accepted=False)
    talk()
    assert server.requests[0].method == "POST"
    assert server.requests[1].path == server.base


def test_an_action_closed_by_the_server_disappears_from_the_board(server: FakeServer, talk: Conversation) -> None:
    server.offer(5, 12, {"till.evb": b"x"})
    talk()
    server.actions[5].open = False
    talk()
    assert talk.board.linked is None
    assert talk.board.action is None


@pytest.mark.parametrize("part", ["/policy", "/offers", "/configData"])
@pytest.mark.parametrize(
    "kind", [rubbish.html, rubbish.truncated_json, rubbish.wrong_types, rubbish.status(404), rubbish.status(500)]
)
def test_one_bad_answer_does_not_hide_a_cancelled_action_or_the_rest(
    server: FakeServer, talk: Conversation, part: str, kind: rubbish.Rubbish
) -> None:
    server.offer(5, 12, {})
    server.cancel(5)
    talk.board.set_journey_action(5)
    server.set_policy(7)
    server.script(part, kind)
    if part == "/configData" and kind in {rubbish.html, rubbish.truncated_json, rubbish.wrong_types}:
        talk()  # only the status of that answer means anything
    else:
        with pytest.raises(ConnectionRefused):
            talk()
    assert talk.board.is_cancelled(5)
    assert part == "/policy" or talk.desk.applied == [7]
    assert talk()


@pytest.mark.parametrize("kind", [rubbish.status(401), rubbish.status(429), rubbish.hang_up])
def test_when_nobody_is_there_for_us_it_stops_asking(
    server: FakeServer, talk: Conversation, kind: rubbish.Rubbish
) -> None:
    server.script("poll", kind)
    with pytest.raises(ConnectionRefused):
        talk()
    assert len(server.requests) == 1


def test_a_link_to_another_host_is_not_followed(server: FakeServer, talk: Conversation) -> None:
    server.script("poll", rubbish.foreign_links)
    with pytest.raises(ConnectionRefused) as refused:
        talk()
    assert code_of(refused) == "LINK_FOREIGN"


@pytest.mark.parametrize("kind", [rubbish.mad_sleep, rubbish.html, rubbish.wrong_types])
def test_a_poll_answer_without_sense_is_refused_and_the_next_one_read(
    server: FakeServer, talk: Conversation, kind: Callable[..., None]
) -> None:
    server.script("poll", kind)
    with pytest.raises(ConnectionRefused):
        talk()
    assert talk() == 6 * 3600


@pytest.mark.parametrize("number", ["0", "99999999999", "abc", "-5", "５"])
def test_an_action_number_of_no_server_is_refused(server: FakeServer, talk: Conversation, number: str) -> None:
    href = f"{server.url}{server.base}/deploymentBase/{number}?c=1"
    body = (
        f'{{"config":{{"polling":{{"sleep":"06:00:00"}}}},"_links":{{"deploymentBase":{{"href":"{href}"}}}}}}'.encode()
    )
    server.script("poll", lambda handler: rubbish.send(handler, 200, body))
    with pytest.raises(ConnectionRefused) as refused:
        talk()
    assert code_of(refused) == "ANSWER_WRONG_TYPES"


def test_an_unreadable_policy_is_a_wrong_answer_and_is_not_acknowledged(server: FakeServer, talk: Conversation) -> None:
    talk.desk.refuses = ProtocolRefused("POLICY_VALUE_INVALID", field="mode", rule="one of …")
    server.set_policy(7, mode="sometimes")
    with pytest.raises(ConnectionRefused) as refused:
        talk()
    assert code_of(refused) == "ANSWER_WRONG_TYPES"
    assert server.policy_applied == []


def test_an_idle_conversation_costs_less_than_two_kilobytes(server: FakeServer, talk: Conversation) -> None:
    talk()
    server.requests.clear()
    talk()
    assert [seen.method for seen in server.requests] == ["GET", "GET", "GET"]
    asked = sum(
        len(seen.method) + len(seen.path) + sum(len(k) + len(v) + 4 for k, v in seen.headers.items())
        for seen in server.requests
    )
    assert asked < 1500
    assert all("if-none-match" in seen.headers for seen in server.requests)
