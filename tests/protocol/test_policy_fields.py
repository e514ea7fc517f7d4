"""The policy's fields: what each takes, where it may stand, and what a terminal reads back."""

from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.policy import (
    DEFAULTS,
    FIELDS,
    Client,
    Deadline,
    FieldValue,
    Mode,
    Place,
    Policy,
    Snapshot,
    check_freezes,
    check_setting,
    more_cautious,
    read_value,
    within,
)
from evertill.protocol.policy_words import LABELS, label, never_label, show
from evertill.protocol.release import Guardrails
from evertill.protocol.windows import FreezeRange, Window

GUARDRAILS = Guardrails()


def refusal(name: str, raw: Any, place: Place = Place.MERCHANT, **how: Any) -> str:
    with pytest.raises(ProtocolRefused) as refused:
        check_setting(name, raw, place, GUARDRAILS, **{"merchant_verified": True, **how})
    return refused.value.code


def test_the_table_of_the_design() -> None:
    policy = Policy()
    assert policy.mode is Mode.AUTOMATIC
    assert policy.window == Window.parse("03:00-05:00")
    assert (policy.poll_s, DEFAULTS[Client.DDI].poll_s) == (6 * 3600, 300)
    assert (policy.postpone_days, policy.rate_limit_days, policy.battery_floor_percent) == (14, 7, 50)
    assert policy.cellular_budget_mb == 20
    assert (policy.channel, policy.pin, policy.freeze) == ("stable", None, ())
    assert (policy.peripherals, policy.at_deadline) == ("warn", "install_in_window")
    assert (policy.closing_time, policy.settle_before_install) == ("offered", None)


def test_every_field_of_the_policy_can_be_set_and_is_named() -> None:
    assert {each.name for each in fields(Policy)} == set(FIELDS) == set(LABELS)


def test_foreign_clients_get_nothing_by_default() -> None:
    ddi = DEFAULTS[Client.DDI]
    assert (ddi.window, ddi.postpone_days, ddi.rate_limit_days, ddi.battery_floor_percent) == (None, 0, 0, 0)
    assert ddi.peripherals == "ignore"


VALUES: list[tuple[str, Any]] = [
    ("mode", "never"),
    ("window", "22:00-02:00"),
    ("window", "00:00-24:00"),
    ("opening_hours", "09:00-22:00"),
    ("opening_hours", None),
    ("closing_time", "off"),
    ("settle_before_install", "ask"),
    ("settle_before_install", "22:30"),
    ("download", "unmetered"),
    ("cellular_budget_mb", 0),
    ("channel", "beta"),
    ("pin", "1.0.0"),
    ("pin", None),
    ("poll_s", 2),
    ("poll_s", 86_399),
    ("postpone_days", 14),
    ("freeze", []),
    ("freeze", [{"starts_on": "2027-01-30", "ends_on": "2027-02-12"}]),
    ("rate_limit_days", 0),
    ("battery_floor_percent", 30),
    ("peripherals", "ignore"),
    ("at_deadline", "notify_only"),
]


@pytest.mark.parametrize(("name", "raw"), VALUES)
def test_a_value_is_written_as_it_was_read_and_shows_in_both_languages(name: str, raw: Any) -> None:
    value = check_setting(name, raw, Place.MERCHANT, GUARDRAILS, merchant_verified=True)
    assert FIELDS[name].write(value) == raw
    assert msgspec.json.decode(msgspec.json.encode(FIELDS[name].write(value))) == raw
    for language in ("zh", "en"):
        assert show(name, raw, language)


BAD: list[tuple[str, Any]] = [
    ("mode", "off"),
    ("mode", None),
    ("mode", ["never"]),
    ("window", "03:00"),
    ("window", "03:00-03:00"),
    ("window", None),
    ("window", 3),
    ("settle_before_install", "24:00"),
    ("cellular_budget_mb", -1),
    ("cellular_budget_mb", True),
    ("cellular_budget_mb", "20"),
    ("pin", ""),
    ("pin", "a b"),
    ("poll_s", 1),
    ("poll_s", 86_400),
    ("postpone_days", 15),
    ("freeze", "2027-01-30"),
    ("freeze", [{"starts_on": "2027-02-12", "ends_on": "2027-01-30"}]),
    ("freeze", [{"starts_on": "2027-02-30", "ends_on": "2027-03-30"}]),
    ("battery_floor_percent", 101),
]


@pytest.mark.parametrize(("name", "raw"), BAD)
def test_a_bad_value_is_refused_with_what_the_field_takes(name: str, raw: Any) -> None:
    assert refusal(name, raw) == "POLICY_VALUE_INVALID"


def test_an_unknown_field_is_refused() -> None:
    assert refusal("colour", "blue") == "POLICY_FIELD_UNKNOWN"


