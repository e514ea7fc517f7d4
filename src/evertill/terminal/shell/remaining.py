"""How long an update still takes: from the signed minutes, the measured migration and the moments at which steps were finished.

Rules kept here: a number only where something was signed or measured; within one attempt it never grows, except where the rehearsal
measured more than was signed; what takes longer than planned says so instead of standing at zero. A download has no forecast,
because nobody knows the network: its page tells the bytes. Pure.
"""

from datetime import datetime
from math import ceil
from typing import Final, NamedTuple

from evertill.protocol.journey import STEPS, WAIT_STEP, WITHOUT_TILL, State
from evertill.terminal.shell.facts import JourneyFacts
from evertill.terminal.shell.texts import Say

SWITCH_S: Final = 2  # without the till, beside the migration: two proving starts and the copy, as measured
_MINUTE_S: Final = 60
_ENDING: Final = frozenset({State.SELLING, State.FAILED, State.REPORTED})


class Remaining(NamedTuple):
    """`text`: for a line of the page; empty = nothing is known. `overdue`: the plan has passed."""

    text: str
    overdue: bool = False


def remaining(journey: JourneyFacts, minutes: int, say: Say) -> Remaining:
    """`minutes`: as signed; 0 = unknown."""
    if journey.state in _ENDING:
        return Remaining("")
    if journey.state in WITHOUT_TILL:
        return _counted(_switch_left_s(journey, say.now), say)
    if journey.held or journey.step <= WAIT_STEP:
        return Remaining(say("about {n} min after that", n=minutes) if minutes else "")
    return _counted(_work_left_s(journey, minutes, say.now), say) if minutes else Remaining("")


def _switch_left_s(journey: JourneyFacts, now: datetime) -> float:
    if journey.state is State.ROLLING_BACK:
        return SWITCH_S - _since_s(journey.entered_at, now)
    return _switch_s(journey) - _since_s(_finished(journey, len(STEPS) - 1), now)


def _work_left_s(journey: JourneyFacts, minutes: int, now: datetime) -> float:
    planned = minutes * _MINUTE_S - _since_s(_finished(journey, WAIT_STEP), now)
    return planned if journey.forecast_s is None else max(planned, _switch_s(journey))


def _switch_s(journey: JourneyFacts) -> float:
    return ceil(journey.forecast_s or 0) + SWITCH_S


def _finished(journey: JourneyFacts, step: int) -> datetime | None:
    return journey.finished_at[step - 1] if len(journey.finished_at) >= step else None


def _since_s(moment: datetime | None, now: datetime) -> float:
    """A clock that was set back has not turned time back."""
    return max((now - moment).total_seconds(), 0.0) if moment else 0.0


def _counted(left_s: float, say: Say) -> Remaining:
    if left_s <= 0:
        return Remaining(say("longer than planned"), overdue=True)
    if left_s > _MINUTE_S:
        return Remaining(say("about {n} min", n=ceil(left_s / _MINUTE_S)))
    return Remaining(say("about {n} s", n=ceil(left_s)))
