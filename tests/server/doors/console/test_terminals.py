from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from evertill.server.rooms.accounts.rules import Role
from evertill.server.rooms.fleet import service as fleet
from evertill.server.rooms.organisations import queries as tree
from evertill.server.rooms.policies import service as policies
from evertill.server.rooms.rollouts import service
from evertill.server.rooms.rollouts.models import Action
from evertill.server.rooms.rollouts.service import reports
from tests.server.doors.console.reading import main
from tests.server.shop import report

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from django.test import Client
    from pytest_django import DjangoAssertNumQueries

    from evertill.server.rooms.accounts.access import Identity
    from evertill.server.rooms.fleet.models import Terminal
    from tests.server.shop import Shop

QUERIES_MOST = 40


def serials(page: bytes) -> list[str]:
    return re.findall(r'class="strong" href="/terminals/([^"]+)"', page.decode())


def seen(terminal: Terminal, at: datetime) -> None:
    fleet.note_seen([(terminal.pk, at, None)])


def fetched(terminal: Terminal, action: Action, now: datetime) -> None:
    """The terminal got the action, whatever the hour of the test."""
    Action.objects.filter(pk=action.pk).update(retrieved_at=now)


def row(page: bytes, serial: str) -> str:
    """The words of one terminal's line."""
    [line] = [part for part in page.decode().split("<tr>") if f'href="/terminals/{serial}"' in part]
    return " ".join(re.sub(r"<[^>]+>", " ", line).split())


def test_each_terminal_is_listed_once_over_all_pages(shop: Shop, console: Client) -> None:
    shop.many_terminals(120, shop.store())
    found, address = [], "/"
    while address:
        page = console.get(address)
        found += serials(page.content)
        following = re.search(r'rel="next" href="([^"]+)"', page.content.decode())
        address = "/" + following[1].replace("&amp;", "&") if following else ""
    assert found == [f"many-{number:06}" for number in range(120)]


