"""§4's rules, one by one and in order: what each of them holds, and until when."""

from datetime import date, timedelta
from typing import Any

import pytest

from evertill.protocol.manifest import Requirement
from evertill.protocol.policy import Channel, Client, Mode
from evertill.protocol.windows import FreezeRange, Share, Window
from evertill.server.rooms.policies.rules import RULES, decide
from evertill.server.rooms.policies.rules.inputs import (
    ActionFacts,
    Component,
    Postponement,
    Purpose,
    ReleaseState,
    RolloutTurn,
    StoreTurn,
    TerminalState,
    TurnState,
)
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


def test_nothing_holds_an_automatic_terminal_at_night() -> None:
    decision = decide(inputs())
    assert decision.download
    assert decision.install
    assert decision.next_try_at == NIGHT
    assert not decision.reasons


def test_rules_are_asked_in_the_order_of_the_design() -> None:
    numbers = [rule.number for rule in RULES]
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(1, 9))
    assert len({rule.name for rule in RULES}) == len(RULES)


FREEZE = (FreezeRange(date(2026, 11, 18), date(2026, 11, 25)),)

# number, what is changed, what holds it, whether it may already be downloaded
ONE_BY_ONE: list[tuple[int, dict[str, Any], str, bool]] = [
    (1, {"terminal": terminal(state=TerminalState.RETIRED)}, "RETIRED", False),
    (1, {"terminal": terminal(state=TerminalState.LOCKED)}, "LOCKED", False),
    (1, {"terminal": terminal(clock_off=-timedelta(hours=9))}, "CLOCK_WRONG", False),
    (1, {"action": ActionFacts(cancelled=True)}, "CANCELLED", False),
    (1, {"release": release(state=ReleaseState.DRAFT)}, "NOT_PUBLISHED", False),
    (1, {"release": release(state=ReleaseState.AWAITING_SIGNATURES)}, "NOT_PUBLISHED", False),
    (1, {"release": release(state=ReleaseState.WITHDRAWN)}, "WITHDRAWN", False),
    (1, {"release": release(state=ReleaseState.REVOKED)}, "REVOKED", False),
    (1, {"release": release(passthrough=True)}, "CLIENT_MISMATCH", False),
    (1, {"terminal": terminal(model="D20")}, "MODEL_MISMATCH", False),
    (1, {"release": release(requirements=(Requirement("members", ">=2"),))}, "REQUIREMENT_MISSING", False),
    (1, {"release": release(stepping_stone=Requirement("till", ">=1.0.5"))}, "STEPPING_STONE", False),
    (2, {"turn": RolloutTurn()}, "NOT_OFFERED", False),
    (2, {"turn": RolloutTurn(state=TurnState.READY)}, "ROLLOUT_NOT_STARTED", False),
    (2, {"turn": RolloutTurn(state=TurnState.RUNNING, group=2, groups=3)}, "ROLLOUT_TURN", False),
    (2, {"turn": RolloutTurn(state=TurnState.PAUSED, group_open=True)}, "ROLLOUT_PAUSED", False),
    (2, {"turn": RolloutTurn(state=TurnState.HALTED, group_open=True)}, "ROLLOUT_HALTED", False),
    (2, {"turn": RolloutTurn(state=TurnState.STOPPED, group_open=True)}, "ROLLOUT_STOPPED", False),
    (3, {"policy": policy(mode=Mode.NEVER)}, "MODE_NEVER", False),
    (3, {"forked": "window"}, "POLICY_FORK", True),
    (4, {"policy": policy(freeze=FREEZE)}, "FROZEN", True),
    (5, {"policy": policy(pin="1.0.0")}, "PINNED", False),
    (5, {"release": release(channel=Channel.BETA)}, "CHANNEL", False),
    (6, {"policy": policy(mode=Mode.MANUAL)}, "CONSENT_NEEDED", False),
    (6, {"action": ActionFacts(confirmation_required=True)}, "CONSENT_NEEDED", False),
    (6, {"postponement": Postponement(first_at=local(19), until=local(22))}, "POSTPONED", True),
    (7, {"terminal": terminal(last_limited_install_at=local(17))}, "RATE_LIMIT", True),
    (8, {"policy": policy(opening_hours=Window.parse("00:00-24:00"))}, "NO_QUIET_TIME", True),
    (8, {"policy": policy(window=Window.parse("22:00-23:00"))}, "WINDOW_CLOSED", True),
    (8, {"release": release(estimate=timedelta(hours=2))}, "WINDOW_TOO_SHORT", True),
    (8, {"store": StoreTurn(busy="DEMO-0002", busy_until=NIGHT + 5 * MINUTE)}, "STORE_TURN", True),
    (8, {"store": StoreTurn(busy="DEMO-0002", busy_failed=True)}, "STORE_HALTED", True),
]


