"""What the screen says of a till that is damaged, hangs or does not stay up, and what a person can do about it."""

from pathlib import Path
from typing import Any

import pytest

from tests.terminal.shell.scene import PIN, Browser, Scene, journey, running, usual


def broken(code: str, *, may_end: bool = False, **params: Any) -> dict[str, Any]:
    return {"reasons": [{"code": code, "params": params}], "next_at": None, "may_end": may_end}


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        (broken("RUNNING_SLOT_DAMAGED", components=["till"]), "会自动修复成同一个版本"),
        (broken("REPAIR_NEEDS_SERVER", components=["till"]), "联系客服重新下发现在的版本"),
        (broken("TILL_KEEPS_ENDING", count=7), "已经 7 次"),
        (broken("TILL_HANGS", minutes=2, may_end=True), "马上自动重新启动"),
    ],
)
def test_page_without_a_till_says_why_what_to_do_and_when_next(
    tmp_path: Path, condition: dict[str, Any], says: str
) -> None:
    with running(tmp_path, with_till=False) as scene, scene.browser() as browser:
        scene.agent.status = usual(till=None, condition=condition)
        page = browser.get("/till/").text
        assert says in page
        for row in ("原因", "您可以", "下次"):
            assert row in page
        assert condition["reasons"][0]["code"] in page


def test_menu_shows_a_damaged_till_that_still_sells(scene: Scene, browser: Browser) -> None:
    scene.agent.status = usual(condition=broken("RUNNING_SLOT_DAMAGED", components=["till"]))
    assert "程序文件损坏" in browser.get("/").text


def test_repair_under_way_is_called_a_repair(scene: Scene, browser: Browser) -> None:
    scene.agent.status = usual(journey=journey("installing", 5, version="1.0.0", repair=True))
    assert "修复 1.0.0" in browser.get("/update").text


def test_till_that_hangs_in_a_sale_is_ended_with_a_pin_after_naming_what_is_lost(tmp_path: Path) -> None:
    with running(tmp_path, with_till=False) as scene, scene.browser() as browser:
        scene.agent.status = usual(till=None, condition=broken("TILL_HANGS_IN_SALE", minutes=3, may_end=True))
        assert 'href="/till-hangs"' in browser.get("/till/").text
        page = browser.get("/till-hangs").text
        assert "出过小票的每一笔都在" in page
        assert "没收完的那一笔会放弃" in page
        browser.tap("/till-hangs", person="owner", pin=PIN, key="1")
        assert scene.agent.orders == []
        browser.tap("/till-hangs", person="owner", pin=PIN, go="1")
        assert scene.agent.orders == [{"do": "end_till", "person": "owner", "pin": PIN}]


def test_till_that_answers_cannot_be_ended_from_the_screen(scene: Scene, browser: Browser) -> None:
    assert browser.get("/till-hangs").url.path == "/till/"
    assert 'href="/till-hangs"' not in browser.get("/").text
