"""The same kills with the real server at the other end: afterwards its own history says what happened, and is asked.

Some kill an agent that nothing of ours watches or holds; the other processes are killed, or the plug pulled, at journaled transitions.
"""

from collections.abc import Iterator

import pytest

from tests.journeys.kill.kills import kill_at_flush, kill_at_transition
from tests.journeys.kill.points import THREADS, Story, Thread, Transition
from tests.journeys.kill.real_door import RealDoor, RealServer
from tests.journeys.kill.sample import flush_at, label, places, sampled_transitions

pytestmark = [pytest.mark.journey, pytest.mark.kill]
TRANSITIONS = sampled_transitions(8, "real server")
FLUSHES = places(THREADS, 1, 4, "real server")


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Iterator[RealDoor]]:
    """One for each test, in their order."""
    stories: list[Story] = [point.story for point in TRANSITIONS]
    stories += ["good"] * len(FLUSHES)
    with RealServer(tmp_path_factory.mktemp("office")) as server:
        yield iter(server.doors(stories))


@pytest.mark.parametrize("point", TRANSITIONS, ids=lambda point: point.name)
def test_server_knows_the_truth_after_a_kill_at_a_transition(point: Transition, doors: Iterator[RealDoor]) -> None:
    kill_at_transition(point, next(doors))


@pytest.mark.parametrize(("thread", "share"), FLUSHES, ids=label)
def test_server_knows_the_truth_after_a_kill_at_a_flush(
    thread: Thread, share: float, doors: Iterator[RealDoor]
) -> None:
    kill_at_flush(flush_at(share, thread), next(doors))
