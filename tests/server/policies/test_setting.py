"""What people set on the server: inherited, held above, refused, recorded, and who may say never."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from evertill.server.rooms.accounts.errors import NeverNeedsMerchant, NotAllowed
from evertill.server.rooms.accounts.rules import Role
from evertill.server.rooms.audit import queries as audit
from evertill.server.rooms.catalog.errors import ProtocolSaysNo
from evertill.server.rooms.kernel.errors import FieldInvalid
from evertill.server.rooms.kernel.jobs import run_queue
from evertill.server.rooms.kernel.models import QueuedWork
from evertill.server.rooms.organisations import queries as tree
from evertill.server.rooms.organisations.rules import Kind
from evertill.server.rooms.policies import jobs, queries, service
from evertill.server.rooms.policies.errors import FieldNotSet, ReasonNeeded
from evertill.server.rooms.policies.handlers import QUEUE
from evertill.server.rooms.policies.models import PolicyChange, PolicyField, Revision
from evertill.server.rooms.policies.targets import BATCH
from tests.server.people import make_person
from tests.server.shop import Shop, later

if TYPE_CHECKING:
    from datetime import datetime

    from evertill.server.rooms.accounts.access import Identity
    from evertill.server.rooms.fleet.models import Terminal
    from evertill.server.rooms.organisations.models import Node

pytestmark = pytest.mark.django_db


@pytest.fixture
def store(shop: Shop) -> Node:
    return shop.store()


@pytest.fixture
def till(shop: Shop, store: Node) -> Terminal:
    return shop.terminal("till-1", at=str(store.address))


@pytest.fixture
def owner(shop: Shop, store: Node) -> Identity:
    return make_person("demo-owner", Role.MERCHANT_OWNER, tree.by_address("DEFAULT/store-merchant"), shop.now)


def value(terminal: Terminal, field: str, now: datetime) -> tuple[object, str]:
    found = queries.effective([terminal.pk], now)[terminal.pk].fields[field]
    return found.value, found.origin


def revision(terminal: Terminal) -> int:
    return queries.revision_of(terminal.pk).revision


def test_a_new_terminal_works_by_the_defaults_at_revision_one(till: Terminal, now: datetime) -> None:
    assert value(till, "window", now) == ("03:00-05:00", "default")
    assert revision(till) == 1


def test_the_nearest_setting_wins_and_names_its_place(shop: Shop, store: Node, till: Terminal, now: datetime) -> None:
    service.set_field(tree.operator(), "window", "01:00-03:00", shop.admin, now)
    assert value(till, "window", now) == ("01:00-03:00", "DEFAULT")
    service.set_field(store, "window", "02:00-04:00", shop.admin, now)
    assert value(till, "window", now) == ("02:00-04:00", store.address)
    service.set_field(till, "window", "04:00-06:00", shop.admin, now)
    assert value(till, "window", now) == ("04:00-06:00", "terminal")
    service.unset_field(till, "window", shop.admin, now)
    assert value(till, "window", now) == ("02:00-04:00", store.address)


def test_a_mandated_field_holds_below_and_cannot_be_set_there(shop: Shop, till: Terminal, now: datetime) -> None:
    service.set_field(tree.operator(), "rate_limit_days", 14, shop.admin, now, mandated=True)
    with pytest.raises(ProtocolSaysNo) as refused:
        service.set_field(till, "rate_limit_days", 3, shop.admin, now)
    assert refused.value.code == "POLICY_HELD"
    assert value(till, "rate_limit_days", now) == (14, "DEFAULT")


def test_an_agent_cannot_mandate(shop: Shop, now: datetime) -> None:
    agent = shop.node("DEFAULT/agent", Kind.AGENT)
    with pytest.raises(ProtocolSaysNo) as refused:
        service.set_field(agent, "window", "01:00-02:00", shop.admin, now, mandated=True)
    assert refused.value.code == "POLICY_MANDATE_NOT_HERE"
    assert not PolicyField.objects.exists()


def test_console_staff_cannot_say_never(shop: Shop, till: Terminal, now: datetime) -> None:
    with pytest.raises(NeverNeedsMerchant):
        service.set_field(till, "mode", "never", shop.admin, now, reason="it is easier for us")
    assert audit.page(kind="terminal", ref=till.serial)[0].refused == "NEVER_NEEDS_MERCHANT"
    assert value(till, "mode", now) == ("automatic", "default")


def test_the_merchant_says_never_and_only_the_merchant_takes_it_back(
    shop: Shop, till: Terminal, owner: Identity, now: datetime
) -> None:
    service.set_field(till, "mode", "never", owner, now, reason="our holiday season", way="merchant", risk_text="v1")
    assert value(till, "mode", now) == ("never", "terminal")
    with pytest.raises(NeverNeedsMerchant):
        service.set_field(till, "mode", "automatic", shop.admin, now, reason="we want it back")
    with pytest.raises(NeverNeedsMerchant):
        service.unset_field(till, "mode", shop.admin, now, reason="we want it back")
    service.set_field(till, "mode", "automatic", owner, now, reason="season over", way="merchant")
    assert value(till, "mode", now) == ("automatic", "terminal")


def test_a_merchant_has_no_say_at_another_merchant(shop: Shop, owner: Identity, now: datetime) -> None:
    other = shop.store("other")
    with pytest.raises(NotAllowed):
        service.set_field(other, "mode", "never", owner, now, reason="for fun")


def test_never_cannot_stand_at_the_operator(shop: Shop, now: datetime) -> None:
    everywhere = make_person("demo-everywhere", Role.MERCHANT_OWNER, tree.operator(), now)
    with pytest.raises(ProtocolSaysNo) as refused:
        service.set_field(tree.operator(), "mode", "never", everywhere, now, reason="all of them")
    assert refused.value.code == "POLICY_NOT_HERE"


def test_the_mode_needs_a_reason(till: Terminal, owner: Identity, now: datetime) -> None:
    with pytest.raises(ReasonNeeded):
        service.set_field(till, "mode", "manual", owner, now, reason=" ")


@pytest.mark.parametrize(
    ("field", "sent", "code"),
    [
        ("window", "25:00-26:00", "POLICY_VALUE_INVALID"),
        ("colour", "red", "POLICY_FIELD_UNKNOWN"),
        ("battery_floor_percent", 5, "POLICY_GUARDRAIL"),
        ("freeze", [{"starts_on": "2027-01-01", "ends_on": "2027-12-31"}], "FREEZE_TOO_LONG"),
    ],
)
def test_what_breaks_a_bound_is_refused_by_name_and_changes_nothing(
    shop: Shop, till: Terminal, now: datetime, field: str, sent: object, code: str
) -> None:
    with pytest.raises(ProtocolSaysNo) as refused:
        service.set_field(till, field, sent, shop.admin, now)
    assert refused.value.code == code
    assert not PolicyField.objects.exists()
    assert revision(till) == 1


def test_unsetting_what_is_not_set_is_refused(shop: Shop, till: Terminal, now: datetime) -> None:
    with pytest.raises(FieldNotSet):
        service.unset_field(till, "window", shop.admin, now)


def test_the_revision_grows_exactly_when_an_effective_value_changes(
    shop: Shop, store: Node, till: Terminal, now: datetime
) -> None:
    service.set_field(till, "window", "02:00-04:00", shop.admin, now)
    assert revision(till) == 2
    service.set_field(store, "window", "01:00-02:00", shop.admin, now)  # covered by the terminal's own
    assert revision(till) == 2
    service.set_field(till, "window", "02:00-04:00", shop.admin, now)  # the same again
    assert revision(till) == 2


def test_each_switch_is_one_change_and_one_audit_row(
    shop: Shop, till: Terminal, owner: Identity, now: datetime
) -> None:
    change = service.set_field(till, "mode", "manual", owner, now, reason="we decide", way="merchant", risk_text="v1")
    [stored] = PolicyChange.objects.all()
    assert (stored.pk, stored.way, stored.person, stored.reason, stored.risk_text) == (
        change.pk,
        "merchant",
        "demo-owner",
        "we decide",
        "v1",
    )
    rows = [row for row in audit.page(kind="terminal", ref=till.serial) if row.act == "policy.set"]
    assert [(row.actor, row.reason, row.details["value"]) for row in rows] == [("demo-owner", "we decide", "manual")]


def test_a_field_with_an_end_ends_by_itself(shop: Shop, till: Terminal, now: datetime) -> None:
    service.set_field(till, "window", "02:00-04:00", shop.admin, now, ends_at=later(now, days=1))
    assert value(till, "window", now)[0] == "02:00-04:00"
    tomorrow = later(now, days=1)
    assert value(till, "window", tomorrow)[0] == "03:00-05:00"
    jobs.end_fields(tomorrow)
    assert not PolicyField.objects.exists()
    assert revision(till) == 3


def test_an_end_in_the_past_is_refused(shop: Shop, till: Terminal, now: datetime) -> None:
    with pytest.raises(FieldInvalid):
        service.set_field(till, "window", "02:00-04:00", shop.admin, now, ends_at=now)


def test_a_freeze_that_has_begun_is_remembered_when_it_is_taken_away(shop: Shop, till: Terminal, now: datetime) -> None:
    service.set_field(till, "freeze", [{"starts_on": "2026-11-20", "ends_on": "2027-01-31"}], shop.admin, now)
    after_a_month = later(now, days=30)
    service.unset_field(till, "freeze", shop.admin, after_a_month)
    with pytest.raises(ProtocolSaysNo) as refused:
        service.set_field(
            till, "freeze", [{"starts_on": "2027-01-10", "ends_on": "2027-02-10"}], shop.admin, after_a_month
        )
    assert refused.value.code == "FREEZE_TOO_CLOSE"
    service.set_field(till, "freeze", [{"starts_on": "2027-03-01", "ends_on": "2027-03-31"}], shop.admin, after_a_month)


def test_a_freeze_ahead_that_is_taken_back_is_forgotten(shop: Shop, till: Terminal, now: datetime) -> None:
    service.set_field(till, "freeze", [{"starts_on": "2027-01-10", "ends_on": "2027-02-10"}], shop.admin, now)
    service.set_field(till, "freeze", [{"starts_on": "2027-02-01", "ends_on": "2027-03-31"}], shop.admin, now)
    assert value(till, "freeze", now)[0] == [{"starts_on": "2027-02-01", "ends_on": "2027-03-31"}]


def test_a_freeze_cannot_be_stretched_by_setting_it_elsewhere(
    shop: Shop, store: Node, till: Terminal, now: datetime
) -> None:
    service.set_field(store, "freeze", [{"starts_on": "2026-11-20", "ends_on": "2027-02-10"}], shop.admin, now)
    with pytest.raises(ProtocolSaysNo) as refused:
        service.set_field(
            till, "freeze", [{"starts_on": "2027-02-01", "ends_on": "2027-04-30"}], shop.admin, later(now, days=80)
        )
    assert refused.value.code == "FREEZE_TOO_LONG"


def test_changes_for_more_than_a_thousand_terminals_are_queued_with_progress(
    shop: Shop, store: Node, now: datetime
) -> None:
    ids = shop.many_terminals(BATCH + 1, at=store)
    run_queue(QUEUE, lambda: now)
    service.set_field(store, "window", "02:00-04:00", shop.admin, now)
    assert set(Revision.objects.values_list("revision", flat=True)) == {1}
    assert queries.effective(ids[:1], now)[ids[0]].fields["window"].value == "02:00-04:00"
    assert run_queue(QUEUE, lambda: now) == 2
    assert set(Revision.objects.values_list("revision", flat=True)) == {2}
    assert list(QueuedWork.objects.values_list("done", flat=True)) == [BATCH + 1, BATCH + 1]


def test_a_waiver_needs_a_reason_and_an_end(shop: Shop, till: Terminal, now: datetime) -> None:
    release = shop.release(severity="critical", required_at=later(now, days=10))
    with pytest.raises(ReasonNeeded):
        service.waive(till, release.pk, shop.admin, now, reason="", ends_at=later(now, days=20))
    with pytest.raises(FieldInvalid):
        service.waive(till, release.pk, shop.admin, now, reason="trade fair", ends_at=now - timedelta(days=1))
    waiver = service.waive(till, release.pk, shop.admin, now, reason="trade fair", ends_at=later(now, days=20))
    assert waiver.terminal_id == till.pk


def test_effective_policies_of_a_fleet_take_a_fixed_number_of_queries(
    shop: Shop, store: Node, now: datetime, django_assert_num_queries: pytest.FixtureRequest
) -> None:
    ids = [shop.terminal(f"till-{number}", at=str(store.address)).pk for number in range(20)]
    with django_assert_num_queries(4):  # type: ignore[operator] # a fixture that is called
        assert len(queries.effective(ids, now)) == len(ids)
