from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from evertill.protocol.reasons import Reason
from evertill.server.rooms.accounts.rules import Role
from evertill.server.rooms.fleet.rules import Client as Updater
from evertill.server.rooms.organisations import queries as tree
from evertill.server.rooms.rollouts import progress, service
from evertill.server.rooms.rollouts.models import Action, Rollout
from evertill.server.rooms.rollouts.service import NewRollout, groups
from tests.server.doors.console.reading import main, text
from tests.server.shop import report

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from django.test import Client
    from pytest_django import DjangoAssertNumQueries

    from tests.server.shop import Shop

LIST_QUERIES_MOST = 12
LIVE_QUERIES_MOST = 30
PLAN = {"groups": "50,50", "success": "95", "error": "20", "timeout_h": "24", "kind": "soft"}


def digest(page: str) -> str:
    [seen] = re.findall(r'name="seen" value="(\w+)"', page)
    return str(seen)


@pytest.fixture
def rollout(shop: Shop) -> Rollout:
    """Twenty foreign boards, so that no window and no shop's turn holds them; the first of two groups is open."""
    shop.many_terminals(20, at=tree.operator(), client=Updater.DDI)
    image = shop.release("2.0.0", passthrough=True)
    planned = groups.create(NewRollout(image.pk, groups="50,50", error_percent=20), shop.admin, shop.now)
    return groups.start(planned.pk, shop.admin, shop.now)


def ends(shop: Shop, rollout: Rollout, count: int, now: datetime, *, well: bool) -> None:
    """So many of the open group's boards fetch, report and describe themselves."""
    mine = Action.objects.select_related("terminal").filter(rollout=rollout, closed_at=None)
    for action in mine.order_by("pk")[:count]:
        service.retrieve(action.terminal_id, action.pk, now)
        shop.says(action.terminal, now)
        told: dict[str, Any] = {
            "state": "reported",
            "step": 7,
            "reasons": [Reason.of("STORAGE", need_bytes=2, free_bytes=1)],
        }
        words = report("closed", "success") if well else report("closed", "failure", "no room", **told)
        service.feedback(action.terminal_id, action.pk, words, now)


def test_planning_starts_nothing(shop: Shop, console: Client) -> None:
    shop.many_terminals(4, at=shop.store())
    release = shop.release()
    answer = console.post("/rollouts/new", PLAN | {"release": release.pk, "at": "DEFAULT/store-merchant"}, follow=True)
    assert "Nothing happens before it is started." in main(answer)
    [planned] = progress.page([tree.operator()])
    assert (planned.state, planned.node.address, planned.created_by) == (
        "ready",
        "DEFAULT/store-merchant",
        "demo-fleet-manager",
    )
    assert not Action.objects.exists()


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("groups", "50,40", "FIELD_INVALID"),
        ("groups", "", "This field is required."),
        ("success", "101", "100"),
        ("error", "many", "Enter a whole number."),
        ("at", "DEFAULT/nowhere", "NODE_UNKNOWN"),
        ("kind", "timeforced", "Select a valid choice."),
        ("release", "999", "Select a valid choice."),
    ],
)
def test_plan_that_cannot_be_is_refused_with_its_reason(
    field: str, value: str, says: str, shop: Shop, console: Client
) -> None:
    shop.many_terminals(4, at=shop.store())
    answer = console.post("/rollouts/new", PLAN | {"release": str(shop.release().pk), "at": ""} | {field: value})
    assert says in main(answer)
    assert progress.page([tree.operator()]) == []


def test_plan_begins_with_what_the_link_named(shop: Shop, console: Client) -> None:
    release = shop.release()
    page = console.get(f"/rollouts/new?at=DEFAULT&release={release.pk}").content.decode()
    assert 'name="at" value="DEFAULT"' in page
    assert f'<option value="{release.pk}" selected>' in page


@pytest.mark.parametrize(
    ("steps", "state"), [(["pause"], "paused"), (["pause", "resume"], "running"), (["stop"], "stopped")]
)
def test_each_step_is_taken_after_saying_what_will_happen(
    steps: list[str], state: str, rollout: Rollout, console: Client
) -> None:
    for step in steps:
        assert "What will happen" in main(console.get(f"/rollouts/{rollout.pk}/{step}"))
        assert console.post(f"/rollouts/{rollout.pk}/{step}").status_code == 302
    assert progress.by_id(rollout.pk).state == state


