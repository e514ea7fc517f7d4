"""Every page as the kiosk shows it: nothing overflows, the dock is in view, axe-core finds nothing serious, no policy is broken."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Page

from tests.journeys.screen.gallery import FACTS, PICTURES, Picture, reason_pictures, says
from tests.journeys.screen.looking import LOOKS, Look, faults, open_page
from tests.terminal.shell.scene import PIN, Scene, journey, offer, policy, running, usual

# What is written alike in both languages: names of things, units, a command.
NAMES: Final = {
    text for fact in FACTS.values() for text in (fact if isinstance(fact, list) else [fact]) if isinstance(text, str)
}
ALIKE: Final = re.compile(
    "|".join(sorted(map(re.escape, NAMES), key=len, reverse=True)) + "|Wi-Fi|evertill keys init|MB|KB|GB"
)
CARD: Final = """[...document.querySelectorAll(".reason header, .reason dl")].map((e) => e.innerText).join("\\n")"""


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    (tmp_path / "state").mkdir()
    with running(tmp_path) as made:
        yield made


def show(page: Page, scene: Scene, picture: Picture) -> None:
    """As it stands after what a finger does first."""
    (scene.home / "state" / "closing.json").unlink(missing_ok=True)
    picture.set(scene)
    page.goto(scene.url + picture.path)
    picture.tap(page)


@pytest.mark.browser
@pytest.mark.parametrize("look", LOOKS, ids=lambda look: "-".join(map(str, look)))
@pytest.mark.long
def test_every_page_fits_and_is_accessible(chromium: Browser, scene: Scene, look: Look) -> None:
    page = open_page(chromium, scene.url, look, bypass_csp=True)
    found: list[str] = []
    for picture in PICTURES:
        show(page, scene, picture)
        found += faults(page, picture.name)
    page.context.close()
    assert "\n".join(found) == ""


@pytest.mark.browser
@pytest.mark.parametrize("look", [LOOKS[0], LOOKS[1]], ids=["zh", "en"])
@pytest.mark.long
def test_every_reason_is_said_in_the_readers_words(chromium: Browser, scene: Scene, look: Look) -> None:
    page = open_page(chromium, scene.url, look, bypass_csp=True)
    found: list[str] = []
    for picture in reason_pictures():
        show(page, scene, picture)
        found += faults(page, picture.name)
        said = ALIKE.sub("", page.evaluate(CARD))
        known = "FROM_THE_FUTURE" not in picture.name
        found += [f"{picture.name}: a raw code: {code}" for code in re.findall(r"[A-Z]+_[A-Z_]+", said) if known]
        foreign = r"[a-z]{4,}" if look[2] == "zh" else r"[\u4e00-\u9fff]{2,}"
        found += [f"{picture.name}: another language: {word}" for word in re.findall(foreign, said) if known]
    page.context.close()
    assert "\n".join(found) == ""


@pytest.mark.browser
def test_no_page_breaks_its_own_content_policy(chromium: Browser, scene: Scene) -> None:
    page = open_page(chromium, scene.url)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if "Content Security" in message.text else None)
    for picture in PICTURES:
        show(page, scene, picture)
    page.context.close()
    assert said == []


@pytest.mark.browser
def test_release_on_the_screen_is_reported_as_displayed(chromium: Browser, scene: Scene) -> None:
    says(offers=[offer()])(scene)
    page = open_page(chromium, scene.url)
    with page.expect_response(lambda answer: answer.url.endswith("/displayed")) as told:
        page.goto(f"{scene.url}/update")
    assert told.value.status == 204
    page.context.close()
    assert scene.agent.orders == [{"do": "displayed", "release": 12}]


@pytest.mark.browser
@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_fingers_agree_to_an_update(chromium: Browser, scene: Scene, *, script: bool) -> None:
    says(policy=policy("manual"), offers=[offer()])(scene)
    page = open_page(chromium, scene.url, java_script_enabled=script)
    page.goto(f"{scene.url}/update")
    page.locator(".tick").click()
    page.get_by_role("button", name="确认更新").click()
    for digit in PIN:
        page.get_by_role("button", name=digit, exact=True).click()
    page.get_by_role("button", name="确认更新").click()
    page.wait_for_url("**/update")
    page.context.close()
    (order,) = [order for order in scene.agent.orders if order["do"] == "consent"]
    assert order["pin"] == PIN


@pytest.mark.browser
def test_live_page_follows_the_journey_without_a_tap(chromium: Browser, scene: Scene) -> None:
    next(picture for picture in PICTURES if picture.name == "waiting").set(scene)
    page = open_page(chromium, scene.url)
    page.goto(f"{scene.url}/update")
    assert page.get_by_role("heading", name="等待结算").is_visible()
    next(picture for picture in PICTURES if picture.name == "switching").set(scene)
    page.get_by_text("正在安装，请不要关机").wait_for(timeout=15_000)
    page.context.close()


@pytest.mark.browser
def test_proof_prints_with_serial_and_time(chromium: Browser, scene: Scene) -> None:
    next(picture for picture in PICTURES if picture.name == "off").set(scene)
    page = open_page(chromium, scene.url)
    page.goto(f"{scene.url}/update/off")
    assert page.get_by_role("button", name="打印").is_visible()
    page.emulate_media(media="print")
    assert page.get_by_text("T-0001", exact=True).is_visible()
    assert not page.locator(".dock").is_visible()
    page.context.close()


@pytest.mark.browser
@pytest.mark.parametrize("look", LOOKS, ids=lambda look: "-".join(map(str, look)))
def test_place_of_the_till_fits_while_there_is_none(chromium: Browser, tmp_path: Path, look: Look) -> None:
    with running(tmp_path, with_till=False) as scene:
        page = open_page(chromium, scene.url, look, bypass_csp=True)
        found: list[str] = []
        switching = journey("migrating", 7, forecast_s=1.4)
        for name, facts in (("starting", {}), ("switching", {"journey": switching}), ("none yet", {"components": {}})):
            scene.agent.status = usual(till=None, **facts)
            page.goto(f"{scene.url}/till/")
            found += faults(page, name)
        page.context.close()
    assert "\n".join(found) == ""
