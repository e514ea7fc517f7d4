"""Kills of those that work beside the agent: the new till at each thing it is asked to do, and the supervisor.

A killed till is a till that did not pass: nobody tries it twice, so the journey ends as `TILL_WORK` says. A killed supervisor changes nothing about how a
journey ends, except where it takes an unmarked link back itself: then the journey that had left it there must notice.
"""

from functools import cache

from tests.fakes.rig import until
from tests.journeys.kill.judge import judge
from tests.journeys.kill.points import SCENES, TILL_WORK, Command, Scene, SupervisorOperation, TillOperation
from tests.journeys.kill.run import END_WITHIN_S, Run, fresh, one_step_before, running
from tests.journeys.kill.tracer import CHANGES, SUPERVISES, Call, Tracer, calls, fatal, strace

PATIENCE_S = 0.5  # of a supervisor that is to take a link back while the test waits
LONG_PATIENCE_S = 30.0


@cache
def till_operations(command: Command, turn: int) -> list[Call]:
    """What the new till does to files from the beginning of this command until it has ended, or listens."""
    with running(_held(command, turn)) as run, Tracer(run.reach(), run.log, traced=(*CHANGES, "listen")) as tracer:
        run.let_go()
        until(lambda: tracer.says("listen(") or tracer.says("+++ exited"), "its work is done")
        return [call for call in calls(tracer.lines()) if call.name != "listen"]


def kill_at_till_operation(point: TillOperation) -> None:
    known = till_operations(point.command, point.turn)
    with running(_held(point.command, point.turn)) as run:
        tracer = Tracer(run.reach(), run.log, *fatal(known, point.number))
        run.let_go()
        tracer.await_kill()
        judge(run, run.finish(), TILL_WORK[point.command, point.turn])


def _held(command: Command, turn: int) -> Run:
    run = fresh("good")
    run.hold_till(command, turn)
    return run


@cache
def supervisor_operations(scene: Scene) -> list[Call]:
    """What a supervisor does that starts in this scene, until the journey is over and a till sells."""
    with running(_scene(scene)) as run:
        _start(run, scene)
        if scene == "falling back":
            until(lambda: run.rig.generations.current() == 1 and run.rig.sells(), "the link goes back", END_WITHIN_S)
        else:
            run.finish()
        return calls(run.log.read_text().splitlines())


def kill_at_supervisor_operation(point: SupervisorOperation) -> None:
    known = supervisor_operations(point.scene)
    with running(_scene(point.scene)) as run:
        _start(run, point.scene, *fatal(known, point.number))
        assert run.rig.process is not None
        run.rig.process.wait(END_WITHIN_S)
        assert "+++ killed by SIGKILL +++" in run.log.read_text(), "it died, but not of this"
        taken_back = run.rig.generations.current() == 1 and point.scene == "falling back"
        run.awaken_agent()
        run.rig.start()
        judge(run, run.finish(), "rolled_back" if taken_back else "committed")


def _scene(scene: Scene) -> Run:
    run = one_step_before("good", SCENES[scene], waiting=False)
    if scene == "falling back":
        run.lull_agent()
    return run


def _start(run: Run, scene: Scene, *injections: str) -> None:
    command = strace(run.log, *injections, traced=(*CHANGES, *SUPERVISES))
    run.rig.launch(*command, grace_s=PATIENCE_S if scene == "falling back" else LONG_PATIENCE_S)
