"""Switches made at a terminal, told later: once each, in server order, forks held cautiously; and what the terminal acknowledges."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from evertill.protocol.ddi import PolicyChangeReport
from evertill.server.rooms.accounts.rules import Role
from evertill.server.rooms.audit import queries as audit
from evertill.server.rooms.organisations import queries as tree
from evertill.server.rooms.policies import queries, service
from evertill.server.rooms.policies.errors import ConflictUnknown, PostponedTooLong, RevisionUnknown
from evertill.server.rooms.policies.models import Conflict, Displayed, PolicyChange, Postponement
from tests.server.people import make_person
from tests.server.shop import Shop, later

if TYPE_CHECKING:
    from evertill.server.rooms.accounts.access import Identity
    from evertill.server.rooms.fleet.models import Terminal

pytestmark = pytest.mark.django_db


@pytest.fixture
def till(shop: Shop) -> Terminal:
    return shop.terminal("till-1", at=str(shop.store().address))


@pytest.fixture
def owner(shop: Shop, till: Terminal) -> Identity:
    return make_person("demo-owner", Role.MERCHANT_OWNER, tree.by_address("DEFAULT/store-merchant"), shop.now)


def switched(field: str = "mode", value: Any = "never", *, base: int = 1, **words: Any) -> PolicyChangeReport:
    known: dict[str, Any] = {
        "uuid": str(uuid.uuid4()),
        "base_revision": base,
        "field": field,
        "value": value,
        "way": "terminal",
        "person": "shift lead",
        "risk_text": "v1",
        "made_at": datetime(2020, 1, 1, tzinfo=UTC),
    }
    return PolicyChangeReport(**(known | words))


def mode(till: Terminal, now: datetime) -> object:
    return queries.effective([till.pk], now)[till.pk].fields["mode"].value


def test_never_switched_at_the_terminal_holds_on_the_server(till: Terminal, now: datetime) -> None:
    [change] = service.receive_changes(till.pk, [switched()], now)
    assert (change.outcome, change.way, change.person, mode(till, now)) == (
        "applied",
        "terminal",
        "shift lead",
        "never",
    )
    row = audit.page(kind="terminal", ref=till.serial)[0]
    assert (row.actor, row.details["person"], row.details["value"]) == ("till-1", "shift lead", "never")


def test_a_change_told_twice_counts_once(till: Terminal, now: datetime) -> None:
    told = switched()
    [first] = service.receive_changes(till.pk, [told], now)
    [again] = service.receive_changes(till.pk, [told], later(now, hours=1))
    assert first.pk == again.pk
    assert PolicyChange.objects.count() == 1
    assert queries.revision_of(till.pk).revision == 2


def test_terminals_that_chose_the_same_uuid_do_not_hear_of_each_other(
    shop: Shop, till: Terminal, now: datetime
) -> None:
    other = shop.terminal("till-2", at=till.node.address)
    told = switched()
    service.receive_changes(till.pk, [told], now)
    [change] = service.receive_changes(other.pk, [told], now)
    assert (change.terminal_id, mode(other, now)) == (other.pk, "never")


def test_the_terminals_clock_decides_nothing(till: Terminal, owner: Identity, now: datetime) -> None:
    future = switched(value="never", made_at=datetime(2099, 1, 1, tzinfo=UTC), base=1)
    service.receive_changes(till.pk, [future], now)
    service.set_field(till, "mode", "automatic", owner, later(now, minutes=1), reason="season over")
    assert mode(till, later(now, minutes=2)) == "automatic"


def test_two_changes_made_offline_one_after_the_other_are_no_fork(till: Terminal, now: datetime) -> None:
    changes = service.receive_changes(till.pk, [switched(value="never"), switched(value="manual")], now)
    assert [change.outcome for change in changes] == ["applied", "applied"]
    assert mode(till, now) == "manual"
    assert not Conflict.objects.exists()


def test_a_fork_leaves_the_cautious_value_and_shows_both(
    shop: Shop, till: Terminal, owner: Identity, now: datetime
) -> None:
    service.set_field(till, "mode", "manual", owner, now, reason="we decide")
    [change] = service.receive_changes(till.pk, [switched(value="automatic", base=1)], now)
    assert (change.outcome, mode(till, now)) == ("forked", "manual")
    [conflict] = queries.open_conflicts(till.pk)
    assert (conflict.server_value, conflict.terminal_value) == ("manual", "automatic")

    service.settle_conflict(conflict.pk, True, owner, now, reason="the shop is right")
    assert mode(till, now) == "automatic"
    assert queries.open_conflicts(till.pk) == []
    with pytest.raises(ConflictUnknown):
        service.settle_conflict(conflict.pk, False, owner, now, reason="no, the other")


def test_a_fork_with_never_at_the_terminal_is_never(till: Terminal, owner: Identity, now: datetime) -> None:
    service.set_field(till, "mode", "manual", owner, now, reason="we decide")
    service.receive_changes(till.pk, [switched(value="never", base=1)], now)
    assert mode(till, now) == "never"


def test_the_same_value_on_both_sides_is_no_fork(till: Terminal, owner: Identity, now: datetime) -> None:
    service.set_field(till, "mode", "manual", owner, now, reason="we decide")
    [change] = service.receive_changes(till.pk, [switched(value="manual", base=1)], now)
    assert change.outcome == "applied"


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ({"way": "console"}, "WAY_NOT_HERE"),
        ({"value": "sometimes"}, "POLICY_VALUE_INVALID"),
        ({"field": "poll_s", "value": 60}, "POLICY_NOT_HERE"),
        ({"ends_at": datetime(2026, 11, 1, tzinfo=UTC)}, "ENDED_ALREADY"),
        ({"field": "freeze", "value": [{"starts_on": "2026-12-01", "ends_on": "2027-12-01"}]}, "FREEZE_TOO_LONG"),
    ],
)
def test_a_change_that_cannot_be_applied_is_recorded_and_stops_no_other(
    till: Terminal, now: datetime, words: dict[str, Any], problem: str
) -> None:
    refused, applied = service.receive_changes(till.pk, [switched(**words), switched()], now)
    assert (refused.outcome, refused.problem, applied.outcome) == ("refused", problem, "applied")


def test_a_field_held_above_cannot_be_switched_at_the_terminal(shop: Shop, till: Terminal, now: datetime) -> None:
    service.set_field(tree.operator(), "window", "01:00-03:00", shop.admin, now, mandated=True)
    [change] = service.receive_changes(till.pk, [switched("window", "12:00-14:00", base=2)], now)
    assert change.problem == "POLICY_HELD"


def test_strange_bytes_and_moments_from_a_terminal_are_kept_readable(till: Terminal, now: datetime) -> None:
    naive = datetime(2026, 11, 20, 8, 0)  # noqa: DTZ001 - what a device may send
    [change] = service.receive_changes(till.pk, [switched(person="a\x00b", made_at=naive)], now)
    change.refresh_from_db()
    assert (change.person, change.made_at) == ("a␀b", naive.replace(tzinfo=UTC))


def test_acknowledged_never_goes_back_and_proves_off(till: Terminal, now: datetime) -> None:
    service.receive_changes(till.pk, [switched()], now)
    assert not queries.is_off(till, now)
    service.acknowledge(till.pk, 2, now, now)
    assert queries.is_off(till, now)
    service.acknowledge(till.pk, 1, now, later(now, hours=1))
    assert queries.revision_of(till.pk).acknowledged == 2


def test_a_revision_that_was_never_given_cannot_be_acknowledged(till: Terminal, now: datetime) -> None:
    with pytest.raises(RevisionUnknown):
        service.acknowledge(till.pk, 7, now, now)


def test_the_snapshot_tells_values_origins_and_the_real_dates(shop: Shop, till: Terminal, now: datetime) -> None:
    due = later(now, days=20)
    security = shop.release("1.2.0", severity="critical", required_at=due)
    shop.release("1.3.0")
    service.set_field(till, "window", "02:00-04:00", shop.admin, now)
    found = service.snapshot(till.pk, now)
    assert (found.revision, found.time_zone) == (2, "Asia/Shanghai")
    assert (found.fields["window"].value, found.fields["window"].origin) == ("02:00-04:00", "terminal")
    [deadline] = found.deadlines
    assert (deadline.release, deadline.required_at, deadline.acts_at) == (security.pk, due, None)
    service.displayed(till.pk, [security.pk], now)
    assert service.snapshot(till.pk, now).deadlines[0].acts_at == due


def test_a_release_that_runs_already_has_no_deadline_here(shop: Shop, till: Terminal, now: datetime) -> None:
    shop.release("1.2.0", severity="critical", required_at=later(now, days=20))
    shop.says(till, component__till="1.2.0")
    assert service.snapshot(till.pk, now).deadlines == []


def test_the_clock_of_a_postponement_never_restarts(shop: Shop, till: Terminal, now: datetime) -> None:
    release = shop.release()
    policy = queries.effective([till.pk], now)[till.pk].policy
    service.postpone(till.pk, release, later(now, days=10), "cashier", policy, now)
    tenth_day = later(now, days=10)
    with pytest.raises(PostponedTooLong):
        service.postpone(till.pk, release, later(now, days=15), "cashier", policy, tenth_day)
    service.postpone(till.pk, release, later(now, days=14), "cashier", policy, tenth_day)
    assert Postponement.objects.get().first_at == now


def test_displayed_counts_from_the_first_report(shop: Shop, till: Terminal, now: datetime) -> None:
    release = shop.release()
    service.displayed(till.pk, [release.pk], now)
    service.displayed(till.pk, [release.pk, release.pk], later(now, days=1))
    assert Displayed.objects.get().first_at == now
