"""When to talk: at the server's pace, patiently when it is away, at once when a person asks."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evertill.terminal.agent.connection import Connection
from evertill.terminal.agent.poll import LONGEST_PAUSE_S, Bell, PollLoop, pause_s
from tests.fakes import fake_server as rubbish
from tests.fakes.fake_server import FakeServer
from tests.fakes.rig import until
from tests.terminal.agent.making import TurnedClock
from tests.terminal.agent.test_control import Conversation


@given(st.integers(1, 10**6), st.integers(2, 86_399), st.none() | st.integers(0, 86_400))
def test_a_pause_is_bounded_and_never_below_what_the_server_asked_for(
    failures: int, sleep_s: int, retry_after_s: int | None
) -> None:
    pause = pause_s(failures, sleep_s, retry_after_s)
    assert pause >= (retry_after_s or 0)
    assert pause <= max(min(sleep_s, LONGEST_PAUSE_S), retry_after_s or 0)


def test_pauses_double_up_to_an_hour() -> None:
    pauses = [pause_s(failures, 6 * 3600, None) for failures in range(1, 12)]
    assert pauses[:4] == [30, 60, 120, 240]
    assert pauses[-1] == 3600


class Loop:
    def __init__(self, connection: Connection, state: Path, clock: TurnedClock) -> None:
        self.talk = Conversation(connection, state, clock)
        self.bell = Bell()
        self.polls = PollLoop(self.talk.control, self.talk.board, clock, lambda: None, self.bell)
        self.thread = threading.Thread(target=self.polls.run)


@pytest.fixture
def loop(connection: Connection, state: Path, clock: TurnedClock) -> Iterator[Loop]:
    made = Loop(connection, state, clock)
    made.thread.start()
    yield made
    made.polls.stop()
    made.thread.join(5)
    assert not made.thread.is_alive()


Polls = Callable[[], int]


@pytest.fixture
def polls(server: FakeServer) -> Polls:
    return lambda: sum(seen.path == server.base for seen in list(server.requests))


def test_it_talks_at_once_and_then_at_the_servers_pace(server: FakeServer, loop: Loop, polls: Polls) -> None:
    server.sleep = "00:00:02"
    until(lambda: polls() == 1, "the first poll")
    begun = time.monotonic()
    loop.polls.check()
    until(lambda: polls() == 2, "a check by hand does not wait")
    assert time.monotonic() - begun < 1.5
    until(lambda: polls() == 3, "the next one by itself")


def test_a_check_by_hand_says_when_it_is_done(server: FakeServer, loop: Loop, polls: Polls) -> None:
    until(lambda: loop.talk.board.contact.last_at is not None, "the first poll")
    server.set_policy(9)
    assert loop.polls.check_and_wait(5)
    assert 9 in loop.talk.desk.applied


def test_retry_after_binds_even_a_person(server: FakeServer, loop: Loop, polls: Polls) -> None:
    until(lambda: polls() == 1, "the first poll")
    server.script("poll", rubbish.status(429, Retry_After="60"))
    loop.polls.check_and_wait(5)
    assert not loop.polls.check_and_wait(0.3)
    assert polls() == 2
    trouble = loop.talk.board.contact.refused
    assert trouble is not None
    assert trouble.code == "SERVER_BUSY"


def test_being_offline_is_noted_and_nothing_else(
    connection: Connection, state: Path, clock: TurnedClock, server: FakeServer
) -> None:
    server.script("poll", rubbish.hang_up)
    loop = Loop(connection, state, clock)
    loop.polls.converse()
    contact = loop.talk.board.contact
    assert contact.last_at is None
    assert contact.tried_at == clock()
    assert contact.next_s == 30
    loop.polls.converse()
    assert loop.talk.board.contact.refused is None
    assert loop.talk.board.contact.last_at == clock()


def test_a_report_is_delivered_without_a_whole_conversation(server: FakeServer, loop: Loop, polls: Polls) -> None:
    until(lambda: loop.talk.board.contact.last_at is not None, "the first poll")
    server.offer(5, 12, {})
    loop.talk.reports.cancelled(5, accepted=True)
    loop.bell.ring_deliver()
    until(lambda: server.feedbacks(5), "delivered")
    assert polls() == 1


def test_while_the_server_is_away_reports_wait_for_the_next_conversation(
    server: FakeServer, loop: Loop, polls: Polls
) -> None:
    until(lambda: polls() == 1, "the first poll")
    server.script("poll", rubbish.status(500))
    loop.polls.check_and_wait(5)
    server.offer(5, 12, {})
    loop.talk.reports.cancelled(5, accepted=True)
    loop.bell.ring_deliver()
    loop.polls.check_and_wait(5)
    assert len(server.feedbacks(5)) == 1
