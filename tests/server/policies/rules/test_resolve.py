"""Inheritance: the nearest wins, a mandate from above wins over it, and every field says where it comes from."""

from itertools import product
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.policy import FIELDS, Client, Mode, Place, Policy, Snapshot
from evertill.protocol.release import Guardrails
from evertill.protocol.windows import Window
from evertill.server.rooms.policies.rules.resolve import (
    Effective,
    NodeSettings,
    Setting,
    check_not_held,
    resolve,
)

PLACES = (Place.OPERATOR, Place.AGENT, Place.MERCHANT, Place.STORE)
REFS = ("DEFAULT", "DEFAULT/agent", "DEFAULT/agent/merchant", "DEFAULT/agent/merchant/store")


def resolved(
    settings: dict[Place, dict[str, Setting]], client: Client = Client.EVERTILL, guardrails: Guardrails | None = None
) -> Effective:
    chain = [NodeSettings(ref, place, settings.get(place, {})) for ref, place in zip(REFS, PLACES, strict=True)]
    return resolve(chain, settings.get(Place.TERMINAL, {}), client, guardrails or Guardrails())


def at(place: Place, name: str, value: Any, *, mandated: bool = False) -> dict[Place, dict[str, Setting]]:
    return {place: {name: Setting(value, mandated)}}


def ref_of(place: Place) -> str:
    return "terminal" if place is Place.TERMINAL else REFS[PLACES.index(place)]


def test_what_nobody_set_is_the_default_and_says_so() -> None:
    effective = resolved({})
    assert effective.policy == Policy()
    assert effective.fields.keys() == FIELDS.keys()
    assert {field.origin for field in effective.fields.values()} == {"default"}


@pytest.mark.parametrize("place", Place)
def test_a_value_counts_for_everything_below_it(place: Place) -> None:
    effective = resolved(at(place, "postpone_days", 3))
    assert effective.policy.postpone_days == 3
    assert effective.fields["postpone_days"].origin == ref_of(place)


# Every combination of set, mandated and unset at every level, against the rule said plainly.
CHOICES = ("unset", "set", "mandated")


@pytest.mark.parametrize("choices", list(product(CHOICES, repeat=5)), ids="-".join)
def test_nearest_wins_unless_mandated_above(choices: tuple[str, ...]) -> None:
    by_place = dict(zip(Place, choices, strict=True))
    settings = {
        place: {"postpone_days": Setting(number, choice == "mandated")}
        for number, (place, choice) in enumerate(by_place.items(), start=1)
        if choice != "unset"
    }
    holders = [place for place in (Place.OPERATOR, Place.MERCHANT) if by_place[place] == "mandated"]
    setters = [place for place in Place if by_place[place] != "unset"]
    winner = holders[0] if holders else setters[-1] if setters else None
    field = resolved(settings).fields["postpone_days"]
    assert field.origin == (ref_of(winner) if winner else "default")
    assert field.mandated == bool(holders)
    assert field.value == (list(Place).index(winner) + 1 if winner else 14)


@pytest.mark.parametrize("place", Place)
def test_never_counts_only_where_the_merchants_word_counts(place: Place) -> None:
    effective = resolved(at(place, "mode", "never"))
    merchants = place in {Place.MERCHANT, Place.STORE, Place.TERMINAL}
    assert effective.policy.mode is (Mode.NEVER if merchants else Mode.AUTOMATIC)


def test_a_merchant_holds_a_field_inside_its_own_chain() -> None:
    settings = at(Place.MERCHANT, "mode", "manual", mandated=True) | at(Place.TERMINAL, "mode", "never")
    effective = resolved(settings)
    assert effective.policy.mode is Mode.MANUAL
    with pytest.raises(ProtocolRefused) as refused:
        check_not_held(effective, "mode", "terminal")
    assert refused.value.params["origin"] == "DEFAULT/agent/merchant"
    check_not_held(effective, "mode", "DEFAULT/agent/merchant")
    check_not_held(effective, "window", "terminal")


def test_an_agent_holds_nothing() -> None:
    settings = at(Place.AGENT, "pin", "1.0.0", mandated=True) | at(Place.STORE, "pin", None)
    field = resolved(settings).fields["pin"]
    assert (field.value, field.origin, field.mandated) == (None, REFS[3], False)


class TestWindowOfTheShop:
    def test_the_default_window_comes_from_business_hours(self) -> None:
        effective = resolved(at(Place.STORE, "opening_hours", "18:00-06:00"))
        assert effective.policy.window == Window.parse("11:00-13:00")
        assert effective.fields["window"].origin == "opening_hours"

    def test_a_window_somebody_set_stays(self) -> None:
        settings = at(Place.STORE, "opening_hours", "18:00-06:00") | at(Place.MERCHANT, "window", "07:00-08:00")
        assert resolved(settings).fields["window"].value == "07:00-08:00"

    def test_a_foreign_client_gets_no_window_from_them(self) -> None:
        effective = resolved(at(Place.STORE, "opening_hours", "09:00-22:00"), Client.DDI)
        assert effective.policy.window is None
        assert effective.fields["window"].value is None


