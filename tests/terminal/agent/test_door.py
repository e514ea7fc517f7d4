"""The agent's own door: a code for every wrong request, both languages, and nothing for strangers."""

import json
import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evertill.terminal.agent.composition import Agent, compose
from evertill.terminal.agent.door import REQUESTS
from evertill.terminal.lines import ask
from tests.fakes.fake_server import FakeServer
from tests.fakes.shop import PIN, Shop
from tests.terminal.agent.making import TurnedClock


@pytest.fixture
def agent(tmp_path: Path, server: FakeServer, clock: TurnedClock) -> Iterator[Agent]:
    shop = Shop(tmp_path, server)
    shop.set_up()
    made = compose(shop.home, clock)
    thread = threading.Thread(target=made.door.run)
    thread.start()
    yield made
    made.door.stop()
    thread.join(5)
    assert not thread.is_alive()


def tell(agent: Agent, **request: Any) -> dict[str, Any]:
    return ask(agent.place.home / "run" / "agent.sock", request, 5.0)


def test_status_is_complete_before_the_first_contact(agent: Agent) -> None:
    found = tell(agent, ask="status")
    assert found["serial"] == "T-0001"
    assert found["contact"]["last_at"] is None
    assert found["generation"] is None
    assert found["policy"]["fields"]["mode"] == {
        "value": "automatic",
        "origin": "default",
        "mandated": False,
        "confirmed": True,
    }
    assert found["trust"]["trouble"]["code"] == "NO_FRESH_TRUST"
    assert json.dumps(found)


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"ask": "everything"},
        {"do": "explode"},
        {"do": "set"},
        {"do": "set", "person": "owner", "pin": 5, "field": "mode", "value": "never"},
        {"do": "consent", "person": "owner", "pin": PIN, "release": "12"},
        {"do": "confirm", "matter": "everything"},
        {"do": "postpone", "person": "owner", "pin": PIN, "release": 12, "until": "2026-12-01T00:00:00"},
        {"do": ["a"]},
    ],
)
def test_a_request_without_sense_is_refused_in_both_languages(agent: Agent, request_: dict[str, Any]) -> None:
    answer = tell(agent, **request_)
    assert answer["error"] == "REQUEST_UNKNOWN"
    assert answer["zh"]["text"]
    assert answer["en"]["next"]


@pytest.mark.parametrize("verb", [verb for kind, verb in REQUESTS if kind == "do"])
def test_what_changes_something_asks_for_a_pin_or_touches_nothing_of_the_policy(agent: Agent, verb: str) -> None:
    words = {
        "release": 12,
        "until": "2026-12-01T00:00:00Z",
        "field": "mode",
        "value": "never",
        "matter": "power",
        "file": "x",
    }
    before = tell(agent, ask="policy")
    answer = tell(agent, do=verb, person="owner", pin="918273", **words)
    allowed = {"check", "confirm"}
    assert ("error" in answer) == (verb not in allowed), answer
    assert tell(agent, ask="policy") == before


def test_a_release_nobody_offered_cannot_be_agreed_to(agent: Agent) -> None:
    assert tell(agent, do="consent", person="owner", pin=PIN, release=99)["error"] == "RELEASE_NOT_OFFERED"


def test_switching_off_holds_at_once_and_says_what_waits(agent: Agent) -> None:
    assert tell(agent, do="set", person="owner", pin=PIN, field="mode", value="never", risk_text="never-1")["ok"]
    field = tell(agent, ask="policy")["fields"]["mode"]
    assert field == {"value": "never", "origin": "terminal", "mandated": False, "confirmed": False}
    assert tell(agent, ask="status")["waiting_reports"] == 1


def test_a_silent_till_cannot_settle(agent: Agent) -> None:
    assert tell(agent, do="settle")["error"] == "TILL_SILENT"


def test_there_is_nothing_to_go_back_to(agent: Agent) -> None:
    assert tell(agent, do="go_back", person="owner", pin=PIN)["error"] == "GO_BACK_TOO_LATE"


def test_wrong_pins_lock_the_person_and_say_until_when(agent: Agent) -> None:
    for _ in range(5):
        answer = tell(agent, do="go_back", person="owner", pin="918273")
    assert answer["error"] == "PIN_LOCKED"
    assert answer["params"]["until"].startswith("2026-11-20T06:35")
    assert tell(agent, do="go_back", person="owner", pin=PIN)["error"] == "PIN_LOCKED"


def test_the_door_is_for_this_user_only(agent: Agent) -> None:
    run = agent.place.home / "run"
    assert (run / "agent.sock").stat().st_mode & 0o777 == 0o600
    if os.getuid() != 0:
        pytest.skip("only root can try as somebody else")
    run.chmod(0o711)  # as if somebody had opened the house: the door itself still looks who comes
    (run / "agent.sock").chmod(0o666)
    folder = os.open(run, os.O_PATH | os.O_DIRECTORY)
    child = os.fork()
    if child == 0:  # never back into the test runner, whatever happens
        verdict = 2
        try:
            signal.alarm(10)
            os.setuid(65534)
            verdict = _heard_nothing(f"/proc/self/fd/{folder}/agent.sock")
        finally:
            os._exit(verdict)
    os.close(folder)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _heard_nothing(path: str) -> int:
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.connect(path)
        try:
            stranger.sendall(b'{"ask":"status"}\n')
            return 0 if stranger.recv(10) == b"" else 1
        except (ConnectionResetError, BrokenPipeError):
            return 0
