"""设置 → 重启与恢复, and what the publisher advises where an update went wrong: said before the PIN is asked, held with a reason."""

from pathlib import Path

import pytest

from evertill.terminal.errors import TerminalRefused
from tests.terminal.shell.scene import NOW, PIN, Browser, Scene, iso, past, running, usual

UNSETTLED = {"code": "RESET_UNSETTLED", "params": {"count": 17}}
ACTS = {"till": "restart_till", "device": "restart_device", "settings": "reset_settings"}
ADVICE = {"zh": "不要重复安装\n联系客服，报代码 E17", "en": "Do not install again\nAsk support about E17"}


def test_settings_lead_to_the_three_ways_and_say_who_did_the_latest(scene: Scene, browser: Browser) -> None:
    assert 'href="/restart"' in browser.get("/settings").text
    scene.agent.restarts = {"held": {}, "done": [{"what": "restart_till", "person": "王芳", "at": iso(NOW)}]}
    page = browser.get("/restart").text
    assert all(f'href="/restart/{what}"' in page for what in ACTS)
    assert "重启收款程序，王芳" in page


@pytest.mark.parametrize("what", ACTS)
def test_each_says_what_stays_before_the_pin_and_acts_only_on_the_final_tap(
    scene: Scene, browser: Browser, what: str
) -> None:
    assert "账、备份、密钥和密码都不动" in browser.get(f"/restart/{what}").text
    browser.tap(f"/restart/{what}", person="owner", pin=PIN, key="1")
    assert scene.agent.orders == []
    browser.tap(f"/restart/{what}", person="owner", pin=PIN, go="1")
    assert scene.agent.orders == [{"do": ACTS[what], "person": "owner", "pin": PIN}]


def test_unsettled_batch_shows_the_reason_card_instead_of_the_pad(scene: Scene, browser: Browser) -> None:
    scene.agent.restarts = {"held": {"reset_settings": [UNSETTLED]}, "done": []}
    answer = browser.get("/restart/settings")
    assert answer.status_code == 409
    assert all(row in answer.text for row in ("原因", "您可以", "下次", "17 笔交易还没结算", "RESET_UNSETTLED"))
    assert 'name="pin"' not in answer.text
    assert 'name="pin"' in browser.get("/restart/till").text, "restarting the till loses no batch"


def test_agent_that_refuses_leads_to_the_same_card(scene: Scene, browser: Browser) -> None:
    scene.agent.refuses = TerminalRefused("RESTART_NOT_NOW", detail="RESET_UNSETTLED")
    scene.agent.restarts = {"held": {"reset_settings": [UNSETTLED]}, "done": []}
    assert "17 笔交易还没结算" in browser.tap("/restart/settings", person="owner", pin=PIN, go="1").text


def test_no_page_of_them_covers_a_sale(scene: Scene, browser: Browser) -> None:
    scene.till.sale = True
    for path in ("/restart", "/restart/till", "/restart/device", "/restart/settings"):
        assert "正在收款" in browser.get(path).text
    browser.tap("/restart/settings", person="owner", pin=PIN, go="1")
    assert scene.agent.orders == []


def test_reset_brings_language_and_colours_back(scene: Scene, browser: Browser) -> None:
    (scene.home / "state").mkdir()
    browser.tap("/language", to="en", back="/settings")
    assert "Settings" in browser.get("/settings").text
    browser.tap("/restart/settings", person="owner", pin=PIN, go="1")
    assert "设置" in browser.get("/settings").text
    assert "till_language" not in browser.cookies


def test_device_that_could_not_be_switched_says_so_and_goes_on(scene: Scene, browser: Browser) -> None:
    """No supervisor answers in this scene."""
    answer = browser.tap("/restart/device", person="owner", pin=PIN, go="1")
    assert answer.status_code == 409
    assert "SUPERVISOR_SILENT" in answer.text


@pytest.mark.parametrize("outcome", ["failed", "rolled_back"])
def test_result_shows_what_the_publisher_advises(scene: Scene, browser: Browser, outcome: str) -> None:
    scene.agent.status = usual(history=[past(outcome, recovery=ADVICE)])
    page = browser.get("/update/history/action-4").text
    assert "这个版本的发布方建议" in page
    assert all(line in page for line in ADVICE["zh"].splitlines())
    browser.tap("/language", to="en", back="/")
    assert "Do not install again" in browser.get("/update/history/action-4").text


def test_without_advice_there_is_no_empty_place(tmp_path: Path) -> None:
    with running(tmp_path) as scene, scene.browser() as browser:
        scene.agent.status = usual(history=[past("failed")])
        assert "发布方建议" not in browser.get("/update/history/action-4").text
