"""升级并关机: switched off once the update has ended, never during a sale, and not on another evening."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from evertill.terminal.lines import listen
from evertill.terminal.power import Power
from evertill.terminal.shell.agent_client import AgentClient
from evertill.terminal.shell.closing_down import ClosingDown
from tests.terminal.shell.scene import NOW, PIN, Browser, Scene, iso, journey, offer, past, policy, running, usual


class Supervisor:
    """Answers orders to shut down."""

    def __init__(self) -> None:
        self.orders: list[bytes] = []
        self.answer = b'{"ok": true}\n'

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                self.orders.append(connection.recv(4096))
                connection.sendall(self.answer)


@contextmanager
def supervising(home: Path) -> Iterator[Supervisor]:
    supervisor, listener = Supervisor(), listen(home / "run" / "supervisor.sock")
    thread = threading.Thread(target=supervisor.serve, args=(listener,))
    thread.start()
    try:
        yield supervisor
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


@pytest.fixture
def supervisor(scene: Scene) -> Iterator[Supervisor]:
    with supervising(scene.home) as made:
        yield made


def closing(scene: Scene, now: datetime = NOW) -> ClosingDown:
    (scene.home / "state").mkdir(exist_ok=True)
    return ClosingDown(
        scene.home, AgentClient(scene.home / "run" / "agent.sock"), Power(scene.home, "none"), lambda: now
    )


WINDOW = [{"code": "WINDOW_CLOSED", "params": {"window": "03:00–05:00"}}]
WAITING: dict[str, Any] = {"offers": [offer(reasons=WINDOW)]}


def test_nothing_happens_without_a_wish(scene: Scene, supervisor: Supervisor) -> None:
    closing(scene).look()
    assert supervisor.orders == []


def test_it_waits_for_the_update_and_then_switches_off(scene: Scene, supervisor: Supervisor) -> None:
    down = closing(scene)
    down.after(12)
    for under_way in (usual(**WAITING), usual(**WAITING, journey=journey("installing", 5))):
        scene.agent.status = under_way
        down.look()
    assert supervisor.orders == []
    ended_at = NOW + timedelta(minutes=9)
    ended = usual(history=[past("rolled_back", release=12, ended_at=iso(ended_at))])
    scene.agent.status = ended
    down.look()
    assert supervisor.orders == [], "the server was not told yet"
    scene.agent.status = {**ended, "contact": {**ended["contact"], "tried_at": iso(ended_at)}}
    down.look()
    assert supervisor.orders == [b'{"do": "shutdown"}\n']
    assert down.wish is None


def test_server_that_cannot_be_told_keeps_no_shop_open(scene: Scene, supervisor: Supervisor) -> None:
    closing(scene).after(12)
    ended_at = NOW + timedelta(minutes=9)
    scene.agent.status = usual(history=[past(release=12, ended_at=iso(ended_at))])
    closing(scene, ended_at + timedelta(minutes=4)).look()
    assert supervisor.orders == []
    closing(scene, ended_at + timedelta(minutes=5)).look()
    assert len(supervisor.orders) == 1


def test_nothing_is_switched_off_under_an_update(scene: Scene, supervisor: Supervisor) -> None:
    down = closing(scene)
    down.after(None)
    scene.agent.status = usual(journey=journey("installing", 5))
    down.look()
    assert supervisor.orders == []
    assert down.wish is not None


def test_wish_outlives_the_screen(scene: Scene, supervisor: Supervisor) -> None:
    closing(scene).after(12)
    scene.agent.status = usual()
    closing(scene).look()
    assert len(supervisor.orders) == 1


def test_sale_withdraws_the_wish(scene: Scene, supervisor: Supervisor) -> None:
    down = closing(scene)
    down.after(12)
    scene.agent.status = usual(till={"version": "1.0.0", "mode": "selling", "sale": True, "batch_count": 0})
    down.look()
    assert down.wish is None
    assert supervisor.orders == []


def test_sale_that_begins_at_the_last_moment_wins(scene: Scene, supervisor: Supervisor) -> None:
    supervisor.answer = b'{"error": "SALE_IN_PROGRESS"}\n'
    down = closing(scene)
    down.after(None)
    down.look()
    assert down.wish is None


def test_update_that_begins_at_the_last_moment_is_waited_for(scene: Scene, supervisor: Supervisor) -> None:
    supervisor.answer = b'{"error": "HELD"}\n'
    down = closing(scene)
    down.after(None)
    down.look()
    assert down.wish is not None


def test_yesterdays_wish_switches_nothing_off(scene: Scene, supervisor: Supervisor) -> None:
    closing(scene).after(12)
    tomorrow = closing(scene, NOW + timedelta(hours=13))
    tomorrow.look()
    assert supervisor.orders == []
    assert tomorrow.wish is None


def test_one_tap_lifts_the_window_and_wishes(scene: Scene, browser: Browser) -> None:
    (scene.home / "state").mkdir(exist_ok=True)
    scene.agent.status = usual(**WAITING)
    page = browser.tap("/closing/now")
    assert scene.agent.orders == [{"do": "closing_time", "release": 12}]
    assert "升级完自动关机" in page.text
    assert "升级并关机" in browser.tap("/closing/stay").text


def test_nothing_waits_where_nobody_wants_it(scene: Scene, browser: Browser) -> None:
    off = {"value": "off", "origin": "merchant"}
    for facts in ({"policy": policy(closing_time=off), **WAITING}, {"policy": policy("never"), **WAITING}, {}):
        scene.agent.status = usual(**facts)
        assert "今晚没有要装的更新" in browser.get("/closing").text
        browser.tap("/closing/now", pin=PIN)
    assert scene.agent.orders == []


def test_what_the_tap_cannot_lift_is_not_offered_at_closing_time(scene: Scene, browser: Browser) -> None:
    """升级并关机 would wait the whole evening for it, and the terminal stay on."""
    for code in ("FROZEN", "POSTPONED", "CONSENT_NEEDED", "ROLLOUT_TURN", "FROM_THE_FUTURE"):
        scene.agent.status = usual(offers=[offer(reasons=[*WINDOW, {"code": code, "params": {}}])])
        assert "今晚没有要装的更新" in browser.get("/closing").text
        assert browser.tap("/closing/now").url.path == "/closing"
    assert scene.agent.orders == []


def test_till_hears_of_a_waiting_update_where_work_ends_and_nowhere_else(scene: Scene, browser: Browser) -> None:
    scene.agent.status = usual(**WAITING)
    for page, told in (("settle", True), ("sign-in", True), ("sale", False), ("menu", False)):
        browser.get(f"/till/{page}", headers={"Closing-Offer": "9.9.9"})
        assert (b"Closing-Offer: 1.1.0\r\n" in scene.till.seen[-1]) is told
        assert b"9.9.9" not in scene.till.seen[-1], "only the screen says so"
    scene.agent.status = usual()
    browser.get("/till/settle")
    assert b"Closing-Offer" not in scene.till.seen[-1]


def test_pages_of_the_till_wait_for_no_agent(tmp_path: Path) -> None:
    with running(tmp_path, with_agent=False) as scene, scene.browser() as browser:
        assert browser.get("/till/settle").status_code == 200
        assert b"Closing-Offer" not in scene.till.seen[-1]
