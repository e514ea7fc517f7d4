"""The screen as a process of a whole terminal: real supervisor, real agent, signed releases, a stub till."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from evertill.protocol.errors import ProtocolRefused
from evertill.terminal.shell.agent_client import AgentClient
from evertill.terminal.shell.settings import set_screen_port
from tests.fakes.fake_server import FakeServer
from tests.fakes.rig import rss_mib, until
from tests.fakes.shop import PIN, settled
from tests.journeys.screen.conftest import ScreenShop

MOST_RSS_MIB = 60.0
MOST_FIRST_PAGE_S = 0.3


@pytest.mark.journey
def test_killed_screen_is_started_again_at_the_same_address(shop: ScreenShop) -> None:
    before, killed = shop.url, shop.screen_pid()
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    until(lambda: shop.screen_pid() not in {None, killed} and shop.screen_answers(), "another screen answers")
    assert shop.url == before
    assert shop.rig.sells("1.0.0")


@pytest.mark.journey
def test_screen_is_small_and_quick(shop: ScreenShop) -> None:
    with shop.browser() as browser:
        browser.get("/")
        times = []
        for path in ("/", "/update", "/settings", "/update/mode", "/support", "/"):
            began = time.monotonic()
            assert browser.get(path).status_code == 200
            times.append(time.monotonic() - began)
    pid = shop.screen_pid()
    assert pid is not None
    assert rss_mib(pid) < MOST_RSS_MIB
    assert sorted(times)[len(times) // 2] < MOST_FIRST_PAGE_S


@pytest.mark.journey
def test_screen_understands_everything_the_agent_says(shop: ScreenShop, server: FakeServer) -> None:
    _release, files = shop.release(severity="security")
    server.set_policy(3, mode="manual", window="00:00-24:00")
    server.offer(5, 12, files)
    agent = AgentClient(shop.home / "run" / "agent.sock")
    settled(lambda: agent.facts().best_offer is not None, "the offer is vouched for")
    facts = agent.facts()
    assert facts.version == "1.0.0"
    assert facts.mode == "manual"
    assert [hole.version for hole in agent.consequences().holes] == ["1.1.0"]
    assert agent.people() == ["owner"]
    assert agent.switched_off() is None


@pytest.mark.journey
def test_consent_on_the_screen_installs_and_displaying_is_reported(shop: ScreenShop, server: FakeServer) -> None:
    server.set_policy(3, mode="manual", window="00:00-24:00")
    _release, files = shop.release()
    asks = {"code": "CONSENT_NEEDED", "params": {"version": "1.1.0"}}
    no = {"download": False, "install": False, "reasons": [asks], "next_try_at": None}
    server.offers = [{"release": 12, "action": None, **no}]
    with shop.browser() as browser:
        settled(lambda: "/update/release/12/agree" in browser.get("/update").text, "the release is shown")
        assert browser.tap("/update/release/12/displayed").status_code == 204
        assert server.payload_bytes == 0
        browser.tap("/update/release/12/agree", person="owner", pin=PIN, go="1")
        settled(lambda: [said["act"] for _, said in server.acts.values()] == ["displayed", "consent"], "both are told")
        server.offer(5, 12, files)
        settled(lambda: not server.actions[5].open, "the action is closed")
        settled(lambda: "1.1.0" in browser.get("/update/history").text, "and stands in the history")
    assert shop.rig.sells("1.1.0")


@pytest.mark.journey
def test_switched_off_on_the_screen_is_proved_by_both_sides(shop: ScreenShop, server: FakeServer) -> None:
    with shop.browser() as browser:
        page = browser.tap("/update/mode/never", person="owner", pin=PIN, go="1")
        assert page.url.path == "/update/off"
        settled(lambda: server.policy_changes, "the server heard of it")
        server.set_policy(2, mode="never", window="00:00-24:00")
        shop.ask(do="check")
        settled(lambda: "第 2 版策略" in browser.get("/update/off").text, "both sides agree")
        assert "0 字节" in browser.get("/update/off").text


@pytest.mark.journey
def test_wrong_pins_on_the_screen_lock_and_stay_locked_over_a_restart(shop: ScreenShop) -> None:
    with shop.browser() as browser:
        for left in (4, 3, 2, 1):
            page = browser.tap("/update/mode/never", person="owner", pin="739105", go="1")
            assert page.status_code == 409
            assert f"{left}" in page.text
        assert "PIN_LOCKED" in browser.tap("/update/mode/never", person="owner", pin="739105", go="1").text
    for pid in (shop.screen_pid(), shop.agent_pid()):
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    until(lambda: shop.agent_answers() and shop.screen_answers(), "both are back")
    with shop.browser() as browser:
        page = browser.tap("/update/mode/never", person="owner", pin=PIN, go="1")
        assert "PIN_LOCKED" in page.text
    assert shop.ask(ask="policy")["fields"]["mode"]["value"] == "automatic"


@pytest.mark.journey
def test_guesses_sent_all_at_once_count_one_by_one(shop: ScreenShop) -> None:
    """Five tries are five, however many requests are under way at the same moment."""

    def guess(number: int) -> str:
        with shop.browser() as browser:
            return browser.tap("/update/mode/never", person="owner", pin=f"73910{number}", go="1").text

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(guess, range(10)))
    assert sum("PIN_WRONG" in answer for answer in answers) == 4
    assert sum("PIN_LOCKED" in answer for answer in answers) == 6
    with shop.browser() as browser:
        assert "PIN_LOCKED" in browser.tap("/update/mode/never", person="owner", pin=PIN, go="1").text
    assert shop.ask(ask="policy")["fields"]["mode"]["value"] == "automatic"


@pytest.mark.journey
def test_without_an_agent_the_screen_says_so_and_selling_goes_on(shop: ScreenShop) -> None:
    os.kill(shop.agent_pid(), signal.SIGSTOP)
    try:
        with shop.browser() as browser:
            page = browser.get("/update")
        assert page.status_code == 503
        assert "AGENT_AWAY" in page.text
        assert 'href="/till/"' in page.text
    finally:
        os.kill(shop.agent_pid(), signal.SIGCONT)
    assert shop.rig.sells("1.0.0")


def test_port_that_is_none_is_refused(shop: ScreenShop) -> None:
    with pytest.raises(ProtocolRefused, match="PORT_INVALID"):
        set_screen_port(shop.home, 70_000)
    assert shop.screen_answers()


@pytest.mark.journey
def test_switching_off_ends_this_terminals_processes_and_no_sale(shop: ScreenShop) -> None:
    shop.rig.tell_till(do="sale", key="before", fen=1250)
    with shop.browser() as browser:
        assert "正在关机" in browser.tap("/closing/off").text
    until(lambda: not shop.rig.processes(), "every process of this home has ended", deadline_s=30.0)
