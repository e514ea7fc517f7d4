"""When each step of the shop was finished: kept with the journey, and taken back with it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evertill.protocol.journey import STEP_OF, State
from evertill.terminal.agent.journey.journal import Journal, Journey, steps_behind

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
BEGUN = Journey(
    id="action-7", release=3, parts=(), from_generation=1, to_generation=2, began_at=NOON, entered_at=NOON
)  # fmt: skip


def travelled(*states: State) -> Journey:
    """Into one state after another, a minute each."""
    journey = BEGUN
    for minute, state in enumerate(states):
        finished_at = steps_behind(journey, state, NOON + timedelta(minutes=minute))
        journey = msgspec.structs.replace(journey, state=state, finished_at=finished_at)
    return journey


def minutes(journey: Journey) -> list[int | None]:
    return [None if at is None else int((at - NOON).total_seconds() // 60) for at in journey.finished_at]


@pytest.mark.parametrize(
    ("states", "finished"),
    [
        ((State.OFFERED, State.PREFLIGHT1, State.DOWNLOADING), []),
        ((State.DOWNLOADING, State.CHECKING, State.WAITING), [1, 2]),
        ((State.DOWNLOADING, State.CHECKING, State.WAITING, State.WAITING, State.BACKING_UP), [1, 2, 4]),
        # held again, or killed: what comes after the wait is to be done again
        ((State.DOWNLOADING, State.CHECKING, State.WAITING, State.BACKING_UP, State.INSTALLING, State.WAITING), [1, 2]),
        # what failed keeps what had been done
        ((State.DOWNLOADING, State.CHECKING, State.FAILED), [1]),
        # what runs already is only reported: no step is claimed
        ((State.SELLING,), [None] * 6),
    ],
)
def test_each_step_keeps_the_moment_it_was_left(states: tuple[State, ...], finished: list[int | None]) -> None:
    assert minutes(travelled(*states)) == finished


@given(st.lists(st.sampled_from(State), min_size=1, max_size=30))
def test_only_steps_behind_have_a_moment_and_none_lies_ahead(states: list[State]) -> None:
    journey = travelled(*states)
    known = [at for at in journey.finished_at if at]
    assert known == sorted(known)
    assert all(at < NOON + timedelta(minutes=len(states)) for at in known)
    if STEP_OF[journey.state]:
        assert len(journey.finished_at) == STEP_OF[journey.state] - 1


def test_moments_outlive_a_restart(tmp_path: Path) -> None:
    journey = travelled(State.DOWNLOADING, State.CHECKING, State.WAITING)
    Journal(tmp_path / "journey.json").save(journey)
    assert Journal(tmp_path / "journey.json").load() == journey
