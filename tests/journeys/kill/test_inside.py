"""The agent killed at one of its operations, inside the steps that change the disk: a seeded sample of the points that `make kill` runs in full."""

import pytest

from evertill.protocol.journey import State
from tests.journeys.kill.kills import kill_at_flush, kill_at_operation, operations
from tests.journeys.kill.points import INSIDE, THREADS, Operation, Story, Thread
from tests.journeys.kill.sample import flush_at, label, places

pytestmark = [pytest.mark.journey, pytest.mark.kill]


@pytest.mark.parametrize(("step", "share"), places(INSIDE, 5, 4, "inside"), ids=label)
def test_agent_killed_inside_a_step_leaves_one_proven_till_with_every_sale(
    step: tuple[Story, State], share: float
) -> None:
    kill_at_operation(Operation(*step, 1 + int(share * len(operations(*step)))))


@pytest.mark.parametrize(("thread", "share"), places(THREADS, 1, 4, "own agent"), ids=label)
def test_agent_that_nobody_watches_killed_at_a_flush_leaves_one_proven_till_with_every_sale(
    thread: Thread, share: float
) -> None:
    kill_at_flush(flush_at(share, thread))
