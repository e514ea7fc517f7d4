from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from evertill.protocol.ddi import TillReport
from evertill.protocol.reasons import Reason
from evertill.server.rooms.accounts.rules import Role
from evertill.server.rooms.organisations import queries as tree
from evertill.server.rooms.policies import queries as policy_queries
from evertill.server.rooms.policies import service as policies
from evertill.server.rooms.rollouts import explaining, service
from evertill.server.rooms.rollouts.service import reports
from tests.server.doors.console.reading import main
from tests.server.doors.console.test_terminals import fetched, seen
from tests.server.shop import report

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from django.test import Client
    from pytest_django import DjangoAssertNumQueries

    from evertill.server.rooms.accounts.access import Identity
    from evertill.server.rooms.fleet.models import Terminal
    from tests.server.shop import Shop

QUERIES_MOST = 85


def waiting_for_settlement(shop: Shop, now: datetime) -> Terminal:
    """A terminal that has fetched its update and cannot install it: 17 sales are not settled."""
    terminal = shop.terminal("DEMO-1", at=shop.store().address)
    shop.says(terminal, component__till="1.0.0", slot="A", generation="3")
    seen(terminal, now)
    action = service.assign("DEMO-1", shop.release().pk, shop.admin, now)
    fetched(terminal, action, now)
    for minute in (1, 2, 3):
        words: dict[str, Any] = {
            "state": "waiting",
            "step": 3,
            "reasons": [Reason.of("TILL_BATCH_UNSETTLED", count=17)],
            "till": TillReport(sale=False, batch_count=17, pending=0),
        }
        at = now + timedelta(minutes=minute)
        reports.feedback(terminal.pk, action.pk, report("proceeding", "none", "waits", **words), at)
    return terminal


def test_page_gives_the_same_reason_as_every_other_door(shop: Shop, console: Client, now: datetime) -> None:
    waiting_for_settlement(shop, now)
    [said] = explaining.explain("DEMO-1", now, "en")
    page = main(console.get("/terminals/DEMO-1"))
    for row in (said.explanation.why, said.explanation.can):
        assert row.fact in page
    assert "TILL_BATCH_UNSETTLED" in page
    assert "17 sales are not settled" in page
    assert "有 17 笔交易还没结算" in page  # as the merchant reads it on the terminal


def test_facts_are_those_the_terminal_told(shop: Shop, console: Client, now: datetime) -> None:
    waiting_for_settlement(shop, now)
    page = main(console.get("/terminals/DEMO-1"))
    assert "Runs 1.0.0 slot A, generation 3" in page
    assert "17 unsettled no sale in progress" in page


def test_unknown_is_written_never_guessed(shop: Shop, console: Client) -> None:
    shop.terminal("DEMO-1")
    page = main(console.get("/terminals/DEMO-1"))
    assert "Runs unknown" in page
    assert "Till unknown" in page
    assert "Last seen never" in page
    assert "Nothing to install" in page


def test_every_rule_is_shown_with_what_it_says(shop: Shop, console: Client, now: datetime) -> None:
    terminal = waiting_for_settlement(shop, now)
    policies.set_field(terminal, "pin", "1.0.0", shop.admin, now)
    page = main(console.get("/terminals/DEMO-1"))
    assert "No other version is pinned : holds PINNED" in page
    assert "Its clock is right : passes" in page


def test_repeated_reports_fold_into_one_line(shop: Shop, console: Client, now: datetime) -> None:
    waiting_for_settlement(shop, now)
    page = main(console.get("/terminals/DEMO-1"))
    assert page.count("waits") == 1
    assert "3 times in a row" in page


def test_failure_leads_the_page(shop: Shop, console: Client, now: datetime) -> None:
    terminal = shop.terminal("DEMO-1", at=shop.store().address)
    action = service.assign("DEMO-1", shop.release().pk, shop.admin, now)
    fetched(terminal, action, now)
    reasons = [Reason.of("ROLLED_BACK", version="1.1.0", back="1.0.0", what="reader silent")]
    words: dict[str, Any] = {"state": "reported", "step": 7, "reasons": reasons}
    reports.feedback(terminal.pk, action.pk, report("closed", "failure", "reader silent", **words), now)
    page = main(console.get("/terminals/DEMO-1"))
    assert "1.0.0 is back and every sale is kept" in page
    assert "1.1.0 rolled back" in page