@pytest.mark.parametrize(("number", "changes", "code", "download"), ONE_BY_ONE, ids=[row[2] for row in ONE_BY_ONE])
def test_each_hold_stops_the_install_and_says_so(
    *, number: int, changes: dict[str, Any], code: str, download: bool
) -> None:
    decision = decide(inputs(**changes))
    holding = [
        (outcome.number, outcome.reason.code) for outcome in decision.outcomes if outcome.holds and outcome.reason
    ]
    assert (number, code) in holding
    assert not decision.install
    assert bool(decision.download) is download


def test_all_reasons_are_returned_in_order() -> None:
    decision = decide(
        inputs(
            NOON,
            policy=policy(mode=Mode.NEVER, pin="1.0.0", freeze=FREEZE),
            turn=RolloutTurn(),
            terminal=terminal(last_limited_install_at=local(17)),
        )
    )
    assert codes(decision) == ["NOT_OFFERED", "MODE_NEVER", "FROZEN", "PINNED", "RATE_LIMIT", "WINDOW_CLOSED"]


class TestEligibility:
    def test_a_release_that_brings_what_it_requires_meets_it_itself(self) -> None:
        brings = {"till": Component(type="app", version="1.1.0"), "members": Component(type="module", version="2.0.0")}
        assert not held(release=release(components=brings, requirements=(Requirement("members", ">=2"),)))

    def test_a_stepping_stone_counts_only_once_installed(self) -> None:
        stone = release(stepping_stone=Requirement("till", ">=1.0.5"))
        assert held(release=stone) == ["STEPPING_STONE"]
        assert not held(release=stone, terminal=terminal(components={"till": "1.0.5"}))

    def test_an_unknown_version_meets_no_requirement(self) -> None:
        stone = release(stepping_stone=Requirement("till", ">=1.0.5"))
        assert held(release=stone, terminal=terminal(components={"till": "from the device: rubbish"})) == [
            "STEPPING_STONE"
        ]

    def test_foreign_text_versions_are_compared_not_ordered(self) -> None:
        stone = release(stepping_stone=Requirement("os", "==2026.11-r3"))
        assert not held(
            release=release(stepping_stone=Requirement("os", "===V3.1_x")),
            terminal=terminal(components={"os": "V3.1_x"}),
        )
        assert held(release=stone, terminal=terminal(components={"os": "V3.1_x"})) == ["STEPPING_STONE"]

    def test_a_security_only_build_is_for_the_version_it_fixes(self) -> None:
        fix = {"till": Component(type="app", version="1.0.1")}
        build = security(components=fix, fixes_on="1.0.0", version="1.0.1")
        assert not held(release=build)
        assert held(release=build, terminal=terminal(components={"till": "1.1.0"})) == ["REQUIREMENT_MISSING"]
        assert not held(release=build, terminal=terminal(components={"till": "1.0.1"}))

    def test_hardware_revision_must_fit_every_component(self) -> None:
        bound = release(components={"till": Component(type="app", version="1.1.0", hardware=frozenset({"B"}))})
        assert held(release=bound, terminal=terminal(hardware_revision="A")) == ["MODEL_MISMATCH"]
        assert not held(release=bound, terminal=terminal(hardware_revision="B"))

    def test_a_clock_that_is_a_few_minutes_off_is_no_reason(self) -> None:
        assert not held(terminal=terminal(clock_off=timedelta(minutes=10)))
        assert held(terminal=terminal(clock_off=timedelta(minutes=11))) == ["CLOCK_WRONG"]


class TestFreeze:
    def test_first_and_last_day_are_frozen_by_the_terminals_own_calendar(self) -> None:
        frozen = policy(freeze=FREEZE, window=Window.parse("00:00-24:00"))
        assert not held(local(17, "23:59"), policy=frozen)
        assert held(local(18, "00:00"), policy=frozen) == ["FROZEN"]
        assert held(local(25, "23:59"), policy=frozen) == ["FROZEN"]
        assert not held(local(26, "00:00"), policy=frozen)

    def test_after_a_freeze_comes_the_next_window(self) -> None:
        decision = decide(inputs(NOON, policy=policy(freeze=FREEZE)))
        assert decision.next_try_at is not None
        assert local(26, "03:00") <= decision.next_try_at <= local(26, "05:00")


