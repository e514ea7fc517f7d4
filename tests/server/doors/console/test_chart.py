from __future__ import annotations

import itertools
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from evertill.server.doors.console import chart
from evertill.server.rooms.rollouts.over_time import Curve

OPENED = datetime(2026, 11, 20, 19, 0, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")
counts = st.lists(st.integers(1, 50), max_size=40)


def curve(steps: list[int]) -> Curve:
    total, points = 0, []
    for minute, step in enumerate(steps, start=1):
        total += step
        points.append((OPENED + timedelta(minutes=minute), total))
    return Curve(points)


def drawn(verified: list[int], errors: list[int], limit: float | None = None, minutes: float = 60) -> chart.Chart:
    over = chart.Span(OPENED, OPENED + timedelta(minutes=minutes), ZONE)
    return chart.draw(curve(verified), curve(errors), 24, limit, over)


@given(verified=counts, errors=counts, limit=st.none() | st.floats(0, 5000), minutes=st.floats(0, 100_000))
def test_nothing_is_drawn_outside_the_frame(
    verified: list[int], errors: list[int], limit: float | None, minutes: float
) -> None:
    picture = drawn(verified, errors, limit, minutes)
    for path in (picture.verified, picture.errors):
        assert all(chart.LEFT <= float(x) <= chart.RIGHT for x in re.findall(r"[HM]([\d.]+)", path))
        assert all(chart.TOP <= float(y) <= chart.BOTTOM for y in re.findall(r"V([\d.]+)", path))
    assert picture.limit is None or chart.TOP <= picture.limit <= chart.BOTTOM


@given(verified=counts, errors=counts, limit=st.none() | st.floats(0, 24))
def test_names_of_lines_never_stand_over_each_other(
    verified: list[int], errors: list[int], limit: float | None
) -> None:
    picture = drawn(verified, errors, limit)
    heights = [picture.verified_label, picture.errors_label]
    heights += [picture.limit_label] if picture.limit is not None else []
    ordered = sorted(heights)
    assert all(low - high >= chart.LABEL_GAP - 0.01 for high, low in itertools.pairwise(ordered))
    assert ordered[-1] <= chart.BOTTOM + 4.01  # never over the times below the axis


def test_scale_begins_at_nothing_and_holds_all_members() -> None:
    says = [tick.says for tick in drawn([1], []).y_ticks]
    assert says == ["0", "6", "12", "18", "24"]


def test_times_are_those_of_the_terminals_zone() -> None:
    assert [tick.says for tick in drawn([], []).x_ticks] == ["03:00", "03:12", "03:24", "03:36", "03:48", "04:00"]


def test_each_failure_has_its_ring() -> None:
    assert len(drawn([3], [1, 1, 1]).rings) == 3


@given(minutes=st.floats(0, 100), halted=st.floats(0, 100))
def test_halt_stands_where_it_happened_and_its_name_inside_the_frame(minutes: float, halted: float) -> None:
    over = chart.Span(OPENED, OPENED + timedelta(minutes=minutes), ZONE, OPENED + timedelta(minutes=halted))
    halt = chart.draw(curve([1]), curve([1]), 24, None, over).halt
    assert halt is not None
    assert chart.LEFT <= halt.at <= chart.RIGHT
    assert abs(halt.at + halt.width - chart.RIGHT) < 0.1
    room = chart.RIGHT - halt.label if halt.anchor == "start" else halt.label - chart.LEFT
    assert room > (chart.RIGHT - chart.LEFT) / 3


def test_rollout_that_runs_has_no_halt() -> None:
    assert drawn([1], [1]).halt is None
