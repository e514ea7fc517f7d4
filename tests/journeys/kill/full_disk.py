"""A disk that runs full at a chosen operation of the agent, and has room again when a till sells."""

from collections import Counter

from evertill.protocol.journey import State
from tests.fakes.rig import until
from tests.journeys.kill.judge import judge
from tests.journeys.kill.kills import operations
from tests.journeys.kill.points import EXPECTED, NEEDS_ROOM, Operation, Story
from tests.journeys.kill.run import one_step_before, running
from tests.journeys.kill.tracer import Tracer


def operations_that_need_room(story: Story, state: State) -> list[int]:
    """The numbers of those operations of a step that a full disk refuses."""
    return [number for number, call in enumerate(operations(story, state), 1) if call.name in NEEDS_ROOM]


def fill_disk_at_operation(point: Operation) -> None:
    """From this operation on nothing more fits on the disk."""
    before = Counter(call.name for call in operations(point.story, point.state)[: point.number - 1])
    full = [f"{name}:error=ENOSPC:when={before[name] + 1}+" for name in NEEDS_ROOM]
    with running(one_step_before(point.story, point.state)) as run:
        with Tracer(run.reach(), run.log, *full) as tracer:
            run.let_go()
            until(lambda: tracer.says("ENOSPC") and run.rig.sells(), "a till sells on a full disk")
            run.await_sale()
        told = run.finish()
        judge(run, told, told.outcomes[0])
        assert told.outcomes[0] in {EXPECTED[point.story], "rolled_back"}
