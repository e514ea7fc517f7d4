from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from evertill.protocol.reasons import Reason
from evertill.server.doors.console import door, words
from evertill.server.rooms.accounts.rules import Role
from evertill.server.rooms.fleet import service as fleet
from evertill.server.rooms.fleet.rules import Client as Updater
from evertill.server.rooms.organisations import queries as tree
from evertill.server.rooms.policies import service as policies
from evertill.server.rooms.rollouts import jobs, service
from evertill.server.rooms.rollouts.models import Action, Situation
from evertill.server.rooms.rollouts.service import NewRollout, groups, reports, standing
from tests.server.doors.console.reading import main
from tests.server.shop import NOON, report

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from pytest_django import DjangoAssertNumQueries

    from evertill.protocol.ddi import Finished
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
    assert "service: In service" in main(page)
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
    assert "Automatic updates are off" in row(page, "DEMO-1")
    assert 'data-state="off"' in page.decode()


@pytest.mark.parametrize(
    "address", ["/?after=%00", "/?q=%00", "/?at=%00", "/terminals/%00", "/tree/%00", "/policies/%00"]
)
def test_character_that_nobody_types_is_refused(address: str, console: Client) -> None:
    assert console.get(address).status_code == 400
    assert console.post("/policies/DEFAULT", {"field": "pin", "value": "\0", "act": "set"}).status_code == 400


def chips(page: bytes) -> dict[str, str]:
    """The state on each terminal's line; `idle` where the chip has no glyph."""
    lines = [part for part in page.decode().split("<tr>") if 'href="/terminals/' in part]
    found = {}
    for line in lines:
        state = re.search(r'class="chip" data-state="(\w+)"', line)
        [serial] = re.findall(r'class="strong" href="/terminals/([^"]+)"', line)
        found[serial] = state[1] if state else "idle"
    return found


@pytest.fixture
def every_state(shop: Shop, owner: Identity, now: datetime) -> None:
    """Terminals in each state that a chip can show, heard from and silent."""
    store = tree.by_address("DEFAULT/store-merchant/store")
    release = shop.release()

    def one(serial: str, heard: datetime | None = now, mode: str = "") -> Terminal:
        terminal = shop.terminal(serial, at=store.address)
        shop.says(terminal, component__till="1.0.0")
        if heard:
            seen(terminal, heard)
        if mode:
            who = owner if mode == "never" else shop.admin
            policies.set_field(terminal, "mode", mode, who, now, reason="demo")
        return terminal

    def assigned(serial: str, **words: Any) -> tuple[Terminal, Action]:
        terminal = one(serial, **words)
        action = service.assign(serial, release.pk, shop.admin, now)
        return terminal, action

    def ended(serial: str, finished: Finished) -> Terminal:
        terminal, action = assigned(serial)
        fetched(terminal, action, now)
        reports.feedback(terminal.pk, action.pk, report("closed", finished, "as it went"), now)
        return terminal

    one("IDLE")
    one("OFF", mode="never")
    one("NEVER-SEEN", heard=None)
    one("SILENT", heard=now - timedelta(days=9), mode="never")
    assigned("ASK", mode="manual")
    assigned("SILENT-ASK", mode="manual", heard=now - timedelta(days=2))
    pinned, _action = assigned("PINNED")
    policies.set_field(pinned, "pin", "1.0.0", shop.admin, now, reason="demo")
    shop.says(ended("GOOD", "success"), now, component__till="1.1.0")
    ended("NEED", "failure")
    terminal, action = assigned("WAIT")
    fetched(terminal, action, now)
    told: dict[str, Any] = {"state": "waiting", "step": 3, "reasons": [Reason.of("TILL_BATCH_UNSETTLED", count=17)]}
    reports.feedback(terminal.pk, action.pk, report("proceeding", "none", **told), now)
    terminal, action = assigned("TIMED-OUT")
    fetched(terminal, action, now)
    Action.objects.filter(pk=action.pk).update(expires_at=now)
    jobs.time_out(now + timedelta(seconds=1))
    one("RETIRED", heard=None)
    fleet.retire("RETIRED", shop.admin, now)


@pytest.mark.usefixtures("every_state")
def test_filter_finds_exactly_the_terminals_whose_chip_says_so(console: Client) -> None:
    shown = chips(console.get("/").content)
    assert set(shown.values()) >= set(words.UPDATES) - {"move"}
    for update, word in words.UPDATES.items():
        page = console.get(f"/?update={update}")
        assert set(serials(page.content)) == {serial for serial, state in shown.items() if state == update}, update
        assert f"update: {word}" in main(page)


