"""A process killed, or the plug pulled, before or after a journaled transition: a seeded sample of the points that `make kill` runs in full."""

import pytest

from tests.journeys.kill.kills import kill_at_transition
from tests.journeys.kill.points import Transition
from tests.journeys.kill.sample import sampled_transitions

pytestmark = [pytest.mark.journey, pytest.mark.kill]


@pytest.mark.parametrize("point", sampled_transitions(24, "transitions"), ids=lambda point: point.name)
def test_kill_at_a_transition_leaves_one_proven_till_with_every_sale(point: Transition) -> None:
    kill_at_transition(point)
