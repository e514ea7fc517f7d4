"""A terminal's first minutes: PINs, people, the recovery key, all on the screen; then it is a terminal at the same address."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser as Chromium

from evertill.terminal.agent.home import load_keys, load_provision
from tests.fakes.fake_server import FakeServer
from tests.fakes.rig import Rig, until
from tests.fakes.shop import PIN
from tests.journeys.screen.conftest import ScreenShop
from tests.journeys.screen.looking import LOOKS, Look, faults, open_page
from tests.terminal.shell.scene import Browser


@pytest.fixture
def fresh(tmp_path: Path, server: FakeServer) -> Iterator[ScreenShop]:
    """Switched on for the first time: a provision file, no home."""
    shop = ScreenShop(tmp_path, server)
    words = server.provision(model="T1", hardware_revision="B", root=json.loads(shop.mint.root_bytes))
    (tmp_path / "provision.json").write_text(json.dumps(words))
    command = ["-m", "evertill.terminal.cli", "run", "--home", str(shop.home), "--screen-port", "0", "--simulated"]
    provision = ["--provision", str(tmp_path / "provision.json")]
    shop.rig = Rig(shop.home)
    try:
        shop.rig.process = subprocess.Popen([sys.executable, *command, *provision], stdin=subprocess.DEVNULL)
        until(lambda: (shop.home / "run" / "screen.port").exists() and shop.screen_answers(), "the screen answers")
        yield shop
    finally:
        shop.close()


def choose_pin(browser: Browser, first: str, second: str) -> str:
    browser.tap("/pin", pin=first, go="1")
    return browser.tap("/pin", pin=second, go="1").text


@pytest.mark.journey
def test_first_start_makes_a_terminal_and_shows_its_key_once(fresh: ScreenShop) -> None:
    before = fresh.url
    with fresh.browser() as browser:
        assert "PIN_TRIVIAL" in browser.tap("/pin", pin="123456", go="1").text
        assert "PIN_TOO_SHORT" in browser.tap("/pin", pin="4829", go="1").text
        assert "PIN_DIFFERS" in choose_pin(browser, PIN, "482907")
        choose_pin(browser, PIN, PIN)
        browser.tap("/people", name="王芳")
        choose_pin(browser, "739105", "739105")
        assert "PERSON_EXISTS" in browser.tap("/people", name="王芳").text
        key = re.search(r"AGE-SECRET-KEY-1[A-Z0-9]+", browser.tap("/key").text)
        assert key
        assert "请先勾选" in browser.tap("/finish").text
        assert not (fresh.home / "provision.json").exists(), "nothing is set up before the key was written down"
        browser.tap("/finish", tick="1")
    until(lambda: fresh.agent_answers() and fresh.screen_answers(), "it is a terminal")
    assert fresh.url == before
    assert load_provision(fresh.home).serial == "T-0001"
    assert fresh.ask(ask="people")["people"] == ["owner", "王芳"]
    assert key[0] not in load_keys(fresh.home).device
    everything = b"".join(file.read_bytes() for file in fresh.home.rglob("*") if file.is_file())
    assert key[0].encode() not in everything
    assert PIN.encode() not in everything
    with fresh.browser() as browser:
        assert key[0] not in browser.get("/").text
        browser.tap("/update/mode/manual", person="王芳", pin="739105", go="1")
    assert fresh.ask(ask="policy")["fields"]["mode"]["value"] == "manual"


@pytest.mark.journey
def test_first_start_cut_off_begins_anew(fresh: ScreenShop) -> None:
    with fresh.browser() as browser:
        choose_pin(browser, PIN, PIN)
        browser.tap("/key")
    assert fresh.rig.process is not None
    fresh.rig.process.kill()
    fresh.rig.process.wait()
    assert not (fresh.home / "provision.json").exists()
    assert not (fresh.home / "state" / "people.json").exists()


@pytest.mark.browser
@pytest.mark.parametrize("look", [LOOKS[0], LOOKS[2]], ids=["upright", "lying"])
def test_fingers_set_up_a_terminal(fresh: ScreenShop, chromium: Chromium, look: Look) -> None:
    page = open_page(chromium, fresh.url, look, bypass_csp=True)
    page.goto(fresh.url)
    found = faults(page, "first PIN")
    for step in ("again", "people"):
        for digit in PIN:
            page.get_by_role("button", name=digit, exact=True).click()
        page.get_by_role("button", name="下一步").click()
        page.wait_for_url(f"{fresh.url}/")
        found += faults(page, step)
    page.get_by_role("button", name="下一步").click()
    page.get_by_text("AGE-SECRET-KEY-1").wait_for()
    found += faults(page, "key")
    page.locator(".tick").click()
    page.get_by_role("button", name="开始使用").click()
    page.get_by_role("link", name="软件更新").wait_for(timeout=30_000)
    page.context.close()
    assert "\n".join(found) == ""
    assert fresh.agent_answers()
