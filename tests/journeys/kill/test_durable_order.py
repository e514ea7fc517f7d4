"""A power cut forgets what was never flushed, and no SIGKILL shows it: so the order of writes, flushes and names is judged by itself (`disk.py`)."""

import pytest

from evertill.protocol.journey import State
from tests.journeys.kill.disk import OPTIONS, TRACED, Disk
from tests.journeys.kill.judge import judge
from tests.journeys.kill.points import Story
from tests.journeys.kill.run import fresh, running
from tests.journeys.kill.tracer import Tracer

pytestmark = pytest.mark.journey
LAST = {"good": State.COMMITTED, "second_start": State.ROLLING_BACK, "self_test": State.FAILED}


@pytest.mark.parametrize("story", LAST)
def test_nothing_has_a_name_before_it_is_durable_and_nothing_happens_before_it_is_journaled(story: Story) -> None:
    with running(fresh(story)) as run:
        run.rig.start()
        with Tracer(run.own_agent(), run.log, options=OPTIONS, traced=TRACED) as tracer:
            judge(run, run.finish())
        disk = Disk(str(run.home))
        disk.watch(tracer.lines())
    assert not disk.problems, "\n".join(disk.problems)
    assert LAST[story] in disk.states
    assert disk.states[-1] is State.REPORTED