def test_a_page_costs_the_same_for_one_terminal_and_for_fifty(
    shop: Shop, console: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    store = shop.store()
    release = shop.release()
    for number in range(60):
        terminal = shop.terminal(f"DEMO-{number:03}", at=store.address)
        shop.says(terminal, component__till="1.0.0")
        if number % 3:
            service.assign(terminal.serial, release.pk, shop.admin, shop.now)
    with django_assert_max_num_queries(QUERIES_MOST) as few:
        assert len(serials(console.get("/?q=DEMO-00").content)) == 10
    with django_assert_max_num_queries(len(few.captured_queries)):
        assert len(serials(console.get("/").content)) == 50


def test_every_row_leads_to_its_reason_in_one_click(shop: Shop, console: Client) -> None:
    shop.many_terminals(3, shop.store())
    page = console.get("/").content.decode()
    assert [f'href="/terminals/many-{number:06}#why"' in page for number in range(3)] == [True] * 3


def test_agent_sees_only_his_own_part(shop: Shop, signed_in: Callable[..., Client]) -> None:
    mine, others = shop.store("mine"), shop.store("others")
    shop.terminal("DEMO-MINE", at=mine.address)
    shop.terminal("DEMO-OTHERS", at=others.address)
    agent = signed_in(Role.AGENT_STAFF, tree.by_address("DEFAULT/mine-merchant"))
    assert serials(agent.get("/").content) == ["DEMO-MINE"]
    assert serials(agent.get("/?q=DEMO-OTHERS").content) == []
    assert agent.get(f"/?at={others.address}").status_code == 404


def test_searching_a_whole_serial_goes_straight_to_it(shop: Shop, console: Client) -> None:
    shop.terminal("DEMO-1")
    shop.terminal("DEMO-12")
    assert console.get("/?q=demo-12")["Location"] == "/terminals/DEMO-12"
    assert serials(console.get("/?q=demo-1").content) == ["DEMO-1", "DEMO-12"]


def test_filters_are_said_in_words_and_each_can_be_dropped(shop: Shop, console: Client) -> None:
    fleet.add_model("D10", [], shop.admin, shop.now)
    shop.terminal("DEMO-1", model="D10")
    shop.terminal("DEMO-2")
    page = console.get("/?q=DEMO&model=D10&state=active")
    assert serials(page.content) == ["DEMO-1"]
    assert "serial or name contains “DEMO”" in main(page)
    assert "model D10" in main(page)
    assert "state: In service" in main(page)
    assert 'href="?q=DEMO&amp;state=active"' in page.content.decode()


def test_nothing_found_says_which_filter_to_drop(shop: Shop, console: Client) -> None:
    shop.terminal("DEMO-1")
    page = main(console.get("/?q=DEMO&client=ddi"))
    assert "No terminal fits." in page
    assert "Drop: updater: SWUpdate or RAUC (DDI)" in page


def test_empty_fleet_says_what_would_be_here(console: Client) -> None:
    page = main(console.get("/"))
    assert "No terminals yet." in page
    assert "evertill terminal add" in page


def test_silence_comes_before_every_other_state(shop: Shop, console: Client, now: datetime) -> None:
    terminal = shop.terminal("DEMO-1")
    assert "Never seen" in row(console.get("/").content, "DEMO-1")
    seen(terminal, now - timedelta(days=9, hours=1))
    assert "Silent for 9 days" in row(console.get("/").content, "DEMO-1")
    seen(terminal, now - timedelta(hours=17))
    assert "Silent" not in row(console.get("/").content, "DEMO-1")


def test_silence_comes_before_what_holds_an_update(shop: Shop, console: Client, now: datetime) -> None:
    terminal = shop.terminal("DEMO-1", at=shop.store().address)
    policies.set_field(terminal, "mode", "manual", shop.admin, now, reason="demo")
    service.assign("DEMO-1", shop.release().pk, shop.admin, now)
    seen(terminal, now - timedelta(days=3))
    assert "Silent for 3 days" in row(console.get("/").content, "DEMO-1")


def test_what_is_still_open_is_shown_before_what_came_later_and_is_closed(
    shop: Shop, console: Client, now: datetime
) -> None:
    terminal = shop.terminal("DEMO-1", at=shop.store().address)
    seen(terminal, now)
    first = service.assign("DEMO-1", shop.release("1.1.0").pk, shop.admin, now)
    fetched(terminal, first, now)
    second = service.assign("DEMO-1", shop.release("1.2.0").pk, shop.admin, now)
    service.cancel(second.pk, shop.admin, now)
    assert Action.objects.get(pk=first.pk).closed_at is None
    assert "1.2.0 cancelled" not in row(console.get("/").content, "DEMO-1")


def test_only_what_the_terminal_proved_is_good(shop: Shop, console: Client, now: datetime) -> None:
    terminal = shop.terminal("DEMO-1", at=shop.store().address)
    shop.says(terminal, component__till="1.0.0")
    seen(terminal, now)
    action = service.assign("DEMO-1", shop.release().pk, shop.admin, now)
    fetched(terminal, action, now)
    reports.feedback(terminal.pk, action.pk, report("closed", "success"), now)
    assert "Waiting for its report" in row(console.get("/").content, "DEMO-1")
    shop.says(terminal, now, component__till="1.1.0")
    assert "1.1.0 verified" in row(console.get("/").content, "DEMO-1")


def test_failure_is_shown_until_something_else_happens(shop: Shop, console: Client, now: datetime) -> None:
    terminal = shop.terminal("DEMO-1", at=shop.store().address)
    seen(terminal, now)
    action = service.assign("DEMO-1", shop.release().pk, shop.admin, now)
    fetched(terminal, action, now)
    reports.feedback(terminal.pk, action.pk, report("closed", "failure", "no space"), now)
    line = row(console.get("/").content, "DEMO-1")
    assert "1.1.0 failed" in line


def test_waiting_for_a_persons_yes_is_said(shop: Shop, console: Client, now: datetime) -> None:
    terminal = shop.terminal("DEMO-1", at=shop.store().address)
    seen(terminal, now)
    policies.set_field(terminal, "mode", "manual", shop.admin, now, reason="demo")
    service.assign("DEMO-1", shop.release().pk, shop.admin, now)
    assert 'data-state="ask"' in console.get("/").content.decode()


def test_terminal_that_is_off_is_grey(shop: Shop, owner: Identity, console: Client, now: datetime) -> None:
    store = tree.by_address("DEFAULT/store-merchant/store")
    terminal = shop.terminal("DEMO-1", at=store.address)
    seen(terminal, now)
    policies.set_field(terminal, "mode", "never", owner, now, reason="demo")
    page = console.get("/").content
    assert "Updates off" in row(page, "DEMO-1")
    assert 'data-state="off"' in page.decode()


@pytest.mark.parametrize(
    "address", ["/?after=%00", "/?q=%00", "/?at=%00", "/terminals/%00", "/tree/%00", "/policies/%00"]
)
def test_character_that_nobody_types_is_refused(address: str, console: Client) -> None:
    assert console.get(address).status_code == 400
    assert console.post("/policies/DEFAULT", {"field": "pin", "value": "\0", "act": "set"}).status_code == 400
