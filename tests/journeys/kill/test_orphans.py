"""The agent killed while a child of its works: the child dies with it, and the journey ends well all the same."""

import os
import signal

import pytest

from evertill.protocol.journey import State
from evertill.terminal.processes import command_line
from tests.fakes.rig import until
from tests.journeys.kill.judge import judge
from tests.journeys.kill.run import children_of, fresh, running

pytestmark = [pytest.mark.journey, pytest.mark.kill]


@pytest.mark.parametrize("state", [State.REHEARSING, State.MIGRATING])
def test_agent_killed_while_its_migration_runs_takes_it_along(state: State) -> None:
    with running(fresh("slow_migrate", (state, "after"))) as run:
        agent = run.reach()
        run.let_go()
        until(lambda: any("migrate" in command_line(child) for child in children_of(agent)), "the migration runs")
        (child,) = children_of(agent)
        os.kill(agent, signal.SIGKILL)
        until(lambda: "migrate" not in command_line(child), "the migration is gone too")
        judge(run, run.finish())
