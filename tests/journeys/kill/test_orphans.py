"""The agent killed while a child of its works: the child dies with it, and the journey ends well all the same."""

import os
import signal
from pathlib import Path

import pytest

from evertill.protocol.journey import State
from evertill.terminal.processes import command_line
from tests.fakes.rig import until
from tests.journeys.kill.harness import Cashier, Run, judge

pytestmark = [pytest.mark.journey, pytest.mark.kill]


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.parametrize("state", [State.REHEARSING, State.MIGRATING])
def test_agent_killed_while_its_migration_runs_takes_it_along(state: State) -> None:
    run = Run("slow_migrate", state, "after", fresh=True)
    try:
        with Cashier(run.rig) as cashier:
            agent = run.reach()
            run.let_go()
            until(lambda: any("migrate" in command_line(child) for child in children_of(agent)), "the migration runs")
            (child,) = children_of(agent)
            os.kill(agent, signal.SIGKILL)
            until(lambda: "migrate" not in command_line(child), "the migration is gone too")
            run.finish()
        judge(run, cashier, "committed")
    finally:
        run.close()
