"""Which kills a run makes: all of them, by groups, for `make kill`; and for `make test` a sample drawn by one seed, so that a run can be repeated.

A group shares what is prepared for its points, so whoever runs one runs it in one process. At the real server, and at the flushes of an agent nobody
watches, `make kill` draws too: the first are slow, the second fall between operations that are all killed elsewhere.
"""

import os
import random
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final, NamedTuple, TypeAlias, TypeVar

from evertill.protocol.journey import State
from tests.fakes.components import work_folder
from tests.journeys.kill.kills import flushes, kill_at_flush, kill_at_operation, kill_at_transition, operations
from tests.journeys.kill.kills_beside import (
    kill_at_supervisor_operation,
    kill_at_till_operation,
    supervisor_operations,
    till_operations,
)
from tests.journeys.kill.points import (
    INSIDE,
    SCENES,
    THREADS,
    TILL_WORK,
    VICTIMS,
    Command,
    Flush,
    Operation,
    Scene,
    Story,
    SupervisorOperation,
    Thread,
    TillOperation,
    Transition,
    transitions,
)
from tests.journeys.kill.real_door import RealDoor, RealServer

SEED: Final = os.environ.get("EVERTILL_KILL_SEED") or str(random.randrange(10**6))
_TOGETHER: Final = 14  # transitions, which share little
_TRANSITIONS_AT_REAL_SERVER: Final = 20
_FLUSHES_AT_REAL_SERVER: Final = 4  # of each thread
_FLUSHES: Final = 16  # of each thread
_LAST: Final = 0.85  # of the flushes: a journey may need a few less than when they were counted

T = TypeVar("T")
Kill: TypeAlias = tuple[str, Callable[[], None]]


class Group(NamedTuple):
    """`kills`: its points by name, one after the other; what they need is there as long as they are asked for."""

    name: str
    kills: Callable[[], Iterator[Kill]]


def groups() -> list[Group]:
    """The longest first."""
    known = transitions()
    parts = [known[at : at + _TOGETHER] for at in range(0, len(known), _TOGETHER)]
    return [
        Group("at the real server", _at_real_server),
        *(Group(f"{story}: inside {state}", partial(_inside, story, state)) for story, state in INSIDE),
        *(Group(f"transitions from {part[0].name}", partial(_transitions, part)) for part in parts),
        *(Group(f"new till in {command} {turn}", partial(_till_work, command, turn)) for command, turn in TILL_WORK),
        Group("own agent", _own_agent),
        *(Group(f"supervisor, {scene}", partial(_scene, scene)) for scene in SCENES),
    ]


def draw(purpose: str) -> random.Random:
    """The dice for one purpose: what one sample draws changes no other."""
    return random.Random(f"{SEED} {purpose}")


def sampled_transitions(number: int, purpose: str) -> list[Transition]:
    """Each victim its share, and no point twice."""
    known, dice = transitions(), draw(purpose)
    dice.shuffle(known)
    by_victim = [[point for point in known if point.victim == victim] for victim in VICTIMS]
    return [by_victim[at % len(by_victim)].pop() for at in range(number)]


def shares(number: int, purpose: str) -> list[float]:
    """Places in something whose length is not known yet: one in each of so many equal parts."""
    dice = draw(purpose)
    return [round((at + dice.random()) / number, 3) for at in range(number)]


def label(value: object) -> str:
    """A parameter as the name of a test shows it."""
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def places(of: Sequence[T], number: int, each: int, purpose: str) -> list[tuple[T, float]]:
    """Some of these, as listing what can happen in one takes runs of its own; in each of them so many places."""
    chosen = draw(purpose).sample(of, number)
    return [(one, share) for one in chosen for share in shares(each, f"{purpose} {one}")]


def flush_at(share: float, thread: Thread) -> Flush:
    return Flush(thread, 1 + int(share * _LAST * flushes(thread)))


def kill_at_real_server(point: Transition | Flush, door: RealDoor) -> None:
    if isinstance(point, Transition):
        kill_at_transition(point, door)
    else:
        kill_at_flush(point, door)


def _at_real_server() -> Iterator[Kill]:
    points: list[Transition | Flush] = [
        *sampled_transitions(_TRANSITIONS_AT_REAL_SERVER, "at the real server"),
        *_flushes(_FLUSHES_AT_REAL_SERVER, "at the real server"),
    ]
    with RealServer(work_folder("office")) as server:
        for point, door in zip(points, server.doors([point.story for point in points]), strict=True):
            yield f"real server: {point.name}", partial(kill_at_real_server, point, door)


def _flushes(number: int, purpose: str) -> list[Flush]:
    """So many of each thread."""
    return [flush_at(share, thread) for thread in THREADS for share in shares(number, f"{purpose}, {thread}")]


def _inside(story: Story, state: State) -> Iterator[Kill]:
    for number in range(1, len(operations(story, state)) + 1):
        point = Operation(story, state, number)
        yield point.name, partial(kill_at_operation, point)


def _transitions(points: list[Transition]) -> Iterator[Kill]:
    for point in points:
        yield point.name, partial(kill_at_transition, point)


def _till_work(command: Command, turn: int) -> Iterator[Kill]:
    for number in range(1, len(till_operations(command, turn)) + 1):
        point = TillOperation(command, turn, number)
        yield point.name, partial(kill_at_till_operation, point)


def _own_agent() -> Iterator[Kill]:
    for point in _flushes(_FLUSHES, "own agent"):
        yield point.name, partial(kill_at_flush, point)


def _scene(scene: Scene) -> Iterator[Kill]:
    for number in range(1, len(supervisor_operations(scene)) + 1):
        point = SupervisorOperation(scene, number)
        yield point.name, partial(kill_at_supervisor_operation, point)
