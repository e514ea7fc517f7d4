"""What an update still takes: measured or signed, never growing within one attempt, and never a zero that lasts."""

import re
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evertill.protocol.journey import STEP_OF, STEPS, State
from evertill.terminal.shell.facts import JourneyFacts
from evertill.terminal.shell.remaining import remaining
from evertill.terminal.shell.texts import Say
from tests.terminal.shell.scene import NOW, SHANGHAI

# The work of an attempt, in order: after the wait until the till sells again.
ATTEMPT = (
    State.BACKING_UP,
    State.INSTALLING,
    State.REHEARSING,
    State.REFRESHING,
    State.QUIESCING,
    State.MIGRATING,
    State.SWITCHING,
    State.PROVING,
    State.COMMITTED,
)
MINUTES = 3


def at(state: State, spent_s: dict[int, float], *, forecast_s: float | None = None) -> JourneyFacts:
    """A journey that is in this state; `spent_s`: on each step, since `NOW`."""
    step = STEP_OF[state]
    moment, finished = NOW, []
    for number in range(1, step):
        moment += timedelta(seconds=spent_s.get(number, 0))
        finished.append(moment)
    known = forecast_s if step >= STEP_OF[State.REFRESHING] and state is not State.REHEARSING else None
    return JourneyFacts(
        id="action-5",
        release=12,
        version="1.1.0",
        state=state,
        step=step,
        of=len(STEPS),
        began_at=NOW,
        entered_at=moment,
        finished_at=list(finished),
        forecast_s=known,
    )


def said(journey: JourneyFacts, now: datetime) -> str:
    return remaining(journey, MINUTES, Say("en", SHANGHAI, now)).text


def shown_s(text: str) -> float:
    """The upper end of what a person reads; what is longer than planned has no number."""
    if text == "longer than planned":
        return 0
    number, unit = re.fullmatch(r"about (\d+) (min|s)", text).groups()  # type: ignore[union-attr] # or the text is wrong
    return int(number) * (60 if unit == "min" else 1)


@given(
    spent=st.lists(st.floats(0, 90), min_size=len(ATTEMPT), max_size=len(ATTEMPT)),
    forecast_s=st.floats(0, 40),
)
def test_what_is_left_never_grows_while_the_work_goes_on(spent: list[float], forecast_s: float) -> None:
    now, on_step, shown = NOW, dict[int, float](), list[float]()
    for state, seconds in zip(ATTEMPT, spent, strict=True):
        journey = at(state, on_step, forecast_s=forecast_s)
        for part in (0.0, 0.5, 1.0):
            shown.append(shown_s(said(journey, now + timedelta(seconds=seconds * part))))
        now += timedelta(seconds=seconds)
        on_step[STEP_OF[state]] = on_step.get(STEP_OF[state], 0) + seconds
    # A rehearsal that measures more than was left of the signed minutes is believed: the one place where it may grow.
    measured = 3 * (ATTEMPT.index(State.REFRESHING))
    for number, (before, after) in enumerate(pairwise(shown), start=1):
        assert after <= before or number == measured


def test_work_counts_down_the_signed_minutes_from_the_end_of_the_wait() -> None:
    journey = at(State.INSTALLING, {})
    assert said(journey, NOW) == "about 3 min"
    assert said(journey, NOW + timedelta(seconds=65)) == "about 2 min"
    assert said(journey, NOW + timedelta(seconds=150)) == "about 30 s"


def test_plan_that_has_passed_is_not_shown_as_zero() -> None:
    late = remaining(at(State.INSTALLING, {}), MINUTES, Say("zh", SHANGHAI, NOW + timedelta(minutes=3)))
    assert late.overdue
    assert late.text == "比预计的久"


def test_without_the_till_the_measured_seconds_count() -> None:
    journey = at(State.MIGRATING, {}, forecast_s=12.2)
    assert said(journey, NOW) == "about 15 s"
    assert said(journey, NOW + timedelta(seconds=10)) == "about 5 s"


@pytest.mark.parametrize("state", [State.DOWNLOADING, State.CHECKING, State.WAITING])
def test_before_the_work_only_what_follows_is_known(state: State) -> None:
    assert said(at(state, {}), NOW + timedelta(hours=9)) == "about 3 min after that"


@pytest.mark.parametrize("state", [State.SELLING, State.FAILED])
def test_at_the_end_nothing_is_left_to_tell(state: State) -> None:
    assert said(at(state, {}), NOW) == ""


def test_clock_that_is_set_back_gives_no_time_back() -> None:
    journey = at(State.INSTALLING, {})
    assert said(journey, NOW - timedelta(hours=1)) == "about 3 min"


def test_release_without_signed_minutes_promises_nothing() -> None:
    assert remaining(at(State.INSTALLING, {}), 0, Say("en", SHANGHAI, NOW)).text == ""