class TestConsentAndLater:
    def test_manual_mode_downloads_and_installs_after_the_yes(self) -> None:
        assert decide(inputs(policy=policy(mode=Mode.MANUAL))).asks_consent
        decision = decide(inputs(policy=policy(mode=Mode.MANUAL), consented=True))
        assert decision.download
        assert decision.install

    def test_a_yes_is_not_asked_for_what_could_not_be_installed_anyway(self) -> None:
        assert not decide(inputs(policy=policy(mode=Mode.MANUAL), turn=RolloutTurn())).asks_consent
        assert not decide(inputs(policy=policy(mode=Mode.MANUAL), terminal=terminal(model="D20"))).asks_consent

    def test_a_yes_is_asked_before_the_window_opens(self) -> None:
        assert decide(inputs(NOON, policy=policy(mode=Mode.MANUAL))).asks_consent

    def test_later_ends_when_it_was_said_to(self) -> None:
        later = Postponement(first_at=local(19), until=local(20, "04:55"))
        assert held(postponement=later) == ["POSTPONED"]
        assert not held(local(20, "04:55"), postponement=later)

    def test_the_clock_of_postponing_never_restarts(self) -> None:
        again = Postponement(first_at=local(5), until=local(30))
        assert held(local(19, "11:59"), postponement=again, policy=policy(window=Window.parse("00:00-24:00"))) == [
            "POSTPONED"
        ]
        assert not held(local(19, "12:00"), postponement=again, policy=policy(window=Window.parse("00:00-24:00")))

    def test_in_manual_mode_a_feature_never_falls_due(self) -> None:
        later = Postponement(first_at=local(1, month=1), until=local(30, month=12))
        manual = policy(mode=Mode.MANUAL)
        assert held(policy=manual, consented=True, postponement=later) == ["POSTPONED"]
        undated = security(required_at=None)
        assert not held(policy=manual, consented=True, postponement=later, release=undated)


class TestRateLimit:
    RECENT = terminal(last_limited_install_at=local(17))

    def test_two_features_in_a_week_give_one_install(self) -> None:
        decision = decide(inputs(terminal=self.RECENT))
        assert codes(decision) == ["RATE_LIMIT"]
        assert decision.next_try_at is not None
        assert local(25, "03:00") <= decision.next_try_at < local(25, "05:00")

    @pytest.mark.parametrize(
        "exempt",
        [
            {"release": security(required_at=None)},
            {"release": critical(required_at=None)},
            {"action": ActionFacts(purpose=Purpose.FIRST)},
            {"action": ActionFacts(purpose=Purpose.REPAIR)},
            {"action": ActionFacts(purpose=Purpose.GO_BACK)},
            {"consented": True},
        ],
        ids=["security", "critical", "first software", "repair", "going back", "ticked by a person"],
    )
    def test_exempt(self, exempt: dict[str, Any]) -> None:
        assert not held(terminal=self.RECENT, **exempt)

    def test_a_limit_of_none_limits_nothing(self) -> None:
        assert not held(terminal=self.RECENT, policy=policy(rate_limit_days=0))


class TestWindow:
    def test_waiting_terminals_hear_their_own_minute(self) -> None:
        minutes = set()
        for number in range(20):
            decision = decide(inputs(NOON, terminal=terminal(serial=f"DEMO-{number:04}")))
            assert codes(decision) == ["WINDOW_CLOSED"]
            assert decision.next_try_at is not None
            assert local(21, "03:00") <= decision.next_try_at < local(21, "04:57")
            minutes.add(decision.next_try_at)
        assert len(minutes) > 10

    def test_nothing_starts_too_late_to_finish(self) -> None:
        assert not held(local(20, "04:56"))
        assert held(local(20, "04:57")) == ["WINDOW_CLOSED"]

    def test_a_window_of_24_hours_means_any_moment(self) -> None:
        always = policy(window=Window.parse("00:00-24:00"))
        assert all(not held(local(20, f"{hour:02}:17"), policy=always) for hour in range(24))

    def test_the_tills_of_a_store_have_their_own_shares(self) -> None:
        first, second = (decide(inputs(NOON, store=StoreTurn(share=Share(index, 2)))).next_try_at for index in (0, 1))
        assert first is not None
        assert second is not None
        assert first < local(21, "03:59") <= second

    def test_the_next_till_waits_until_the_one_before_is_verified(self) -> None:
        busy = StoreTurn(busy="DEMO-0002", busy_until=NIGHT + 2 * MINUTE)
        decision = decide(inputs(store=busy))
        assert codes(decision) == ["STORE_TURN"]
        assert decision.next_try_at == NIGHT + 2 * MINUTE
        assert not held()

    def test_a_sibling_over_its_time_halts_the_store_until_somebody_looks(self) -> None:
        late = StoreTurn(busy="DEMO-0002", busy_until=NIGHT)
        decision = decide(inputs(store=late))
        assert codes(decision) == ["STORE_HALTED"]
        assert decision.needs_person


