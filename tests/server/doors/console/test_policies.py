from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evertill.protocol.ddi import PolicyChangeReport
from evertill.protocol.policy import FIELDS, NODES, Place, read_value
from evertill.server.doors.console import policy_form
from evertill.server.rooms.accounts.rules import Role
from evertill.server.rooms.audit import queries as audit
from evertill.server.rooms.organisations import queries as tree
from evertill.server.rooms.policies import queries, service
from tests.server.doors.console.reading import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from django.test import Client

    from evertill.server.rooms.accounts.access import Identity
    from evertill.server.rooms.fleet.models import Terminal
    from evertill.server.rooms.policies.models import PolicyChange
    from tests.server.shop import Shop


def in_force(terminal: Terminal, field: str, now: datetime) -> Any:
    return queries.effective([terminal.pk], now)[terminal.pk].fields[field].value


def said(**words: str) -> dict[str, str]:
    return {"act": "set", "reason": "the shop asked for it"} | words


@pytest.fixture
def till(shop: Shop) -> Terminal:
    return shop.terminal("DEMO-1", at=shop.store().address)


@pytest.mark.parametrize(
    ("field", "typed", "value"),
    [
        ("mode", "manual", "manual"),
        ("window", " 01:00-06:00 ", "01:00-06:00"),
        ("opening_hours", "08:00-22:00", "08:00-22:00"),
        ("closing_time", "off", "off"),
        ("settle_before_install", "22:30", "22:30"),
        ("download", "unmetered", "unmetered"),
        ("cellular_budget_mb", "5", 5),
        ("channel", "beta", "beta"),
        ("pin", "1.1.0", "1.1.0"),
        ("postpone_days", "3", 3),
        ("freeze", "2027-01-30 2027-02-12", [{"starts_on": "2027-01-30", "ends_on": "2027-02-12"}]),
        ("rate_limit_days", "2", 2),
        ("battery_floor_percent", "40", 40),
        ("peripherals", "ignore", "ignore"),
        ("at_deadline", "notify_only", "notify_only"),
    ],
)
def test_every_field_is_set_by_its_form(
    field: str, typed: str, value: Any, till: Terminal, console: Client, now: datetime
) -> None:
    assert console.get(f"/terminals/DEMO-1/policy?field={field}").status_code == 200
    answer = console.post("/terminals/DEMO-1/policy", said(field=field, value=typed))
    assert answer.status_code == 302
    assert in_force(till, field, now) == value


def test_contact_interval_is_set_at_a_node(till: Terminal, console: Client, now: datetime) -> None:
    console.post("/policies/DEFAULT", said(field="poll_s", value="7200"))
    assert in_force(till, "poll_s", now) == 7200


def test_change_keeps_who_and_why(till: Terminal, console: Client) -> None:
    console.post("/terminals/DEMO-1/policy", said(field="window", value="01:00-06:00"))
    [row] = audit.page(kind="terminal", ref="DEMO-1", actor="demo-fleet-manager")
    assert (row.act, row.reason, row.details["way"]) == ("policy.set", "the shop asked for it", "console")
    page = main(console.get("/terminals/DEMO-1/policy"))
    assert "the shop asked for it" in page
    assert "demo-fleet-manager" in page


def test_never_is_the_merchants_and_staff_are_told_where_it_can_be_done(
    till: Terminal, console: Client, now: datetime
) -> None:
    asked = console.get("/terminals/DEMO-1/policy?field=mode")
    assert "Only the merchant can choose this" in main(asked)
    answer = console.post("/terminals/DEMO-1/policy", said(field="mode", value="never"))
    assert answer.status_code == 403
    assert "NEVER_NEEDS_MERCHANT" in main(answer)
    assert "on the terminal (Settings, Software update, Never)" in main(answer)
    assert in_force(till, "mode", now) == "automatic"
    assert audit.page(kind="terminal", ref="DEMO-1", actor="demo-fleet-manager")[0].refused == "NEVER_NEEDS_MERCHANT"