class TestPlaces:
    @pytest.mark.parametrize("place", [Place.OPERATOR, Place.AGENT])
    def test_never_is_not_for_those_above_the_merchant(self, place: Place) -> None:
        assert refusal("mode", "never", place) == "POLICY_NOT_HERE"
        assert check_setting("mode", "manual", place, GUARDRAILS, merchant_verified=False) is Mode.MANUAL

    @pytest.mark.parametrize("place", [Place.MERCHANT, Place.STORE, Place.TERMINAL])
    def test_never_needs_the_merchant(self, place: Place) -> None:
        assert refusal("mode", "never", place, merchant_verified=False) == "NEVER_NEEDS_MERCHANT"
        assert check_setting("mode", "never", place, GUARDRAILS, merchant_verified=True) is Mode.NEVER

    def test_settling_by_itself_is_the_merchants_word(self) -> None:
        assert refusal("settle_before_install", "22:30", Place.OPERATOR) == "POLICY_NOT_HERE"
        assert refusal("settle_before_install", "00:00", Place.OPERATOR) == "POLICY_NOT_HERE"
        assert (
            check_setting("settle_before_install", "ask", Place.OPERATOR, GUARDRAILS, merchant_verified=False) is None
        )

    def test_polling_is_set_at_nodes(self) -> None:
        assert refusal("poll_s", 60, Place.TERMINAL) == "POLICY_NOT_HERE"

    @pytest.mark.parametrize("place", [Place.AGENT, Place.STORE, Place.TERMINAL])
    def test_only_the_operator_and_the_merchant_hold_a_field_for_others(self, place: Place) -> None:
        assert refusal("window", "03:00-05:00", place, mandated=True) == "POLICY_MANDATE_NOT_HERE"
        for holder in (Place.OPERATOR, Place.MERCHANT):
            assert check_setting("pin", None, holder, GUARDRAILS, merchant_verified=True, mandated=True) is None


class TestGuardrails:
    def test_the_battery_floor_has_a_floor(self) -> None:
        assert refusal("battery_floor_percent", 29) == "POLICY_GUARDRAIL"

    def test_a_freeze_of_90_days_is_the_longest(self) -> None:
        first = date(2027, 1, 1)
        check_freezes([FreezeRange(first, first + timedelta(days=89))], GUARDRAILS)
        raw = [{"starts_on": "2027-01-01", "ends_on": "2027-04-01"}]
        assert refusal("freeze", raw) == "FREEZE_TOO_LONG"

    def test_sixty_free_days_lie_between_two_freezes(self) -> None:
        def raw(second: str) -> list[dict[str, str]]:
            return [{"starts_on": second, "ends_on": second}, {"starts_on": "2027-01-01", "ends_on": "2027-01-31"}]

        assert refusal("freeze", raw("2027-04-01")) == "FREEZE_TOO_CLOSE"
        check_setting("freeze", raw("2027-04-02"), Place.MERCHANT, GUARDRAILS, merchant_verified=True)

    @given(
        st.lists(
            st.builds(
                lambda start, length: FreezeRange(
                    date(2026, 1, 1) + timedelta(days=start), date(2026, 1, 1) + timedelta(days=start + length)
                ),
                st.integers(0, 900),
                st.integers(0, 200),
            ),
            max_size=8,
        ),
        st.builds(Guardrails, freeze_max_days=st.integers(0, 90), freeze_gap_days=st.integers(60, 100)),
    )
    def test_what_is_left_within_the_guardrails_passes_them(
        self, ranges: list[FreezeRange], guardrails: Guardrails
    ) -> None:
        kept = within(ranges, guardrails)
        check_freezes(kept, guardrails)
        assert within(kept, guardrails) == kept


class TestSnapshot:
    SNAPSHOT = Snapshot(
        revision=41,
        fields={
            "mode": FieldValue("manual", "DEFAULT/agent/merchant"),
            "battery_floor_percent": FieldValue(60, "DEFAULT", mandated=True),
            "window": FieldValue("22:00-02:00", "terminal"),
        },
        time_zone="Asia/Shanghai",
        deadlines=[Deadline(7, datetime(2026, 12, 12, tzinfo=UTC))],
    )

    def test_travels_as_json(self) -> None:
        body = msgspec.json.encode(self.SNAPSHOT)
        assert msgspec.json.decode(body, type=Snapshot) == self.SNAPSHOT

    def test_what_is_missing_is_the_default(self) -> None:
        policy = self.SNAPSHOT.policy()
        assert policy.mode is Mode.MANUAL
        assert policy.battery_floor_percent == 60
        assert policy.postpone_days == 14

    def test_a_field_of_a_later_server_is_ignored(self) -> None:
        later = msgspec.structs.replace(self.SNAPSHOT, fields={"moon_phase": FieldValue("full", "DEFAULT")})
        assert later.policy() == Policy()

    def test_a_value_of_a_later_server_is_refused_so_the_old_policy_stays(self) -> None:
        later = msgspec.structs.replace(self.SNAPSHOT, fields={"mode": FieldValue("sometimes", "DEFAULT")})
        with pytest.raises(ProtocolRefused, match="POLICY_VALUE_INVALID"):
            later.policy()


def test_of_two_forked_modes_the_cautious_one_holds() -> None:
    assert more_cautious(Mode.AUTOMATIC, Mode.NEVER) is more_cautious(Mode.NEVER, Mode.MANUAL) is Mode.NEVER
    assert more_cautious(Mode.AUTOMATIC, Mode.MANUAL) is Mode.MANUAL


def test_words() -> None:
    assert label("mode", "zh") == "更新方式"
    assert label("of_a_later_version", "en") == "of_a_later_version"
    assert show("mode", "never", "zh") == "永不"
    assert show("window", "03:00-05:00", "en") == "03:00–05:00"
    assert show("poll_s", 21_600, "zh") == "6 小时"
    assert show("poll_s", 90, "en") == "90 s"
    assert show("settle_before_install", "22:30", "en") == "automatic at 22:30"
    assert show("battery_floor_percent", 50, "en") == "50 %, even on charger"
    assert show("freeze", [{"starts_on": "2027-01-30", "ends_on": "2027-02-12"}], "en") == "2027-01-30 – 2027-02-12"
    assert never_label("install_in_window", "zh") == "永不（紧急安全修复除外）"
    assert never_label("notify_only", "zh") == "永不"


def test_reading_a_stored_value_gives_its_type() -> None:
    assert read_value("window", "22:00-02:00") == Window(22 * 60, 2 * 60)
