"""What switching off means here: open holes with real dates, what the shop goes without, and nothing that is not signed and offered."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from evertill.protocol.policy import AtDeadline, Policy, Snapshot
from evertill.protocol.release import Release, ReleaseComponent
from evertill.protocol.windows import Window
from evertill.terminal.agent.acts import ReleaseActs
from evertill.terminal.agent.consequences import closes_at, consequences_of_never
from evertill.terminal.agent.permission import Facts, deadline_acts

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
IN_TWENTY_DAYS = NOON + timedelta(days=20)
INSTALLED = {"till": "1.0.0"}


def part(version: str) -> ReleaseComponent:
    return ReleaseComponent(
        path=f"components/till-{version}.evb",
        sha256="0" * 64,
        sha512="0" * 128,
        length=5,
        type="app",
        component="till",
        version=version,
    )


def facts(severity: Any = "critical", number: int = 12, version: str = "1.1.0", **changes: Any) -> Facts:
    signed = {name: changes.pop(name) for name in ("required_at", "emergency", "cves", "fixes_on") if name in changes}
    release = Release(
        id=number,
        name="till",
        version=version,
        components=[part(version)],
        notes={"zh": "新", "en": "new"},
        severity=severity,
        minutes=5,
        published_at=NOON - timedelta(days=5),
        **signed,
    )
    words: dict[str, Any] = {
        "now": NOON,
        "zone": SHANGHAI,
        "serial": "T-0001",
        "policy": Policy(window=Window.parse("00:00-24:00")),
        "snapshot": None,
        "mode_unconfirmed": False,
        "release": release,
        "acts": ReleaseActs(displayed_at=NOON - timedelta(days=8)),
        "offer": None,
        **changes,
    }
    return Facts(**words)


def test_critical_release_closes_its_hole_on_its_date() -> None:
    (hole,) = consequences_of_never([facts(required_at=IN_TWENTY_DAYS)], INSTALLED).holes
    assert hole.closes_at == IN_TWENTY_DAYS
    assert hole.days_open == 20


def test_date_is_told_as_the_window_after_it() -> None:
    night = facts(required_at=IN_TWENTY_DAYS, policy=Policy(window=Window.parse("03:00-05:00")))
    assert closes_at(night) == datetime(2026, 12, 10, 19, 0, tzinfo=UTC)  # 03:00 on the 11th in Shanghai


def test_release_shown_for_less_than_a_week_closes_later() -> None:
    shown = facts(required_at=NOON + timedelta(days=1), acts=ReleaseActs(displayed_at=NOON - timedelta(days=2)))
    assert closes_at(shown) == NOON + timedelta(days=5)
    assert closes_at(facts(required_at=NOON + timedelta(days=1), acts=ReleaseActs())) == NOON + timedelta(days=7)


def test_emergency_waits_for_no_week() -> None:
    soon = NOON + timedelta(days=1)
    assert closes_at(facts(required_at=soon, emergency=True, acts=ReleaseActs())) == soon


def test_security_release_stays_open_until_a_person_acts() -> None:
    (hole,) = consequences_of_never([facts("security", required_at=IN_TWENTY_DAYS)], INSTALLED).holes
    assert hole.closes_at is None
    assert hole.days_open is None


def test_where_the_deadline_only_notifies_nothing_closes_by_itself() -> None:
    told = Policy(at_deadline=AtDeadline.NOTIFY_ONLY)
    assert closes_at(facts(required_at=IN_TWENTY_DAYS, policy=told)) is None


def test_waived_deadline_closes_nothing() -> None:
    deadline = {"release": 12, "required_at": IN_TWENTY_DAYS, "acts_at": None}
    words = {"revision": 1, "fields": {}, "time_zone": "Asia/Shanghai", "deadlines": [deadline]}
    assert closes_at(facts(required_at=IN_TWENTY_DAYS, snapshot=msgspec.convert(words, Snapshot))) is None


def test_features_are_named_as_what_the_shop_goes_without() -> None:
    found = consequences_of_never([facts("feature"), facts("maintenance", 13, "1.2.0")], INSTALLED)
    assert [missed.version for missed in found.missed] == ["1.1.0", "1.2.0"]
    assert found.holes == ()


def test_what_runs_already_is_no_consequence() -> None:
    found = consequences_of_never([facts(required_at=IN_TWENTY_DAYS), facts("feature", 13)], {"till": "1.1.0"})
    assert found == ((), ())


def test_security_only_build_stands_in_for_the_release_with_features() -> None:
    whole = facts(required_at=IN_TWENTY_DAYS, cves=["CVE-2026-0001"])
    build = facts(number=14, version="1.0.1", required_at=IN_TWENTY_DAYS, cves=["CVE-2026-0001"], fixes_on="1.0.0")
    found = consequences_of_never([whole, build], INSTALLED)
    assert [hole.version for hole in found.holes] == ["1.0.1"]


@given(
    required_days=st.integers(-10, 40),
    displayed_days=st.one_of(st.none(), st.integers(0, 30)),
    emergency=st.booleans(),
)
def test_told_date_is_the_one_on_which_the_terminal_lets_it(
    required_days: int, displayed_days: int | None, *, emergency: bool
) -> None:
    """The page and the rule that installs are two functions; this holds them together."""
    required_at = NOON + timedelta(days=required_days)
    displayed_at = NOON - timedelta(days=displayed_days or 0)
    asked = facts(required_at=required_at, emergency=emergency, acts=ReleaseActs(displayed_at=displayed_at))
    told = closes_at(asked)
    assert told is not None
    deadline = {"release": 12, "required_at": required_at, "acts_at": required_at}
    words = {"revision": 1, "fields": {}, "time_zone": "Asia/Shanghai", "deadlines": [deadline]}
    then = asked._replace(snapshot=msgspec.convert(words, Snapshot), now=told)
    assert deadline_acts(then)
    before = then._replace(now=told - timedelta(minutes=1))
    assert told == NOON or not deadline_acts(before)
