"""A disk that runs full at any point of a journey: the shop sells on, and when there is room again the journey ends well.

Source of the offsets: the same file operations that the kill tests list.
"""

import pytest

from evertill.protocol.journey import State
from tests.journeys.kill.full_disk import fill_disk_at_operation, operations_that_need_room
from tests.journeys.kill.points import INSIDE, Operation, Story
from tests.journeys.kill.sample import label, places

pytestmark = pytest.mark.journey


@pytest.mark.parametrize(("step", "share"), places(INSIDE, 5, 4, "full disk"), ids=label)
def test_full_disk_stops_no_sale_and_loses_none(step: tuple[Story, State], share: float) -> None:
    numbers = operations_that_need_room(*step)
    fill_disk_at_operation(Operation(*step, numbers[int(share * len(numbers))]))
