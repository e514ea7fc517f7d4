"""One kill each, and the judgement after it: at a transition, at a file operation of the agent, at a flush of an agent nobody watches."""

from functools import cache
from pathlib import Path

from evertill.protocol.journey import State
from tests.fakes.rig import until
from tests.journeys.kill.doors import Door
from tests.journeys.kill.judge import judge
from tests.journeys.kill.points import Flush, Operation, Story, Thread, Transition
from tests.journeys.kill.run import Run, fresh, one_step_before, running
from tests.journeys.kill.tracer import Call, Tracer, calls, fatal, until_next_transition


def kill_at_transition(point: Transition, door: Door | None = None) -> None:
    trip = (point.state, point.when)
    with running(fresh(point.story, trip, door=door, screen=point.victim == "everything")) as run:
        run.kill(point.victim, run.reach())
        judge(run, run.finish())


@cache
def operations(story: Story, state: State) -> list[Call]:
    """The file operations of the journey's thread between entering `state` and entering the next one, in a run nobody disturbs."""
    with running(one_step_before(story, state)) as run, Tracer(run.reach(), run.log) as tracer:
        run.let_go()
        until(lambda: until_next_transition(tracer.lines()), "the next transition")
        return until_next_transition(tracer.lines())


def kill_at_operation(point: Operation) -> None:
    known = operations(point.story, point.state)
    with running(one_step_before(point.story, point.state)) as run:
        tracer = Tracer(run.reach(), run.log, *fatal(known, point.number))
        run.let_go()
        tracer.await_kill()
        judge(run, run.finish())


@cache
def flushes(thread: Thread) -> int:
    """How often a thread of the agent flushes to the disk, from the offer to the report."""
    with running(fresh("good")) as run:
        run.rig.start()
        with Tracer(_own_thread(run, thread), run.log, traced=("fsync",)) as tracer:
            run.finish()
            return len(calls(tracer.lines()))


def kill_at_flush(point: Flush, door: Door | None = None) -> None:
    """The agent is the very process the supervisor starts by itself; nothing of ours is in it."""
    with running(fresh(point.story, door=door)) as run:
        run.rig.start()
        fatal_flush = f"fsync:signal=SIGKILL:when={point.number}"
        Tracer(_own_thread(run, point.thread), run.log, fatal_flush, traced=("fsync",)).await_kill()
        judge(run, run.finish())


def _own_thread(run: Run, thread: Thread) -> int:
    """The kernel's number of it: the journey has the main thread, the polls the first that this one started (`agent/main.py`)."""
    agent = run.own_agent()
    if thread == "journey":
        return agent
    until(lambda: len(_threads(agent)) > 1, "its threads run")
    return _threads(agent)[1]


def _threads(pid: int) -> list[int]:
    return sorted(int(entry.name) for entry in Path(f"/proc/{pid}/task").iterdir())