def test_publishers_advice_stands_with_the_failure_and_nowhere_before(
    shop: Shop, console: Client, now: datetime
) -> None:
    advice = {"zh": "不要重复安装", "en": "Do not install it again"}
    terminal = shop.terminal("DEMO-1", at=shop.store().address)
    action = service.assign("DEMO-1", shop.release(recovery=advice).pk, shop.admin, now)
    fetched(terminal, action, now)
    pages = ("/terminals/DEMO-1", f"/actions/{action.pk}")
    assert not any("Do not install it again" in main(console.get(path)) for path in pages)
    words: dict[str, Any] = {
        "state": "reported",
        "step": 7,
        "reasons": [Reason.of("REHEARSAL_FAILED", version="1.1.0", what="x")],
    }
    reports.feedback(terminal.pk, action.pk, report("closed", "failure", "x", **words), now)
    for path in (*pages, f"/releases/{action.release_id}"):
        assert "Do not install it again" in main(console.get(path)), path


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("restart_till 2026-11-20T06:30:00+00:00 王芳", "Till restarted by hand: 王芳"),
        ("reset_settings 2026-11-20T06:30:00+00:00 owner", "Settings reset by hand: owner"),
        ("blown_up 2026-11-20T06:30:00+00:00 owner", ""),
        ("restart_till yesterday owner", ""),
        ("restart_till 2026-11-20T06:30:00 owner", ""),
        ("", ""),
    ],
)
def test_restart_by_hand_is_shown_as_the_terminal_told_it(
    shop: Shop, console: Client, now: datetime, said: str, shown: str
) -> None:
    terminal = shop.terminal("DEMO-1", at=shop.store().address)
    shop.says(terminal, restart__last=said)
    page = main(console.get("/terminals/DEMO-1"))
    assert shown in page
    assert ("by hand" in page) == bool(shown)


def test_policy_is_shown_with_where_each_value_comes_from(shop: Shop, console: Client, now: datetime) -> None:
    store = shop.store()
    terminal = shop.terminal("DEMO-1", at=store.address)
    policies.set_field(tree.operator(), "battery_floor_percent", 60, shop.admin, now, mandated=True)
    policies.set_field(terminal, "window", "01:00-06:00", shop.admin, now)
    page = main(console.get("/terminals/DEMO-1"))
    assert "60 %, even on charger Demo operator, mandated" in page
    assert "01:00–06:00 this terminal" in page


def test_revision_is_proven_only_by_the_terminal(shop: Shop, console: Client, now: datetime) -> None:
    terminal = shop.terminal("DEMO-1")
    revision = policy_queries.revision_of(terminal.pk).revision
    assert f"Revision {revision}, not yet acknowledged" in main(console.get("/terminals/DEMO-1"))
    policies.acknowledge(terminal.pk, revision, now, now)
    assert f"Revision {revision}, acknowledged today" in main(console.get("/terminals/DEMO-1"))


def test_never_is_confirmed_by_both_sides(shop: Shop, owner: Identity, console: Client, now: datetime) -> None:
    terminal = shop.terminal("DEMO-1", at="DEFAULT/store-merchant/store")
    policies.set_field(terminal, "mode", "never", owner, now, reason="demo")
    assert "not yet confirmed" in main(console.get("/terminals/DEMO-1"))
    policies.acknowledge(terminal.pk, policy_queries.revision_of(terminal.pk).revision, now, now)
    page = main(console.get("/terminals/DEMO-1"))
    assert "not yet confirmed" not in page
    assert "confirmed" in page


def test_terminal_of_another_part_is_answered_like_one_that_does_not_exist(
    shop: Shop, signed_in: Callable[..., Client]
) -> None:
    shop.store("mine")
    shop.terminal("DEMO-OTHERS", at=shop.store("others").address)
    agent = signed_in(Role.AGENT_STAFF, tree.by_address("DEFAULT/mine-merchant"))
    for path in ("", "/policy", "/assign"):
        others, none = (agent.get(f"/terminals/{serial}{path}") for serial in ("DEMO-OTHERS", "DEMO-NOWHERE"))
        assert others.status_code == none.status_code == 404
        assert main(others) == main(none).replace("DEMO-NOWHERE", "DEMO-OTHERS")


def test_page_costs_a_bounded_number_of_queries(
    shop: Shop, console: Client, now: datetime, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    waiting_for_settlement(shop, now)
    with django_assert_max_num_queries(QUERIES_MOST):
        console.get("/terminals/DEMO-1")
