"""The page before "never": real dates and real lists, for this terminal and no other."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from evertill.protocol.policy import AtDeadline, Mode
from evertill.server.rooms.policies.rules import Inputs, decide
from evertill.server.rooms.policies.rules.builds import security_build
from evertill.server.rooms.policies.rules.consequences import consequences_of_never
from evertill.server.rooms.policies.rules.inputs import (
    Act,
    Component,
    Presence,
    ReleaseFacts,
    ReleaseState,
    TerminalState,
)
from tests.server.policies.rules.making import DAY, NOON, critical, inputs, local, policy, release, security, terminal


def app(version: str) -> dict[str, Component]:
    return {"till": Component(type="app", version=version)}


DUE = NOON + 22 * DAY
FEATURE = release(id=11, version="1.1.0", components=app("1.1.0"))
CRITICAL = critical(id=12, version="1.2.0", components=app("1.2.0"), required_at=DUE, cves=frozenset({"CVE-2026-0001"}))
SECURITY = security(id=13, version="1.0.9", components=app("1.0.9"), required_at=NOON + 5 * DAY)
FIX = critical(
    id=14,
    version="1.0.1",
    components=app("1.0.1"),
    fixes_on="1.0.0",
    required_at=DUE,
    cves=frozenset({"CVE-2026-0001"}),
)


def offered(*releases: ReleaseFacts, **changes: Any) -> list[Inputs]:
    return [inputs(NOON, release=each, **{"displayed_at": NOON - DAY, **changes}) for each in releases]


def test_a_hole_stays_open_until_its_date_installs_it() -> None:
    (hole,) = consequences_of_never(offered(CRITICAL)).holes
    assert hole.release == 12
    assert hole.closes_at is not None
    assert DUE < hole.closes_at < DUE + DAY
    assert hole.days_open == 23
    assert consequences_of_never(offered(CRITICAL)).next_install_at == hole.closes_at


def test_security_without_a_critical_date_stays_open_and_says_so() -> None:
    (hole,) = consequences_of_never(offered(SECURITY)).holes
    assert hole.closes_at is None
    assert hole.days_open is None
    assert hole.required_at == NOON + 5 * DAY
    assert consequences_of_never(offered(SECURITY)).next_install_at is None


def test_features_are_missed_by_name() -> None:
    told = consequences_of_never(offered(FEATURE, CRITICAL))
    assert [(missed.release, missed.version) for missed in told.missed] == [(11, "1.1.0")]


def test_features_that_come_along_are_named() -> None:
    (hole,) = consequences_of_never(offered(FEATURE, CRITICAL)).holes
    assert hole.brings == (11,)


def test_a_security_only_build_of_the_own_version_is_preferred_and_brings_nothing() -> None:
    (hole,) = consequences_of_never(offered(FEATURE, CRITICAL, FIX)).holes
    assert hole.release == 14
    assert hole.brings == ()


def test_a_build_for_another_version_does_not_count() -> None:
    newer = terminal(components={"till": "1.1.0"})
    (hole,) = consequences_of_never(offered(CRITICAL, FIX, terminal=newer)).holes
    assert hole.release == 12


def test_a_build_that_closes_less_replaces_nothing() -> None:
    partial = critical(id=15, version="1.0.2", components=app("1.0.2"), fixes_on="1.0.0", required_at=DUE)
    assert [hole.release for hole in consequences_of_never(offered(CRITICAL, partial)).holes] == [12, 15]


@pytest.mark.parametrize(
    "changes",
    [
        {"terminal": terminal(model="D20")},
        {"release": release(state=ReleaseState.WITHDRAWN)},
        {"terminal": terminal(state=TerminalState.RETIRED)},
    ],
)
def test_what_this_terminal_cannot_get_is_no_consequence(changes: dict[str, Any]) -> None:
    told = consequences_of_never([inputs(NOON, **changes)])
    assert told.holes == ()
    assert told.missed == ()


def test_a_policy_that_only_notifies_installs_on_no_date() -> None:
    (hole,) = consequences_of_never(offered(CRITICAL, policy=policy(at_deadline=AtDeadline.NOTIFY_ONLY))).holes
    assert hole.closes_at is None


def test_a_release_the_terminal_has_not_shown_has_no_date_yet() -> None:
    (hole,) = consequences_of_never(offered(CRITICAL, displayed_at=None)).holes
    assert hole.closes_at is None


def test_the_person_at_the_page_changes_no_date() -> None:
    tapped = offered(CRITICAL, presence=Presence(act=Act.NOW, at=NOON), consented=True)
    assert consequences_of_never(tapped) == consequences_of_never(offered(CRITICAL))


def test_an_overdue_hole_closes_tonight() -> None:
    (hole,) = consequences_of_never(offered(critical(components=app("1.2.0")), displayed_at=local(1))).holes
    assert hole.closes_at is not None
    assert hole.closes_at - NOON < timedelta(days=1)
    assert hole.days_open == 1


class TestSecurityBuild:
    TERMINAL = terminal()

    def test_acts_at_the_date_in_place_of_the_full_release(self) -> None:
        build = security_build(CRITICAL, self.TERMINAL, [FEATURE, FIX])
        assert build is FIX
        late: dict[str, Any] = {"now": DUE + 30 * DAY, "policy": policy(mode=Mode.NEVER), "displayed_at": NOON}
        full = decide(inputs(release=CRITICAL, security_build=build.version, **late))
        assert [reason.code for reason in full.reasons if reason.code != "WINDOW_CLOSED"] == [
            "MODE_NEVER",
            "DEADLINE_BY_BUILD",
        ]
        assert full.needs_person
        assert "MODE_NEVER" not in [reason.code for reason in decide(inputs(release=FIX, **late)).reasons]

    @pytest.mark.parametrize(
        "worse",
        [
            {"state": ReleaseState.WITHDRAWN},
            {"required_at": DUE + DAY},
            {"cves": frozenset()},
            {"severity": "security"},
            {"fixes_on": "0.9.0"},
        ],
        ids=["withdrawn", "later", "closes less", "no critical date", "of another version"],
    )
    def test_a_worse_build_replaces_nothing(self, worse: dict[str, Any]) -> None:
        assert security_build(CRITICAL, self.TERMINAL, [replace(FIX, **worse)]) is None

    def test_a_full_emergency_does_not_wait_for_a_build_that_is_none(self) -> None:
        assert security_build(replace(CRITICAL, emergency=True), self.TERMINAL, [FIX]) is None