class TestGuardrails:
    def test_a_stored_battery_floor_below_the_signed_one_is_raised(self) -> None:
        effective = resolved(
            at(Place.OPERATOR, "battery_floor_percent", 30), guardrails=Guardrails(battery_floor_percent=60)
        )
        field = effective.fields["battery_floor_percent"]
        assert (field.value, field.origin, field.mandated) == (60, "guardrails", False)
        assert effective.policy.battery_floor_percent == 60

    def test_a_bound_is_no_hold_a_stricter_value_may_stand_below(self) -> None:
        settings = at(Place.OPERATOR, "battery_floor_percent", 30) | at(Place.TERMINAL, "battery_floor_percent", 80)
        effective = resolved(settings, guardrails=Guardrails(battery_floor_percent=60))
        assert effective.policy.battery_floor_percent == 80
        check_not_held(effective, "battery_floor_percent", "terminal")

    def test_whoever_holds_a_bounded_value_still_holds_it(self) -> None:
        held = at(Place.OPERATOR, "battery_floor_percent", 30, mandated=True)
        effective = resolved(held, guardrails=Guardrails(battery_floor_percent=60))
        check_not_held(effective, "battery_floor_percent", "DEFAULT")
        with pytest.raises(ProtocolRefused, match="POLICY_HELD"):
            check_not_held(effective, "battery_floor_percent", "terminal")

    def test_the_default_is_raised_too_but_not_what_a_foreign_client_does_not_use(self) -> None:
        tight = Guardrails(battery_floor_percent=60)
        assert resolved({}, guardrails=tight).policy.battery_floor_percent == 60
        assert resolved({}, Client.DDI, tight).policy.battery_floor_percent == 0

    def test_a_freeze_longer_than_the_signed_bound_ends_at_it(self) -> None:
        freeze = [{"starts_on": "2027-01-01", "ends_on": "2027-01-31"}]
        effective = resolved(at(Place.MERCHANT, "freeze", freeze), guardrails=Guardrails(freeze_max_days=10))
        assert effective.fields["freeze"].value == [{"starts_on": "2027-01-01", "ends_on": "2027-01-10"}]
        assert effective.fields["freeze"].origin == "guardrails"

    def test_a_freeze_inside_the_bounds_keeps_its_origin(self) -> None:
        freeze = [{"starts_on": "2027-01-01", "ends_on": "2027-01-31"}]
        assert resolved(at(Place.MERCHANT, "freeze", freeze)).fields["freeze"].origin == REFS[2]


values = st.fixed_dictionaries(
    {},
    optional={
        "mode": st.sampled_from(["automatic", "manual", "never"]),
        "window": st.sampled_from(["03:00-05:00", "22:00-02:00", "00:00-24:00"]),
        "opening_hours": st.sampled_from(["09:00-22:00", None]),
        "poll_s": st.integers(2, 86_399),
        "postpone_days": st.integers(0, 14),
        "battery_floor_percent": st.integers(0, 100),
    },
)
settings_of_node = st.tuples(values, st.booleans()).map(
    lambda pair: MappingProxyType({name: Setting(value, pair[1]) for name, value in pair[0].items()})
)


@given(st.lists(settings_of_node, min_size=5, max_size=5), st.sampled_from(Client))
def test_whatever_is_stored_resolves_within_the_rules(stored: list[Any], client: Client) -> None:
    effective = resolved(dict(zip(Place, stored, strict=True)), client)
    policy = effective.policy
    never_from = effective.fields["mode"].origin
    assert policy.mode is not Mode.NEVER or never_from in {"terminal", *REFS[2:]}
    assert policy.battery_floor_percent >= 30 or (client is Client.DDI and policy.battery_floor_percent == 0)
    assert all(field.origin for field in effective.fields.values())
    if client is Client.EVERTILL:
        snapshot = Snapshot(1, dict(effective.fields), "Asia/Shanghai")
        assert snapshot.policy() == policy, "a terminal reads the same policy that the server decides by"


@given(st.lists(settings_of_node, min_size=5, max_size=5))
def test_a_setting_below_changes_nothing_that_is_held_above(stored: list[Any]) -> None:
    settings = dict(zip(Place, stored, strict=True))
    with_terminal, without = resolved(settings), resolved({**settings, Place.TERMINAL: {}})
    for name, field in without.fields.items():
        if field.mandated:
            assert with_terminal.fields[name] == field