def test_never_cannot_be_taken_back_by_staff(shop: Shop, owner: Identity, console: Client, now: datetime) -> None:
    terminal = shop.terminal("DEMO-1", at="DEFAULT/store-merchant/store")
    service.set_field(terminal, "mode", "never", owner, now, reason="demo")
    for act in ({"act": "set", "value": "automatic"}, {"act": "inherit"}):
        answer = console.post("/terminals/DEMO-1/policy", {"field": "mode", "reason": "demo"} | act)
        assert answer.status_code == 403
    assert in_force(terminal, "mode", now) == "never"


def test_price_of_never_is_told_with_this_terminals_own_releases(shop: Shop, till: Terminal, console: Client) -> None:
    shop.says(till, component__till="1.0.0")
    shop.release("1.1.0")
    shop.release("1.2.0", severity="security", component="till")
    page = main(console.get("/terminals/DEMO-1/policy?field=mode"))
    assert "It goes without 1.1.0." in page
    assert "The security hole that 1.2.0 closes stays open until a person installs it." in page


def test_option_never_says_itself_where_a_date_may_act(till: Terminal, console: Client) -> None:
    assert "Never (except urgent security fixes)" in main(console.get("/terminals/DEMO-1/policy?field=mode"))


def test_refused_value_is_kept_in_the_form_with_the_reason(till: Terminal, console: Client) -> None:
    answer = console.post("/terminals/DEMO-1/policy", said(field="postpone_days", value="99"))
    assert answer.status_code == 400
    assert "POLICY_VALUE_INVALID" in main(answer)
    assert 'value="99"' in answer.content.decode()
    assert "the shop asked for it" in main(answer)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("window", "whenever"),
        ("freeze", "soon"),
        ("cellular_budget_mb", "-1"),
        ("mode", ""),
        ("nothing", "x"),
        ("poll_s", "9"),
    ],
)
def test_nonsense_is_refused_and_nothing_changes(field: str, value: str, till: Terminal, console: Client) -> None:
    answer = console.post("/terminals/DEMO-1/policy", said(field=field, value=value))
    assert answer.status_code == 400
    assert queries.own_fields({"node_id": None, "terminal_id": till.pk}) == []


def test_mode_needs_a_reason(till: Terminal, console: Client) -> None:
    answer = console.post("/terminals/DEMO-1/policy", {"field": "mode", "value": "manual", "act": "set"})
    assert "REASON_NEEDED" in main(answer)


@pytest.mark.parametrize("until", ["yesterday", "2020-01-01", "2027-02-31"])
def test_end_must_be_a_day_to_come(until: str, till: Terminal, console: Client) -> None:
    answer = console.post("/terminals/DEMO-1/policy", said(field="download", value="any", until=until))
    assert "FIELD_INVALID" in main(answer)


def test_end_is_the_end_of_that_day_where_the_terminal_stands(till: Terminal, console: Client) -> None:
    console.post("/terminals/DEMO-1/policy", said(field="download", value="any", until="2099-02-12"))
    [field] = queries.own_fields({"node_id": None, "terminal_id": till.pk})
    assert field.ends_at is not None
    assert field.ends_at.isoformat() == "2099-02-12T15:59:59+00:00"


def test_back_to_what_is_inherited(till: Terminal, console: Client, now: datetime) -> None:
    console.post("/terminals/DEMO-1/policy", said(field="download", value="unmetered"))
    assert "Back to what is inherited" in main(console.get("/terminals/DEMO-1/policy?field=download"))
    console.post("/terminals/DEMO-1/policy", {"field": "download", "act": "inherit"})
    assert in_force(till, "download", now) == "any"


