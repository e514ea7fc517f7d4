"""A disk that runs full at any point of a journey: the shop sells on, and when there is room again the journey ends well.

Source of the offsets: the same file operations that the kill tests list.
"""

import random

import pytest

from evertill.protocol.journey import State
from tests.journeys.kill.harness import fill_disk_at_operation, operations_that_need_room
from tests.journeys.kill.points import INSIDE, Operation, Story
from tests.journeys.kill.test_kill import SEED

_DRAW = random.Random(SEED)
OFFSETS = [(story, state, _DRAW.random()) for story, state in INSIDE for _ in range(2)]

pytestmark = [pytest.mark.journey, pytest.mark.kill]


@pytest.mark.parametrize(
    ("story", "state", "share"), OFFSETS, ids=[f"seed {SEED}, {s} {t}, {x:.2f}" for s, t, x in OFFSETS]
)
def test_full_disk_stops_no_sale_and_loses_none(story: Story, state: State, share: float) -> None:
    numbers = operations_that_need_room(story, state)
    fill_disk_at_operation(Operation(story, state, numbers[int(share * len(numbers))]))