class TestOpeningHours:
    def test_nothing_unattended_while_the_shop_is_open_whatever_the_window_says(self) -> None:
        hours = policy(window=Window.parse("00:00-24:00"), opening_hours=Window.parse("09:00-22:00"))
        decision = decide(inputs(NOON, policy=hours))
        assert codes(decision) == ["SHOP_OPEN"]
        assert decision.next_try_at == local(20, "22:00")

    def test_nothing_starts_that_would_run_into_opening(self) -> None:
        hours = policy(window=Window.parse("00:00-24:00"), opening_hours=Window.parse("09:00-22:00"))
        assert not held(local(20, "08:56"), policy=hours)
        assert held(local(20, "08:58"), policy=hours) == ["SHOP_OPEN"]

    def test_a_window_that_reaches_into_opening_hours_ends_before_them(self) -> None:
        hours = policy(window=Window.parse("03:00-06:00"), opening_hours=Window.parse("05:00-23:00"))
        assert not held(local(20, "04:56"), policy=hours)
        assert held(local(20, "05:30"), policy=hours) == ["SHOP_OPEN", "WINDOW_CLOSED"]

    def test_a_window_inside_opening_hours_asks_the_merchant(self) -> None:
        hours = policy(window=Window.parse("10:00-12:00"), opening_hours=Window.parse("09:00-22:00"))
        decision = decide(inputs(local(20, "23:00"), policy=hours))
        assert codes(decision) == ["NO_QUIET_TIME"]
        assert decision.needs_person


class TestForeignClients:
    """SWUpdate, RAUC: only what somebody set, and what nobody may skip."""

    DDI = terminal(client=Client.DDI)

    def test_by_default_any_moment_and_no_limit(self) -> None:
        recent = terminal(client=Client.DDI, last_limited_install_at=local(19))
        later = Postponement(first_at=local(19), until=local(30))
        busy = StoreTurn(busy="DEMO-0002", busy_failed=True)
        assert not held(NOON, terminal=recent, policy=policy(Client.DDI), postponement=later, store=busy)

    def test_a_window_somebody_set_holds(self) -> None:
        window = policy(Client.DDI, window=Window.parse("03:00-05:00"))
        assert held(NOON, terminal=self.DDI, policy=window) == ["WINDOW_CLOSED"]

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"policy": policy(Client.DDI, mode=Mode.NEVER)}, "MODE_NEVER"),
            ({"policy": policy(Client.DDI, freeze=FREEZE)}, "FROZEN"),
            ({"policy": policy(Client.DDI, pin="1.0.0")}, "PINNED"),
            ({"policy": policy(Client.DDI), "turn": RolloutTurn()}, "NOT_OFFERED"),
            ({"policy": policy(Client.DDI), "release": release(state=ReleaseState.WITHDRAWN)}, "WITHDRAWN"),
            ({"policy": policy(Client.DDI, mode=Mode.MANUAL)}, "CONSENT_NEEDED"),
        ],
    )
    def test_always(self, changes: dict[str, Any], code: str) -> None:
        assert held(NOON, terminal=self.DDI, **changes) == [code]

    def test_a_passthrough_artifact_is_theirs(self) -> None:
        assert not held(NOON, terminal=self.DDI, policy=policy(Client.DDI), release=release(passthrough=True))


class TestReview:
    def test_a_grant_lasts_until_its_window_closes(self) -> None:
        assert decide(inputs()).review_at == local(20, "04:57")

    def test_a_freeze_to_come_is_a_moment_to_look_again(self) -> None:
        soon = policy(window=Window.parse("00:00-24:00"), freeze=(FreezeRange(date(2026, 11, 21), date(2026, 11, 22)),))
        assert decide(inputs(NOON, policy=soon)).review_at == local(21, "00:00")

    def test_what_no_time_changes_needs_no_review(self) -> None:
        always = policy(mode=Mode.NEVER, window=Window.parse("00:00-24:00"))
        assert decide(inputs(policy=always)).review_at is None

    def test_a_day_earlier_the_same_question_waits_a_day_longer(self) -> None:
        today, yesterday = (decide(inputs(now)).next_try_at for now in (NOON, NOON - DAY))
        assert today is not None
        assert yesterday is not None
        assert yesterday < today
