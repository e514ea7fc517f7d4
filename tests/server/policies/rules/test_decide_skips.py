"""Who may skip what: §4's sentences about deadlines, people and staff, one test each."""

from datetime import date, timedelta
from typing import Any

import pytest

from evertill.protocol.policy import AtDeadline, Channel, Mode
from evertill.protocol.windows import FreezeRange, Window
from evertill.server.rooms.policies.rules import RULES, decide
from evertill.server.rooms.policies.rules.decision import DeadlineState, Licence
from evertill.server.rooms.policies.rules.inputs import (
    Act,
    ActionFacts,
    Postponement,
    Presence,
    RolloutTurn,
    StoreTurn,
    TerminalState,
    Waiver,
)
from evertill.server.rooms.policies.rules.licences import SKIPS
from tests.server.policies.rules.making import (
    DAY,
    MINUTE,
    NIGHT,
    NOON,
    codes,
    critical,
    held,
    inputs,
    local,
    policy,
    release,
    security,
    terminal,
)

FREEZE = (FreezeRange(date(2026, 11, 18), date(2026, 11, 25)),)
NEVER = policy(mode=Mode.NEVER)
SHOWN_LONG_AGO = local(10)
NOW = Presence(act=Act.NOW, at=NIGHT)
TAP = Presence(act=Act.CLOSING_TIME, at=NIGHT)

# Everything that can hold, by number, as changes of the policy or of the other inputs.
HOLDS: dict[int, list[tuple[str, dict[str, Any]]]] = {
    1: [("LOCKED", {"terminal": terminal(state=TerminalState.LOCKED)})],
    2: [("NOT_OFFERED", {"turn": RolloutTurn()})],
    3: [("MODE_NEVER", {"policy": NEVER}), ("POLICY_FORK", {"forked": "mode"})],
    4: [("FROZEN", {"policy": policy(freeze=FREEZE)})],
    5: [("PINNED", {"policy": policy(pin="1.0.0")}), ("CHANNEL", {"channel": Channel.BETA})],
    6: [
        ("CONSENT_NEEDED", {"policy": policy(mode=Mode.MANUAL)}),
        ("POSTPONED", {"postponement": Postponement(first_at=local(19), until=local(25))}),
    ],
    7: [("RATE_LIMIT", {"terminal": terminal(last_limited_install_at=local(19))})],
    8: [
        ("WINDOW_CLOSED", {"policy": policy(window=Window.parse("22:00-23:00"))}),
        (
            "SHOP_OPEN",
            {"policy": policy(window=Window.parse("00:00-24:00"), opening_hours=Window.parse("04:00-23:00"))},
        ),
        ("STORE_HALTED", {"store": StoreTurn(busy="DEMO-0002", busy_failed=True)}),
    ],
}
EACH = [(number, code, changes) for number, holds in HOLDS.items() for code, changes in holds]
IDS = [code for _, code, _ in EACH]


def holds_with(base: Any, changes: dict[str, Any], **skip: Any) -> list[str]:
    changes = dict(changes)
    offered = base(channel=changes.pop("channel")) if "channel" in changes else base()
    return held(release=offered, **changes, **skip)


@pytest.mark.parametrize(("number", "code", "changes"), EACH, ids=IDS)
class TestEachHold:
    def test_holds_a_feature(self, number: int, code: str, changes: dict[str, Any]) -> None:
        assert holds_with(release, changes) == [code]
        assert number in {rule.number for rule in RULES}

    def test_critical_past_its_date_skips_three_to_seven(self, number: int, code: str, changes: dict[str, Any]) -> None:
        skipped = 3 <= number <= 7
        assert holds_with(critical, changes, displayed_at=SHOWN_LONG_AGO) == ([] if skipped else [code])

    def test_security_past_its_date_skips_postponing_and_the_rate_limit(
        self, number: int, code: str, changes: dict[str, Any]
    ) -> None:
        skipped = number in {6, 7} and code != "CONSENT_NEEDED"
        assert holds_with(security, changes) == ([] if skipped else [code])

    def test_a_person_who_taps_now_skips_three_six_seven_eight(
        self, number: int, code: str, changes: dict[str, Any]
    ) -> None:
        skipped = number in {3, 6, 7, 8}
        assert holds_with(release, changes, presence=NOW) == ([] if skipped else [code])

    def test_the_closing_time_tap_skips_eight_only(self, number: int, code: str, changes: dict[str, Any]) -> None:
        assert holds_with(release, changes, presence=TAP) == ([] if number == 8 else [code])

    def test_staff_who_assign_replace_the_turn_only(self, number: int, code: str, changes: dict[str, Any]) -> None:
        turn = changes.get("turn", RolloutTurn())
        assigned = {**changes, "turn": RolloutTurn(state=turn.state, assigned=True)}
        assert holds_with(release, assigned) == ([] if number == 2 else [code])

    def test_forced_skips_consent_and_postponing_never_never(
        self, number: int, code: str, changes: dict[str, Any]
    ) -> None:
        forced = holds_with(release, changes, action=ActionFacts(forced=True))
        assert forced == ([] if number == 6 else [code])


def test_the_table_names_only_rules_that_exist_and_nothing_of_eligibility() -> None:
    numbers = {rule.name: rule.number for rule in RULES}
    assert {licence: {numbers[name] for name in names} for licence, names in SKIPS.items()} == {
        Licence.DEADLINE: {3, 4, 5, 6, 7},
        Licence.SECURITY_DUE: {6, 7},
        Licence.PERSON_NOW: {3, 6, 7, 8},
        Licence.CLOSING_TIME: {8},
        Licence.FORCED: {6},
        Licence.ASSIGNED: {2},
    }


