"""What 永不 and 手动 mean for this very terminal: a whole terminal, a signed critical release with a date, and Chromium."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page

from tests.fakes.fake_server import FakeServer
from tests.fakes.shop import PIN, settled
from tests.journeys.screen.conftest import ScreenShop
from tests.journeys.screen.looking import LOOKS, barriers, open_page

SHANGHAI = ZoneInfo("Asia/Shanghai")
NIGHT = "03:00-05:00"


def noon_in(days: int) -> datetime:
    """A date far enough that no "tomorrow" hides it, and outside the window."""
    local = (datetime.now(UTC) + timedelta(days=days)).astimezone(SHANGHAI)
    return local.replace(hour=12, minute=0, second=0, microsecond=0).astimezone(UTC)


def night_after(moment: datetime) -> datetime:
    """The first opening of the window after it, as anybody would count it on a calendar."""
    return (moment.astimezone(SHANGHAI) + timedelta(days=1)).replace(hour=3)


def day(moment: datetime) -> str:
    """As a page writes it; a day of another year carries its year."""
    local = moment.astimezone(SHANGHAI)
    year = "" if local.year == datetime.now(SHANGHAI).year else f"{local.year}年"
    return f"{year}{local.month}月{local.day}日"


def offered(shop: ScreenShop, server: FakeServer, **policy: str) -> datetime:
    """A critical release, required in twenty days; when it would install all the same."""
    required_at = noon_in(20)
    server.set_policy(3, **{"mode": "automatic", "window": NIGHT, **policy})
    shop.release(severity="critical", required_at=required_at)
    closed = {"code": "WINDOW_CLOSED", "params": {"window": "03:00–05:00"}}
    server.offers = [
        {"release": 12, "action": None, "download": True, "install": False, "reasons": [closed], "next_try_at": None}
    ]
    with shop.browser() as browser:
        settled(lambda: "关键更新" in browser.get("/update").text, "the release is vouched for")
    return night_after(required_at)


def chooses(page: Page, mode: str) -> None:
    with page.expect_navigation():
        page.locator(f'a[href="/update/mode/{mode}"]').click()


def types_pin(page: Page) -> None:
    for digit in PIN:
        page.locator(f'.key[value="{digit}"]').click()
    with page.expect_navigation():
        page.locator('[name="go"]').click()


@pytest.mark.browser
def test_never_names_the_day_on_which_an_urgent_fix_still_installs(
    shop: ScreenShop, server: FakeServer, chromium: Chromium
) -> None:
    acts_at = offered(shop, server)
    days = -((datetime.now(UTC) - acts_at).days)
    page = open_page(chromium, shop.url, LOOKS[0], bypass_csp=True)
    page.goto(f"{shop.url}/update")
    assert page.get_by_text(f"最晚 {day(acts_at)}自动安装").is_visible()
    page.goto(f"{shop.url}/update/mode")
    option = page.locator('a[href="/update/mode/never"]').inner_text()
    assert "永不（紧急安全修复除外）" in option
    assert f"{day(acts_at)}仍会装 till 1.1.0" in option
    chooses(page, "never")
    told = page.locator("main").inner_text()
    for line in (f"一个安全漏洞 {days} 天后才补上", f"{day(acts_at)}仍会装 till 1.1.0", "提前 14、7、3、1 天通知您"):
        assert line in told
    found = barriers(page)
    types_pin(page)
    page.wait_for_url("**/update/off")
    assert f"{day(acts_at)}，till 1.1.0" in page.locator("main").inner_text()
    page.goto(f"{shop.url}/update")
    assert page.get_by_text(f"{day(acts_at)}以前不会自动安装").is_visible()
    found += barriers(page)
    page.context.close()
    assert found == []
    assert server.payload_bytes == 0


@pytest.mark.browser
def test_manual_names_what_waits_and_the_day_on_which_it_waits_no_longer(
    shop: ScreenShop, server: FakeServer, chromium: Chromium
) -> None:
    acts_at = offered(shop, server)
    page = open_page(chromium, shop.url, LOOKS[2], bypass_csp=True)
    page.goto(f"{shop.url}/update/mode")
    chooses(page, "manual")
    told = page.locator("main").inner_text()
    for line in ("您同意以前，不下载，不安装", "till 1.1.0 能补安全漏洞，也要等您同意", f"最晚 {day(acts_at)}自动安装"):
        assert line in told
    types_pin(page)
    page.wait_for_url("**/update")
    assert page.get_by_text(f"最晚 {day(acts_at)}自动安装").is_visible()
    found = barriers(page)
    page.context.close()
    assert found == []
    assert shop.ask(ask="policy")["fields"]["mode"]["value"] == "manual"


@pytest.mark.browser
def test_where_no_date_acts_never_is_never_and_the_hole_stays_open(
    shop: ScreenShop, server: FakeServer, chromium: Chromium
) -> None:
    offered(shop, server, at_deadline="notify_only")
    page = open_page(chromium, shop.url)
    page.goto(f"{shop.url}/update/mode")
    assert "除外" not in page.locator('a[href="/update/mode/never"]').inner_text()
    chooses(page, "never")
    told = page.locator("main").inner_text()
    assert "一个安全漏洞一直不补，直到您手动安装" in told
    assert "仍会装" not in told
    page.context.close()
