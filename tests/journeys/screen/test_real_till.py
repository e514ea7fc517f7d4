"""The reference till behind the screen: a cashier sells through the proxy, and no page about updates covers the sale."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from evertill.terminal.shell.settings import set_screen_port
from tests.fakes.real_shop import open_shop
from tests.fakes.rig import Rig, until
from tests.terminal.shell.scene import Browser
from tests.terminal.test_setup import WORDS
from tests.till.driver import PINS

HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Rig]:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "provision.json").write_text(json.dumps(WORDS))
    (home / "state").mkdir()
    set_screen_port(home, 0)
    rig = open_shop(home)
    try:
        until((home / "run" / "screen.port").exists, "the screen listens")
        yield rig
    finally:
        rig.close()


def post(browser: Browser, page: str, **fields: str) -> str:
    """Fill the form of a page of the till and send it."""
    hidden = dict(HIDDEN.findall(browser.get(f"/till/{page}").text))
    return browser.post(f"/till/{page.partition('?')[0]}", data={**hidden, **fields, "go": "1"}).text


@pytest.mark.journey
def test_cashier_sells_behind_the_screen_and_nothing_covers_it(shop: Rig) -> None:
    port = (shop.home / "run" / "screen.port").read_text().strip()
    with Browser(f"http://127.0.0.1:{port}") as browser:
        until(lambda: browser.get("/till/").status_code == 200, "the till is shown")
        post(browser, "sign-in?operator=01", operator="01", typed=PINS["01"])
        post(browser, "sale", typed="1250")
        assert (state := shop.state())
        assert state.sale
        assert "正在收款" in browser.get("/update").text
        assert "正在收款" in browser.get("/closing").text
        assert "12.50" in post(browser, "tender", typed="")
        assert (state := shop.state())
        assert not state.sale
        assert "正在收款" not in browser.get("/update").text
        sent = browser.get("/").request.headers["cookie"].split("; ")
        assert all(pair.startswith("evertill_") for pair in sent), "the till's cookies stay below its pages"