class TestCriticalDate:
    def deadline(self, **changes: Any) -> DeadlineState:
        return decide(inputs(**{"release": critical(), "policy": NEVER, **changes})).deadline.state

    def test_acts_only_seven_days_after_the_terminal_showed_it(self) -> None:
        shown = local(14)
        assert held(local(20, "04:50"), release=critical(), policy=NEVER, displayed_at=shown) == ["MODE_NEVER"]
        assert held(local(22, "04:50"), release=critical(), policy=NEVER, displayed_at=shown) == []

    def test_a_never_terminal_hears_the_real_date(self) -> None:
        decision = decide(inputs(NOON, release=critical(), policy=NEVER, displayed_at=local(14)))
        assert decision.deadline.acts_at == local(21)
        assert decision.next_try_at is not None
        assert local(22, "03:00") <= decision.next_try_at < local(22, "05:00")

    def test_a_terminal_that_never_showed_it_is_left_alone_and_says_why(self) -> None:
        decision = decide(inputs(release=critical(), policy=NEVER))
        assert codes(decision) == ["MODE_NEVER", "DEADLINE_NOT_DISPLAYED"]
        assert decision.next_try_at is None

    def test_a_declared_emergency_does_not_wait_for_the_seven_days(self) -> None:
        assert held(release=critical(emergency=True), policy=NEVER) == []

    def test_before_the_date_nothing_is_skipped_even_in_an_emergency(self) -> None:
        assert held(release=critical(emergency=True, required_at=NIGHT + MINUTE), policy=NEVER) == ["MODE_NEVER"]

    def test_a_waiver_holds_it_off_until_its_end(self) -> None:
        waived: dict[str, Any] = {
            "release": critical(),
            "policy": NEVER,
            "displayed_at": SHOWN_LONG_AGO,
            "waiver": Waiver(ends_at=local(28)),
        }
        decision = decide(inputs(**waived))
        assert codes(decision) == ["MODE_NEVER", "DEADLINE_WAIVED"]
        assert decision.deadline.state is DeadlineState.WAIVED
        assert decision.next_try_at is not None
        assert decision.next_try_at >= local(28)
        assert held(local(29, "04:50"), **waived) == []

    def test_a_waiver_stops_the_security_date_too(self) -> None:
        later: dict[str, Any] = {
            "release": security(),
            "postponement": Postponement(first_at=local(19), until=local(25)),
        }
        assert held(**later) == []
        assert held(**later, waiver=Waiver(ends_at=local(28))) == ["POSTPONED"]

    def test_notify_only_tells_and_installs_nothing(self) -> None:
        told = policy(mode=Mode.NEVER, at_deadline=AtDeadline.NOTIFY_ONLY)
        decision = decide(inputs(release=critical(emergency=True), policy=told))
        assert codes(decision) == ["MODE_NEVER"]
        assert decision.deadline.state is DeadlineState.NOTIFY_ONLY
        assert decision.needs_person

    def test_states_read_like_the_calendar(self) -> None:
        assert self.deadline(release=release()) is DeadlineState.NONE
        assert self.deadline(release=security()) is DeadlineState.NONE
        assert self.deadline() is DeadlineState.NOT_DISPLAYED
        assert self.deadline(displayed_at=NIGHT - DAY) is DeadlineState.RUNNING
        assert self.deadline(displayed_at=SHOWN_LONG_AGO) is DeadlineState.DUE

    def test_the_install_still_waits_for_the_window(self) -> None:
        assert held(NOON, release=critical(), policy=NEVER, displayed_at=SHOWN_LONG_AGO) == ["WINDOW_CLOSED"]


class TestSecurityDate:
    def test_consent_is_never_skipped(self) -> None:
        assert held(release=security(), policy=policy(mode=Mode.MANUAL)) == ["CONSENT_NEEDED"]

    def test_a_postponement_ends_at_the_date(self) -> None:
        later = Postponement(first_at=local(19), until=local(28))
        always = policy(window=Window.parse("00:00-24:00"))
        decision = decide(inputs(NOON, release=security(required_at=local(22)), postponement=later, policy=always))
        assert codes(decision) == ["POSTPONED"]
        assert decision.reasons[0].params["until"] == "2026-11-22T04:00:00Z"
        assert decision.next_try_at == local(22)


class TestPresence:
    def test_a_tap_speaks_for_two_hours(self) -> None:
        assert held(NOON + timedelta(minutes=119), policy=NEVER, presence=Presence(act=Act.NOW, at=NOON)) == []
        assert "MODE_NEVER" in held(NOON + timedelta(hours=2), policy=NEVER, presence=Presence(act=Act.NOW, at=NOON))

    def test_checking_by_hand_installs_what_was_ticked_and_leaves_never_alone(self) -> None:
        decision = decide(inputs(NOON, policy=NEVER, presence=Presence(act=Act.NOW, at=NOON)))
        assert decision.download
        assert decision.install
        skipped = {outcome.rule: outcome.skipped_by for outcome in decision.outcomes if outcome.skipped_by}
        assert skipped == {"never": Licence.PERSON_NOW, "window": Licence.PERSON_NOW}

    def test_never_downloads_nothing_without_a_person(self) -> None:
        decision = decide(inputs(policy=NEVER))
        assert not decision.download
        assert decision.needs_person


class Lapsed:
    """A maintenance window that is over."""

    def span(self, _: object) -> None:
        return None


def test_a_lapsed_maintenance_window_needs_the_operator() -> None:
    decision = decide(inputs(action=ActionFacts(maintenance=Lapsed())))
    assert codes(decision) == ["MAINTENANCE_OVER"]
    assert decision.needs_person