def test_step_that_does_not_fit_is_refused(rollout: Rollout, console: Client) -> None:
    assert "cannot be done to it in its present state" in main(console.get(f"/rollouts/{rollout.pk}/resume"))
    answer = console.post(f"/rollouts/{rollout.pk}/start")
    assert answer.status_code == 409
    assert "ROLLOUT_NOT_IN_STATE" in main(answer)
    assert console.get(f"/rollouts/{rollout.pk}/explode").status_code == 404


def test_auditor_looks_and_touches_nothing(rollout: Rollout, signed_in: Callable[..., Client]) -> None:
    auditor = signed_in(Role.AUDITOR)
    page = auditor.get(f"/rollouts/{rollout.pk}").content.decode()
    assert f"/rollouts/{rollout.pk}/stop" not in page
    assert auditor.get("/rollouts/new").status_code == 403
    assert auditor.post(f"/rollouts/{rollout.pk}/stop").status_code == 403
    assert progress.by_id(rollout.pk).state == "running"


def test_groups_count_only_what_is_verified(shop: Shop, rollout: Rollout, console: Client, now: datetime) -> None:
    ends(shop, rollout, 3, now, well=True)
    ends(shop, rollout, 1, now, well=False)
    answer = console.get(f"/rollouts/{rollout.pk}")
    page = main(answer)
    assert "3 of" in page
    assert ">3 verified</text>" in answer.content.decode()
    assert ">1 failed</text>" in answer.content.decode()
    assert re.search(r"2 50 % not started 0 0 0 0 \d+", page)


def test_chart_says_the_same_as_numbers(shop: Shop, rollout: Rollout, console: Client, now: datetime) -> None:
    ends(shop, rollout, 2, now + timedelta(minutes=3), well=True)
    ends(shop, rollout, 1, now + timedelta(minutes=5), well=False)
    page = console.get(f"/rollouts/{rollout.pk}").content.decode()
    assert 'role="img" aria-labelledby="chart-title chart-text"' in page
    assert re.search(r"2 of \d+ terminals verified, 1 failed\.", page)
    assert f'href="/rollouts/{rollout.pk}/numbers?group=1"' in page
    table = main(console.get(f"/rollouts/{rollout.pk}/numbers?group=1"))
    assert re.search(r"Failed until then today, \d\d:\d\d 2 1 today, \d\d:\d\d 2 0", table)


def test_halt_leads_the_page_with_why_and_what_to_do(
    shop: Shop, rollout: Rollout, signed_in: Callable[..., Client], now: datetime
) -> None:
    console = signed_in(Role.OPERATOR_ADMIN)
    ends(shop, rollout, 3, now, well=False)
    groups.tick(now)
    page = main(console.get(f"/rollouts/{rollout.pk}"))
    assert "Halted by itself: 3 of 3 terminals failed" in page
    assert "Not enough space" in page
    assert "Withdraw 2.0.0" in page
    failed = re.findall(r"many-\d{6}", page)
    assert len(set(failed)) == 3
    drawn = console.get(f"/rollouts/{rollout.pk}").content.decode()
    assert re.search(r">Halted \d\d:\d\d, at failure 3</text>", drawn)
    assert "Withdraw" not in main(signed_in(Role.FLEET_MANAGER).get(f"/rollouts/{rollout.pk}"))


def test_halt_says_when_and_where_until_somebody_resumes(
    shop: Shop, rollout: Rollout, console: Client, now: datetime
) -> None:
    ends(shop, rollout, 3, now, well=False)
    halted = now + timedelta(minutes=1)
    groups.tick(halted)
    found = progress.by_id(rollout.pk)
    assert (found.halted_by, found.halted_at, found.halted_group) == ("errors", halted, 1)
    console.post(f"/rollouts/{rollout.pk}/resume")
    found = progress.by_id(rollout.pk)
    assert (found.halted_by, found.halted_at, found.halted_group) == ("", None, None)


