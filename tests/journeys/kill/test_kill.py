"""A terminal killed anywhere keeps its promises: a seeded sample of the points that `python -m tests.journeys.kill` runs in full.

The seed is part of each test's name; EVERTILL_KILL_SEED repeats a run.
"""

import os
import random
import shutil

import pytest

from evertill.protocol.journey import State
from tests.journeys.kill.harness import kill_at_operation, kill_at_transition, operations
from tests.journeys.kill.points import INSIDE, Operation, Story, Transition, transitions

# Workers of one run must draw the same sample, so they share the run's id where there is one.
SEED = (
    os.environ.get("EVERTILL_KILL_SEED") or os.environ.get("PYTEST_XDIST_TESTRUNUID", str(random.randrange(10**6)))[:6]
)
_DRAW = random.Random(SEED)
TRANSITIONS = _DRAW.sample(transitions(), 36)
SHARES = [(story, state, _DRAW.random()) for story, state in INSIDE for _ in range(3)]

pytestmark = [pytest.mark.journey, pytest.mark.kill]


@pytest.mark.parametrize("point", TRANSITIONS, ids=lambda point: f"seed {SEED}, {point.name}")
def test_kill_at_a_transition_leaves_one_proven_till_with_every_sale(point: Transition) -> None:
    kill_at_transition(point)


@pytest.mark.parametrize(
    ("story", "state", "share"), SHARES, ids=[f"seed {SEED}, {s} {t}, {x:.2f}" for s, t, x in SHARES]
)
def test_kill_inside_a_step_leaves_one_proven_till_with_every_sale(story: Story, state: State, share: float) -> None:
    assert shutil.which("strace"), "strace is needed to kill at a chosen file operation: apt-get install strace"
    number = 1 + int(share * len(operations(story, state)))
    kill_at_operation(Operation(story, state, number))
