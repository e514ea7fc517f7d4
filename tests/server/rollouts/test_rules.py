"""The arithmetic of rollouts and hawkBit's maintenance windows, as rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evertill.server.rooms.rollouts.maintenance import MaintenanceWindow
from evertill.server.rooms.rollouts.rules import Counts, Halt, bucket, group_of, percents, verdict

SHARES = (
    st.lists(st.integers(1, 30), min_size=1, max_size=8)
    .filter(lambda shares: sum(shares) < 100)
    .map(lambda shares: [*shares, 100 - sum(shares)])
)
SERIALS = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=20)


@st.composite
def counted(draw: st.DrawFn) -> Counts:
    """Any group that can exist: verified, failed and open members are different ones, and none of them is withheld."""
    verified, errors, still_open, withheld = (draw(st.integers(0, 200)) for _ in range(4))
    retrieved = verified + errors + draw(st.integers(0, still_open))
    return Counts(verified + errors + still_open + withheld, withheld, retrieved, verified, errors, still_open)


@given(SERIALS, st.integers(1, 10_000), SHARES)
def test_a_terminal_is_always_in_the_same_one_of_the_groups(serial: str, rollout: int, shares: list[int]) -> None:
    group = group_of(serial, rollout, shares)
    assert 1 <= group <= len(shares)
    assert group == group_of(serial, rollout, shares)
    assert sum(shares[: group - 1]) * 100 <= bucket(serial, rollout) < sum(shares[:group]) * 100


def test_groups_get_their_shares_of_a_large_fleet() -> None:
    groups = [group_of(f"till-{number:06}", 7, [10, 40, 50]) for number in range(20_000)]
    assert [round(groups.count(group) / 200) for group in (1, 2, 3)] == [10, 40, 50]


def test_two_rollouts_begin_with_different_terminals() -> None:
    first = {number for number in range(2000) if group_of(f"till-{number}", 1, [10, 90]) == 1}
    second = {number for number in range(2000) if group_of(f"till-{number}", 2, [10, 90]) == 1}
    assert len(first & second) < len(first) / 3


@given(counted(), st.integers(1, 100), st.integers(1, 100))
def test_withheld_members_change_no_verdict(counts: Counts, success: int, error: int) -> None:
    more = Counts(
        counts.members + 50, counts.withheld + 50, counts.retrieved, counts.verified, counts.errors, counts.open
    )
    assert verdict(counts, success_percent=success, error_percent=error) == verdict(
        more, success_percent=success, error_percent=error
    )


@given(counted(), st.integers(1, 100), st.integers(1, 100))
def test_a_group_passes_only_with_enough_proven_successes(counts: Counts, success: int, error: int) -> None:
    if verdict(counts, success_percent=success, error_percent=error) is True:
        assert counts.verified * 100 >= success * (counts.members - counts.withheld)


@given(counted(), st.integers(1, 100), st.integers(1, 100))
def test_too_many_errors_always_halt(counts: Counts, success: int, error: int) -> None:
    too_many = counts.errors > 0 and counts.errors * 100 >= error * counts.retrieved
    assert (verdict(counts, success_percent=success, error_percent=error) is Halt.ERRORS) == too_many


@given(counted(), st.integers(1, 100), st.integers(1, 100))
def test_nobody_waits_for_a_group_in_which_nobody_can_move(counts: Counts, success: int, error: int) -> None:
    if counts.open == 0:
        assert verdict(counts, success_percent=success, error_percent=error) is not False


@given(counted(), st.integers(1, 100), st.integers(1, 100))
def test_pardoned_errors_halt_nothing_again(counts: Counts, success: int, error: int) -> None:
    pardoned = max(1, counts.errors)
    again = verdict(counts, success_percent=success, error_percent=error, pardoned=pardoned)
    assert not isinstance(again, Halt)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        (Counts(10, 0, 0, 0, 0, 10), False),  # just opened
        (Counts(10, 0, 10, 9, 0, 1), False),  # 90 % of 95 %
        (Counts(20, 0, 20, 19, 0, 1), True),  # 95 %
        (Counts(10, 5, 5, 5, 0, 0), True),  # half of them said never
        (Counts(10, 10, 0, 0, 0, 0), True),  # all of them did
        (Counts(10, 0, 1, 0, 1, 9), Halt.ERRORS),  # the first one failed
        (Counts(100, 0, 100, 91, 9, 0), Halt.TOO_FEW),  # 9 % errors, but nobody is left to reach 95 %
    ],
)
def test_verdicts_by_example(counts: Counts, expected: Halt | bool) -> None:  # noqa: FBT001 - the verdict itself
    assert verdict(counts, success_percent=95, error_percent=10) == expected


@pytest.mark.parametrize("text", ["", "10,40", "0,100", "50,50,10", "ten", "10;90", "-10,110", "10,90,"])
def test_shares_that_do_not_add_up_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"percents|100|groups"):
        percents(text)


def test_shares_are_read_in_order() -> None:
    assert percents("10,40,50") == [10, 40, 50]


def window(schedule: str, duration: str = "02:00:00", timezone: str = "+08:00") -> MaintenanceWindow:
    return MaintenanceWindow.parse({"schedule": schedule, "duration": duration, "timezone": timezone})


@pytest.mark.parametrize(
    ("schedule", "opens"),
    [
        ("0 0 3 ? * *", datetime(2026, 11, 20, 19, 0, tzinfo=UTC)),  # every night at 03:00 in +08:00
        ("0 30 4 ? * SUN", datetime(2026, 11, 21, 20, 30, tzinfo=UTC)),
        ("0 30 4 ? * 1", datetime(2026, 11, 21, 20, 30, tzinfo=UTC)),  # Quartz: 1 is Sunday
        ("0 0 2 1 * ?", datetime(2026, 11, 30, 18, 0, tzinfo=UTC)),
        ("0 0 2 1 JAN-MAR ?", datetime(2026, 12, 31, 18, 0, tzinfo=UTC)),
        ("0 0 0/6 ? * *", datetime(2026, 11, 20, 10, 0, tzinfo=UTC)),
        ("0 50 18 13 12 ? 2026", datetime(2026, 12, 13, 10, 50, tzinfo=UTC)),  # hawkBit's own example, two years on
        ("0 0 3 29 2 ?", datetime(2028, 2, 28, 19, 0, tzinfo=UTC)),
    ],
)
def test_quartz_schedules_open_when_quartz_says(schedule: str, opens: datetime) -> None:
    now = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)
    span = window(schedule).span(now)
    assert span is not None
    assert (span.opens_at, span.closes_at - span.opens_at) == (opens, timedelta(hours=2))


def test_a_window_that_is_open_is_the_one_that_is_told() -> None:
    now = datetime(2026, 11, 20, 20, 59, 59, tzinfo=UTC)
    span = window("0 0 3 ? * *").span(now)
    assert span is not None
    assert now in span
    closed = window("0 0 3 ? * *").span(now + timedelta(seconds=1))
    assert closed is not None
    assert closed.opens_at > now


def test_a_schedule_of_a_past_year_never_opens_again() -> None:
    assert window("0 50 18 13 11 ? 2024").span(datetime(2026, 11, 20, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    ("schedule", "duration", "timezone"),
    [
        ("0 0 3 * *", "02:00:00", "+08:00"),
        ("0 0 25 ? * *", "02:00:00", "+08:00"),
        ("0 0 3 L * ?", "02:00:00", "+08:00"),
        ("0 0 3 ? * MON#2", "02:00:00", "+08:00"),
        ("0 0 5-3 ? * *", "02:00:00", "+08:00"),
        ("0 0 3/0 ? * *", "02:00:00", "+08:00"),
        ("0 0 ٣ ? * *", "02:00:00", "+08:00"),
        ("0 0 3 ? * *", "2 hours", "+08:00"),
        ("0 0 3 ? * *", "00:00:00", "+08:00"),
        ("0 0 3 ? * *", "02:00:00", "Asia/Shanghai"),
        ("0 0 3 ? * *", "02:00:00", "+23:00"),
    ],
)
def test_what_is_no_maintenance_window_is_refused(schedule: str, duration: str, timezone: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        window(schedule, duration, timezone)


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis adds the zone
    st.integers(0, 23),
    st.integers(1, 30),
)
def test_a_told_span_is_never_over(now: datetime, hour: int, hours: int) -> None:
    span = window(f"0 0 {hour} ? * *", f"{hours}:00:00".zfill(8)).span(now)
    assert span is not None
    assert now < span.closes_at