def test_held_field_offers_no_change_below_and_is_refused(till: Terminal, console: Client) -> None:
    console.post("/policies/DEFAULT", said(field="download", value="unmetered", mandated="on"))
    page = console.get("/terminals/DEMO-1/policy")
    assert "Demo operator, mandated" in main(page)
    assert "?field=download" not in page.content.decode()
    answer = console.post("/terminals/DEMO-1/policy", said(field="download", value="any"))
    assert "POLICY_HELD" in main(answer)


def test_only_roles_that_may_see_a_form(till: Terminal, signed_in: Callable[..., Client]) -> None:
    auditor = signed_in(Role.AUDITOR)
    page = auditor.get("/terminals/DEMO-1/policy?field=download")
    assert "Your roles let you read this policy, not change it." in main(page)
    assert 'name="act"' not in page.content.decode()
    assert auditor.post("/terminals/DEMO-1/policy", said(field="download", value="any")).status_code == 403


def fork(till: Terminal, now: datetime) -> PolicyChange:
    """The terminal switches what was set on the server meanwhile."""
    told = PolicyChangeReport(
        uuid=str(uuid.uuid4()),
        base_revision=1,
        field="download",
        value="any",
        way="terminal",
        person="shift lead",
        risk_text="v1",
        made_at=now,
    )
    [change] = service.receive_changes(till.pk, [told], now)
    return change


def test_fork_is_shown_with_both_values_and_decided(till: Terminal, console: Client, now: datetime) -> None:
    console.post("/terminals/DEMO-1/policy", said(field="download", value="unmetered"))
    assert fork(till, now).outcome == "forked"
    assert "changed in two places" in main(console.get("/terminals/DEMO-1"))
    assert "any network as switched at the terminal" in main(console.get("/terminals/DEMO-1/policy"))
    [conflict] = queries.open_conflicts(till.pk)
    answer = console.post(
        f"/conflicts/{conflict.pk}", {"keep": "terminal", "reason": "asked the owner", "serial": "DEMO-1"}
    )
    assert answer.status_code == 302
    assert in_force(till, "download", now) == "any"
    assert queries.open_conflicts(till.pk) == []


def test_page_of_another_part_of_the_tree_is_not_found(shop: Shop, signed_in: Callable[..., Client]) -> None:
    shop.store("mine")
    shop.store("others")
    agent = signed_in(Role.AGENT_STAFF, tree.by_address("DEFAULT/mine-merchant"))
    assert agent.get("/policies/DEFAULT/others-merchant").status_code == 404
    assert agent.get("/policies/DEFAULT").status_code == 404
    assert agent.get("/policies")["Location"] == "/policies/DEFAULT/mine-merchant"


def test_every_field_has_a_form_with_a_hint_or_options() -> None:
    for name in FIELDS:
        asked = policy_form.form(name, [] if name == "freeze" else None, "notify_only")
        assert asked.hint or asked.options, name


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "mode": st.sampled_from(["automatic", "manual", "never"]),
    "cellular_budget_mb": st.integers(0, 100_000),
    "pin": st.none() | st.sampled_from(["1.0.0", "2026.11-rc.1"]),
    "opening_hours": st.none() | st.just("08:00-22:00"),
    "freeze": st.lists(st.just({"starts_on": "2027-01-30", "ends_on": "2027-02-12"}), max_size=2),
}


@pytest.mark.parametrize("name", VALUES)
@given(data=st.data())
def test_what_a_form_shows_reads_back_as_the_same_value(name: str, data: st.DataObject) -> None:
    value = data.draw(VALUES[name])
    again = policy_form.read(name, policy_form.form(name, value, "notify_only").text)
    assert read_value(name, again) == read_value(name, value)


def test_poll_is_offered_at_nodes_only(till: Terminal, console: Client) -> None:
    assert Place.TERMINAL not in NODES
    assert "?field=poll_s" in console.get("/policies/DEFAULT").content.decode()
    assert "?field=poll_s" not in console.get("/terminals/DEMO-1/policy").content.decode()