@pytest.mark.usefixtures("every_state")
def test_reason_finds_exactly_the_terminals_that_it_leads(console: Client) -> None:
    everything = console.get("/").content
    offered = dict(re.findall(r'<option value="([A-Z_]+)"[^>]*>([^<]+)</option>', everything.decode()))
    assert {"TILL_BATCH_UNSETTLED", "CONSENT_NEEDED", "PINNED", "UPDATE_TIMED_OUT", "RETIRED"} <= set(offered)
    for code, word in offered.items():
        wanted = {serial for serial in serials(everything) if word in row(everything, serial)}
        found = console.get(f"/?reason={code}")
        assert set(serials(found.content)) == wanted, code
        assert f"not updated because: {word}" in main(found)
    assert serials(console.get("/?reason=NO_SUCH_CODE").content) == []


@pytest.mark.usefixtures("every_state")
def test_filters_of_update_and_place_hold_together(
    shop: Shop, console: Client, signed_in: Callable[..., Client]
) -> None:
    shop.store("others")
    assert serials(console.get("/?update=ask&at=DEFAULT/others-merchant").content) == []
    agent = signed_in(Role.AGENT_STAFF, tree.by_address("DEFAULT/others-merchant"))
    assert serials(agent.get("/?update=ask").content) == []
    assert serials(console.get("/?update=need&reason=UPDATE_TIMED_OUT").content) == ["TIMED-OUT"]


def test_filtered_list_is_paged_like_the_whole_one(shop: Shop, console: Client) -> None:
    shop.many_terminals(120, shop.store())
    found, address = [], "/?update=mute"
    while address:
        page = console.get(address)
        found += serials(page.content)
        following = re.search(r'rel="next" href="([^"]+)"', page.content.decode())
        address = "/" + following[1].replace("&amp;", "&") if following else ""
    assert found == [f"many-{number:06}" for number in range(120)]


def test_members_of_later_groups_are_found_by_their_turn(shop: Shop, console: Client, now: datetime) -> None:
    for pk in shop.many_terminals(20, at=tree.operator(), client=Updater.DDI):
        fleet.note_seen([(pk, now, None)])
    image = shop.release("2.0.0", passthrough=True)
    planned = groups.create(NewRollout(image.pk, groups="50,50"), shop.admin, now)
    assert serials(console.get("/?reason=ROLLOUT_TURN").content) == []
    groups.start(planned.pk, shop.admin, now)
    waiting = serials(console.get("/?reason=ROLLOUT_TURN").content)
    assert 0 < len(waiting) < 20
    groups.pause(planned.pk, shop.admin, now)
    assert len(serials(console.get("/?reason=ROLLOUT_PAUSED").content)) == 20
    groups.stop(planned.pk, shop.admin, now)
    assert len(serials(console.get("/?update=idle").content)) == 20


def test_what_time_alone_changes_is_found_when_it_has_changed(shop: Shop, console: Client) -> None:
    noon = NOON
    terminal = shop.terminal("DEMO-1", at=shop.store().address)
    action = service.assign("DEMO-1", shop.release().pk, shop.admin, noon)
    fetched(terminal, action, noon)
    standing.refresh([terminal.pk], noon)
    assert Situation.objects.get(pk=terminal.pk).reason == "WINDOW_CLOSED"
    jobs.review_situations(noon + timedelta(hours=1))
    assert Situation.objects.get(pk=terminal.pk).reason == "WINDOW_CLOSED"
    for _edge in range(5):  # the window opens, then its own minute in it comes
        found = Situation.objects.get(pk=terminal.pk)
        if found.state == "wait" and found.review_at_s is not None:
            jobs.review_situations(datetime.fromtimestamp(found.review_at_s, UTC))
    assert Situation.objects.get(pk=terminal.pk).state == "move"


def test_rail_counts_what_one_may_see_and_no_further_than_it_should(
    shop: Shop, console: Client, signed_in: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.many_terminals(12, shop.store())
    shop.store("mine")
    agent = signed_in(Role.AGENT_STAFF, tree.by_address("DEFAULT/mine-merchant"))
    assert '<span class="count">12</span>' in console.get("/").content.decode()
    assert '<span class="count">0</span>' in agent.get("/").content.decode()
    monkeypatch.setattr(door, "COUNTED_MOST", 10)
    assert '<span class="count">10+</span>' in console.get("/releases").content.decode()