def test_group_that_halted_is_the_one_that_is_shown(
    shop: Shop, rollout: Rollout, console: Client, now: datetime
) -> None:
    mine = Action.objects.filter(rollout=rollout, closed_at=None).count()
    ends(shop, rollout, mine - 1, now, well=True)
    Rollout.objects.filter(pk=rollout.pk).update(success_percent=50)
    groups.tick(now)
    assert progress.by_id(rollout.pk).group == 2
    Rollout.objects.filter(pk=rollout.pk).update(error_percent=5)
    late = Action.objects.filter(rollout=rollout, closed_at=None, retrieved_at=None).order_by("pk")[0]
    assert late.pk == Action.objects.filter(rollout=rollout).order_by("pk").values_list("pk", flat=True)[mine - 1]
    ends(shop, rollout, 1, now, well=False)
    groups.tick(now)
    assert "Group 1 over time" in main(console.get(f"/rollouts/{rollout.pk}"))


def test_live_part_is_sent_only_when_it_changed(shop: Shop, rollout: Rollout, console: Client, now: datetime) -> None:
    page = console.get(f"/rollouts/{rollout.pk}").content.decode()
    assert 'hx-trigger="every 5s"' in page
    assert 'role="status"' in page
    seen = digest(page)
    ends(shop, rollout, 1, now, well=True)
    changed = console.get(f"/rollouts/{rollout.pk}/live?seen={seen}")
    assert changed.status_code == 200
    assert "<html" not in changed.content.decode()
    assert digest(changed.content.decode()) != seen
    assert "Group 1: 1 of" in text(changed)  # said aloud, without the chart and the tables


def test_live_part_of_a_rollout_that_ended_stands_still(rollout: Rollout, console: Client) -> None:
    console.post(f"/rollouts/{rollout.pk}/stop")
    page = console.get(f"/rollouts/{rollout.pk}").content.decode()
    assert "hx-trigger" not in page
    last = console.get(f"/rollouts/{rollout.pk}/live?seen=")
    assert last.status_code == 286  # htmx asks no more


def test_unchanged_part_is_answered_with_nothing(shop: Shop, console: Client) -> None:
    shop.many_terminals(2, at=tree.operator(), client=Updater.DDI)
    planned = groups.create(NewRollout(shop.release("2.0.0", passthrough=True).pk), shop.admin, shop.now)
    page = console.get(f"/rollouts/{planned.pk}").content.decode()
    answer = console.get(f"/rollouts/{planned.pk}/live?seen={digest(page)}")
    assert (answer.status_code, answer.content) == (204, b"")


def test_members_are_paged_by_serial_and_group(rollout: Rollout, console: Client) -> None:
    one, two = (text(console.get(f"/rollouts/{rollout.pk}/members?group={number}")) for number in (1, 2))
    found = [re.findall(r"many-\d{6}(?= \d )", page) for page in (one, two)]
    assert len(found[0]) + len(found[1]) == 20
    assert set(found[0]).isdisjoint(found[1])


def test_empty_list_says_what_a_rollout_is(console: Client) -> None:
    assert "A rollout brings one release to many terminals" in main(console.get("/rollouts"))


def test_agent_sees_rollouts_of_his_part_only(shop: Shop, signed_in: Callable[..., Client]) -> None:
    shop.many_terminals(2, at=shop.store("mine"))
    shop.terminal("DEMO-OTHERS", at=shop.store("others").address)
    release = shop.release()
    mine, others = (
        groups.create(NewRollout(release.pk, at=f"DEFAULT/{name}-merchant"), shop.admin, shop.now)
        for name in ("mine", "others")
    )
    agent = signed_in(Role.AGENT_STAFF, tree.by_address("DEFAULT/mine-merchant"))
    listed = agent.get("/rollouts").content.decode()
    assert f"/rollouts/{mine.pk}" in listed
    assert f"/rollouts/{others.pk}" not in listed
    for path in ("", "/live", "/members", "/stop"):
        assert agent.get(f"/rollouts/{others.pk}{path}").status_code == 404


def test_list_and_live_part_cost_a_bounded_number_of_queries(
    shop: Shop, rollout: Rollout, console: Client, now: datetime, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(5):
        other = shop.release("3.0.0", passthrough=True, component="other")
        groups.create(NewRollout(other.pk), shop.admin, shop.now)
    ends(shop, rollout, 4, now, well=True)
    with django_assert_max_num_queries(LIST_QUERIES_MOST):
        console.get("/rollouts")
    with django_assert_max_num_queries(LIVE_QUERIES_MOST):
        console.get(f"/rollouts/{rollout.pk}/live")
