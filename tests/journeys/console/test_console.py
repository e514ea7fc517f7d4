"""The console as people use it: no barrier on any page, in both themes; on a phone; without script; live without jumping."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.journeys.console.conftest import ends, enter

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.journeys.console.conftest import Office

pytestmark = [pytest.mark.journey, pytest.mark.browser, pytest.mark.django_db(transaction=True)]
_SERIOUS = """async () => {
  const found = await axe.run(document, {resultTypes: ["violations"]});
  return found.violations.filter(each => ["serious", "critical"].includes(each.impact))
    .map(each => `${each.id}: ${each.nodes.map(node => node.target.join(" ")).join(", ")}`);
}"""
_TOO_WIDE = "() => document.documentElement.scrollWidth > window.innerWidth"


def barriers(page: Page, address: str, axe: str) -> list[str]:
    page.goto(address)
    page.evaluate(axe)
    found: list[str] = page.evaluate(_SERIOUS)
    return found


# Each page in both themes and in both languages, in two walks.
@pytest.mark.parametrize(("theme", "locale"), [("light", "en-US"), ("dark", "zh-CN")])
@pytest.mark.long
def test_no_page_has_a_serious_barrier(
    theme: Any, locale: str, office: Office, pages: dict[str, str], browser: Browser, axe: str
) -> None:
    _context, page = enter(browser, office, color_scheme=theme, locale=locale)
    found = {name: barriers(page, office.address + path, axe) for name, path in pages.items()}
    stranger = browser.new_context(color_scheme=theme, locale=locale).new_page()
    found["sign-in"] = barriers(stranger, f"{office.address}/sign-in/", axe)
    assert {name: problems for name, problems in found.items() if problems} == {}


@pytest.mark.parametrize("locale", ["zh-CN", "en-US"])
@pytest.mark.long
def test_every_page_fits_a_phone(locale: str, office: Office, pages: dict[str, str], browser: Browser) -> None:
    _context, page = enter(browser, office, viewport={"width": 390, "height": 844}, locale=locale)
    wide = []
    for name, path in pages.items():
        page.goto(office.address + path)
        if page.evaluate(_TOO_WIDE):
            wide.append(name)
    assert wide == []


def test_rollout_follows_by_itself_and_leaves_the_reader_where_he_is(office: Office, browser: Browser) -> None:
    _context, page = enter(browser, office)
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.goto(f"{office.address}/rollouts/{office.rollout.pk}")
    page.get_by_role("link", name="Pause").focus()
    ends(office, well=True)
    page.get_by_text("1 verified", exact=True).wait_for()
    ends(office, well=False)
    page.get_by_text("1 failed", exact=True).wait_for()
    assert page.evaluate("document.activeElement.textContent") == "Pause"
    assert troubles == []


def test_work_is_done_without_script(office: Office, browser: Browser) -> None:
    _context, page = enter(browser, office, java_script_enabled=False)
    page.fill("#search", "demo-1")
    page.press("#search", "Enter")
    page.wait_for_url("**/terminals/DEMO-1")
    page.get_by_role("link", name="Policy", exact=True).click()
    page.get_by_role("link", name="Change Download").click()
    page.get_by_label("unmetered networks only").check()
    page.get_by_label("Reason").fill("the shop has little data")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("status").filter(has_text="Download is changed").wait_for()
    page.get_by_role("link", name="To the terminal", exact=True).click()
    page.get_by_role("link", name="Cancel action").click()
    page.get_by_role("button", name="Cancel the action").click()
    page.get_by_role("status").filter(has_text="is being cancelled").wait_for()
    page.goto(f"{office.address}/rollouts/{office.rollout.pk}")
    page.get_by_role("link", name="Stop").click()
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("status").filter(has_text="The rollout is stopped.").wait_for()


def test_first_tab_leads_past_the_rail(office: Office, browser: Browser) -> None:
    _context, page = enter(browser, office)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the page"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_themes_and_languages_are_switched_from_every_page(office: Office, browser: Browser) -> None:
    _context, page = enter(browser, office, color_scheme="light")
    page.goto(f"{office.address}/releases")
    page.get_by_role("button", name="Dark").click()
    assert page.url == f"{office.address}/releases"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(14, 22, 28)"
    page.get_by_role("button", name="中文").click()
    assert page.get_by_role("heading", level=1).inner_text() == "版本"
    assert page.evaluate("document.documentElement.lang") == "zh-Hans"
