"""The notice of an update in a shop's days: once at sign-in, none in a sale, none for what was answered."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evertill.terminal.shell.facts import Facts
from evertill.terminal.shell.notices import Notices
from tests.terminal.shell.scene import NOW, SHANGHAI, Browser, Scene, iso, journey, offer, policy, usual

SHOWS = b"HTTP/1.0 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nUpdate-Notice: shown\r\n\r\n<h1>till</h1>"
NOTICE = b"Update-Notice: 1.1.0\r\n"
OPENS = datetime(2026, 11, 20, 8, 0, tzinfo=SHANGHAI)


@pytest.fixture
def scene(scene: Scene) -> Scene:
    (scene.home / "state").mkdir()
    scene.agent.status = usual(offers=[offer()])
    scene.till.page = SHOWS
    return scene


def facts(**changes: Any) -> Facts:
    return msgspec.convert(usual(**{"offers": [offer()], **changes}), Facts)


def simulated_day(notices: Notices, opens: datetime, **changes: Any) -> int:
    """A shop's day from eight to ten, its people signing in every ten minutes, every other time in the middle of a sale."""
    banners = 0
    for number in range(14 * 6):
        now = opens + timedelta(minutes=10 * number)
        selling = {**usual()["till"], "sale": number % 2 == 0}
        if notices.due(facts(till=selling, **changes), now):
            assert not selling["sale"], "a notice in a sale"
            notices.shown(now)
            banners += 1
    return banners


def test_one_banner_a_day_and_none_in_a_sale(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    notices = Notices(tmp_path, SHANGHAI)
    assert [simulated_day(notices, OPENS + timedelta(days=day)) for day in range(3)] == [1, 1, 1]


def test_screen_that_starts_again_does_not_repeat_the_days_notice(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    assert simulated_day(Notices(tmp_path, SHANGHAI), OPENS) == 1
    assert simulated_day(Notices(tmp_path, SHANGHAI), OPENS) == 0


@pytest.mark.parametrize(
    ("changes", "banners"),
    [
        ({"offers": []}, 0),
        ({"till": None}, 0),
        ({"offers": [offer(acts={"consented_at": iso(NOW)})]}, 0),
        ({"offers": [offer(acts={"postponed_until": iso(NOW + timedelta(days=3))})]}, 0),
        ({"journey": journey()}, 0),
        ({"policy": policy("never")}, 0),
        ({"policy": policy("never"), "offers": [offer(severity="security")]}, 1),
        ({"policy": policy("never"), "offers": [offer(severity="critical")]}, 1),
        ({"policy": policy("manual")}, 1),
    ],
)
def test_only_what_nobody_answered_yet_and_with_updates_off_only_security(
    tmp_path: Path, changes: dict[str, Any], banners: int
) -> None:
    (tmp_path / "state").mkdir()
    assert bool(Notices(tmp_path, SHANGHAI).due(facts(**changes), NOW)) == bool(banners)


def test_till_is_told_at_sign_in_only_and_once_it_was_shown_no_more(scene: Scene, browser: Browser) -> None:
    for page in ("sale", "settle", "menu"):
        browser.get(f"/till/{page}", headers={"Update-Notice": "9.9.9"})
        assert b"Update-Notice" not in scene.till.seen[-1], page
    browser.get("/till/sign-in")
    assert NOTICE in scene.till.seen[-1]
    browser.get("/till/sign-in")
    assert b"Update-Notice" not in scene.till.seen[-1]


def test_notice_that_the_till_did_not_show_is_due_again(scene: Scene, browser: Browser) -> None:
    scene.till.page = SHOWS.replace(b"Update-Notice: shown\r\n", b"")
    for _ in range(2):
        browser.get("/till/sign-in")
        assert NOTICE in scene.till.seen[-1]


def test_sale_keeps_it_away(scene: Scene, browser: Browser) -> None:
    scene.agent.status = usual(offers=[offer()], till={**usual()["till"], "sale": True})
    browser.get("/till/sign-in")
    assert b"Update-Notice" not in scene.till.seen[-1]
