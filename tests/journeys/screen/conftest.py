"""A whole terminal with its screen, against a fake server, and a Chromium to look at it."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from httpx import TransportError
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import sync_playwright

from evertill.terminal.shell.settings import set_screen_port
from tests.fakes.fake_server import FakeServer, running_server
from tests.fakes.rig import until
from tests.fakes.shop import Shop
from tests.journeys.screen.looking import ARGS
from tests.terminal.shell.scene import Browser


class ScreenShop(Shop):
    """A shop with a screen."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{int((self.home / 'run' / 'screen.port').read_text())}"

    def browser(self) -> Browser:
        return Browser(self.url)

    def screen_pid(self) -> int | None:
        pid = self.rig.supervisor.state()["screen"]["pid"]
        return pid if isinstance(pid, int) else None

    def screen_answers(self) -> bool:
        try:
            with self.browser() as browser:
                return browser.get("/").status_code == 200
        except (OSError, ValueError, TransportError):
            return False


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with running_server() as running:
        yield running


@pytest.fixture
def shop(tmp_path: Path, server: FakeServer) -> Iterator[ScreenShop]:
    made = ScreenShop(tmp_path, server)
    try:
        made.set_up()
        made.install_first_till()
        set_screen_port(made.home, 0)
        made.start()
        until(lambda: made.rig.sells("1.0.0"), "the first till sells")
        until(made.screen_answers, "the screen answers")
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    found = os.environ.get("EVERTILL_CHROMIUM") or shutil.which("chromium")
    assert found, "no Chromium: install it or name it in EVERTILL_CHROMIUM"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=ARGS)
        yield browser
        browser.close()
