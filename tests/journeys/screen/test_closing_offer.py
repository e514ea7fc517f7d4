"""What a real till shows of updates: the day's notice at sign-in, and after 签退 and 结算 the way to closing time; fingers go it to the end."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page

from tests.journeys.screen.gallery import WINDOW, says
from tests.journeys.screen.looking import LOOKS, Look, barriers, faults, open_page
from tests.terminal.shell.scene import Scene, offer, policy, running
from tests.till.driver import PINS, run_till, started
from till.stage import stage

LINK = 'a[href="../closing"]'
NOTICE = 'a[href="../update"]'
VERSION = "1.1.0"


@pytest.fixture(scope="module")
def enrolled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A staged till, and a shop with operators and no sales."""
    folder = tmp_path_factory.mktemp("closing")
    stage(VERSION, folder / "tree")
    pins = folder / "pins"
    pins.touch(mode=0o600)
    pins.write_text("".join(f"{number} {pin}\n" for number, pin in PINS.items()), encoding="ascii")
    code, answer = run_till(folder / "tree", "enrol", "--data", folder / "data", "--pin-file", pins)
    assert code == 0, answer
    return folder / "tree", folder / "data"


@pytest.fixture
def scene(tmp_path: Path, enrolled: tuple[Path, Path]) -> Iterator[Scene]:
    """A screen with a real till behind it, and an agent that says what the test wants."""
    with ExitStack() as stack:
        scene = stack.enter_context(running(tmp_path / "home", with_till=False))
        (scene.home / "state").mkdir()
        tree, data = enrolled
        till = stack.enter_context(started(tree, data, scene.home / "run" / "till"))
        till.wait_ready()
        yield scene


def sign_in(page: Page, url: str) -> None:
    page.goto(f"{url}/till/sign-in?operator=01")
    for digit in PINS["01"]:
        page.locator(f'[name="key"][value="{digit}"]').click()
    go(page)
    page.wait_for_url("**/till/sale")


def go(page: Page) -> None:
    with page.expect_navigation():
        page.locator('[name="go"]').click()


def settle_after_a_sale(page: Page, url: str) -> None:
    sign_in(page, url)
    for digit in "1250":
        page.locator(f'[name="key"][value="{digit}"]').click()
    go(page)
    go(page)
    page.goto(f"{url}/till/settle")
    assert not page.locator(LINK).is_visible(), "before settling there is something else to do"
    go(page)


def sign_out(page: Page, url: str) -> None:
    sign_in(page, url)
    page.goto(f"{url}/till/menu")
    with page.expect_navigation():
        page.locator('form[action="sign-out"] button').click()


@pytest.mark.browser
@pytest.mark.parametrize("closes", [settle_after_a_sale, sign_out], ids=["settled", "signed out"])
@pytest.mark.parametrize("look", [LOOKS[0], LOOKS[3]], ids=["upright", "lying"])
def test_one_tap_leads_from_the_till_to_update_and_switch_off(
    chromium: Chromium, scene: Scene, closes: Callable[[Page, str], None], look: Look
) -> None:
    says(offers=[offer(version="1.2.0", reasons=WINDOW)])(scene)
    page = open_page(chromium, scene.url, look, bypass_csp=True)
    page.goto(scene.url)
    closes(page, scene.url)
    assert "1.2.0" in page.locator(LINK).inner_text()
    found = barriers(page)
    page.locator(LINK).click()
    page.wait_for_url(f"{scene.url}/closing")
    found += faults(page, "closing")
    with page.expect_navigation():
        page.locator(".dock .main").click()
    page.context.close()
    assert "\n".join(found) == ""
    assert scene.agent.orders == [{"do": "closing_time", "release": 12}]


@pytest.mark.browser
def test_nothing_is_offered_where_nothing_could_install_this_evening(chromium: Chromium, scene: Scene) -> None:
    frozen = [{"code": "FROZEN", "params": {"starts": "2026-11-18", "ends": "2026-12-02"}}]
    waits = offer(reasons=WINDOW)
    unwanted = policy(closing_time={"value": "off", "origin": "merchant"})
    page = open_page(chromium, scene.url)
    sign_out(page, scene.url)
    for facts in ({}, {"offers": [offer(reasons=frozen)]}, {"offers": [waits], "policy": unwanted}):
        says(**facts)(scene)
        page.reload()
        assert not page.locator(LINK).is_visible()
    says(offers=[waits])(scene)
    page.reload()
    assert page.locator(LINK).is_visible()
    page.context.close()


@pytest.mark.browser
def test_morning_sign_in_is_no_closing_time(chromium: Chromium, scene: Scene) -> None:
    says(offers=[offer(reasons=WINDOW)])(scene)
    page = open_page(chromium, scene.url)
    page.goto(f"{scene.url}/till/sign-in")
    assert page.get_by_text("请选操作员").is_visible()
    assert not page.locator(LINK).is_visible()
    page.context.close()


@pytest.mark.browser
@pytest.mark.parametrize("look", [LOOKS[0], LOOKS[3]], ids=["upright", "lying"])
def test_notice_stands_at_the_first_sign_in_of_the_day_and_never_again_nor_in_a_sale(
    chromium: Chromium, scene: Scene, look: Look
) -> None:
    says(offers=[offer(version="1.2.0")], policy=policy("manual"))(scene)
    page = open_page(chromium, scene.url, look, bypass_csp=True)
    sign_in(page, scene.url)
    for there in ("sale", "menu", "settle", "totals"):
        page.goto(f"{scene.url}/till/{there}")
        assert not page.locator(NOTICE).is_visible(), there
    page.context.clear_cookies()
    page.goto(f"{scene.url}/till/sign-in")
    assert "1.2.0" in page.locator(NOTICE).inner_text()
    found = barriers(page)
    page.locator(NOTICE).click()
    page.wait_for_url(f"{scene.url}/update")
    page.goto(f"{scene.url}/till/sign-in")
    assert not page.locator(NOTICE).is_visible()
    page.context.close()
    assert "\n".join(found) == ""
