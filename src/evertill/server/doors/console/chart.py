"""The drawing of a rollout's group over time: verified and failed as steps, the error limit as a line, and where it was halted. Pure geometry.

Rules kept here (look.md, "charts"): y from 0, labels on the lines, a second cue for each series (solid; dashed with rings), limits and halts drawn and named.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from evertill.server.rooms.rollouts.over_time import Curve

LEFT, RIGHT, TOP, BOTTOM = 36.0, 610.0, 18.0, 236.0
LABEL_GAP: Final = 16.0
RINGS_MOST: Final = 24
SPAN_LEAST: Final = timedelta(minutes=15)
_HALT_GAP: Final = 10.0
_ROUND_UP: Final = timedelta(seconds=59)  # as `phrases.moment` does, so that one page names one time
_Y_STEPS: Final = 4
_X_STEPS: Final = 5


@dataclass(frozen=True)
class Tick:
    at: float
    says: str


@dataclass(frozen=True)
class Halt:
    """Where it was halted and the ground after it; the name stands on the side that has room."""

    at: float
    width: float
    label: float
    anchor: str


@dataclass(frozen=True)
class Chart:
    """Everything in the units of the view box, 760 by 268; `*_label` is the height at which a line's name stands."""

    verified: str
    errors: str
    rings: Sequence[tuple[float, float]]
    limit: float | None
    verified_label: float
    errors_label: float
    limit_label: float
    y_ticks: Sequence[Tick]
    x_ticks: Sequence[Tick]
    halt: Halt | None


@dataclass(frozen=True)
class Span:
    """What the drawing reaches over: from the opening of the group until the last thing to show, in the terminals' zone."""

    opened: datetime
    until: datetime
    zone: ZoneInfo
    halted: datetime | None = None


@dataclass(frozen=True)
class _Frame:
    start: datetime
    end: datetime
    top: int

    def x(self, at: datetime) -> float:
        share = (min(at, self.end) - self.start) / (self.end - self.start)
        return round(LEFT + max(share, 0.0) * (RIGHT - LEFT), 1)

    def y(self, count: float) -> float:
        return round(BOTTOM - count / self.top * (BOTTOM - TOP), 1)


def draw(verified: Curve, errors: Curve, members: int, limit: float | None, over: Span) -> Chart:
    """`limit`: at how many errors it halts; None where that cannot be said yet."""
    end = max(over.until, over.opened + SPAN_LEAST)
    frame = _Frame(over.opened, end, _round_top(max(members, verified.total, errors.total, 1)))
    rings = [(frame.x(at), frame.y(count)) for at, count in errors.points[-RINGS_MOST:]]
    drawn_limit = None if limit is None or limit > frame.top else frame.y(limit)
    high, low, middle = _apart(frame.y(verified.total), frame.y(errors.total), drawn_limit)
    return Chart(
        verified=_steps(frame, verified),
        errors=_steps(frame, errors),
        rings=rings,
        limit=drawn_limit,
        verified_label=high,
        errors_label=low,
        limit_label=middle,
        y_ticks=[Tick(frame.y(n), str(round(n))) for n in _shares(frame.top)],
        x_ticks=_x_ticks(frame, over.zone),
        halt=_halt(frame, over.halted) if over.halted else None,
    )


def _halt(frame: _Frame, halted: datetime) -> Halt:
    at = frame.x(halted)
    has_room = at < (LEFT + RIGHT) / 2
    return Halt(
        at, round(RIGHT - at, 1), at + _HALT_GAP if has_room else at - _HALT_GAP, "start" if has_room else "end"
    )


def _steps(frame: _Frame, curve: Curve) -> str:
    path = [f"M{LEFT} {frame.y(0)}"]
    for at, count in curve.points:
        path += [f"H{frame.x(at)}", f"V{frame.y(count)}"]
    return "".join([*path, f"H{RIGHT}"])


def _round_top(most: int) -> int:
    """So that every tick is a whole number."""
    return ceil(most / _Y_STEPS) * _Y_STEPS


def _shares(top: int) -> list[float]:
    return [top * step / _Y_STEPS for step in range(_Y_STEPS + 1)]


def _x_ticks(frame: _Frame, zone: ZoneInfo) -> list[Tick]:
    length = frame.end - frame.start
    form = "%H:%M" if length < timedelta(days=2) else "%m-%d"
    moments = [frame.start + length * step / _X_STEPS for step in range(_X_STEPS + 1)]
    return [Tick(frame.x(at), (at + _ROUND_UP).astimezone(zone).strftime(form)) for at in moments]


def _apart(verified: float, errors: float, limit: float | None) -> tuple[float, float, float]:
    """Heights for up to three names beside their lines, none over another."""
    wanted = sorted([(verified, 0), (errors, 1), *([(limit, 2)] if limit is not None else [])])
    heights, last = {0: verified, 1: errors, 2: errors}, TOP - LABEL_GAP
    for place, (height, which) in enumerate(wanted):
        lowest = BOTTOM - (len(wanted) - 1 - place) * LABEL_GAP  # the others still have to fit above the axis
        last = max(min(height, lowest), last + LABEL_GAP)
        heights[which] = last
    return heights[0] + 4, heights[1] + 4, heights[2] + 4
