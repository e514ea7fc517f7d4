"""Where a kill can happen: before and after every journaled transition, and before each file operation inside the dangerous steps.

Two journeys are killed: one that succeeds and one whose new till fails its second start and is rolled back; a third, whose till fails its
self-test, ends before the flip. A point names its victim; only processes that live at a transition can be victims there. *Everything* is the
pulled plug: supervisor, agent, till, screen and what they were running, in one go.
"""

from typing import Final, Literal, NamedTuple

from evertill.protocol.journey import State

Victim = Literal["agent", "till", "supervisor", "everything"]
Thread = Literal["journey", "polls"]  # the agent's: what it does to this terminal, and its conversation with the server
THREADS: Final[tuple[Thread, ...]] = ("journey", "polls")
VICTIMS: Final[tuple[Victim, ...]] = ("everything", "agent", "till", "supervisor")
Story = Literal["good", "second_start", "self_test", "slow_migrate"]  # "good", or the fault of the new till
OLD: Final = "1.0.0"
# A version of its own for each story: a name stands for one content for ever.
NEW: Final[dict[Story, str]] = {"good": "1.1.0", "slow_migrate": "1.1.1", "self_test": "1.1.2", "second_start": "1.1.3"}
EXPECTED: Final[dict[Story, str]] = {
    "good": "committed",
    "slow_migrate": "committed",
    "second_start": "rolled_back",
    "self_test": "failed",
}

S = State
_FORWARD: Final = (
    S.OFFERED, S.CONSENT, S.PREFLIGHT1, S.DOWNLOADING, S.CHECKING, S.WAITING, S.PREFLIGHT2, S.BACKING_UP, S.INSTALLING,
    S.REHEARSING, S.REFRESHING, S.QUIESCING, S.MIGRATING, S.SWITCHING, S.PROVING, S.COMMITTED, S.SELLING, S.REPORTED,
)  # fmt: skip
# Entering these, no till lives: the old one was stopped, or the new one has not been started or did not survive its second start.
_NO_TILL: Final = {
    "good": {S.MIGRATING, S.SWITCHING, S.PROVING},
    "second_start": {S.MIGRATING, S.SWITCHING, S.PROVING, S.ROLLING_BACK},
    "self_test": set[State](),
}
_OWN_TRANSITIONS: Final[dict[Story, tuple[State, ...]]] = {
    "good": _FORWARD,
    "second_start": (S.ROLLING_BACK, S.REPORTED),
    "self_test": (S.FAILED, S.REPORTED),
}
NEEDS_ROOM: Final = ("write", "pwrite64", "mkdir", "symlink", "ftruncate")  # renames and removals need none
# The steps whose insides are killed, in the journey in which they happen.
INSIDE: Final[tuple[tuple[Story, State], ...]] = (
    ("good", S.BACKING_UP),
    ("good", S.INSTALLING),
    ("good", S.REHEARSING),
    ("good", S.MIGRATING),
    ("good", S.SWITCHING),
    ("good", S.PROVING),
    ("good", S.COMMITTED),
    ("good", S.REPORTED),
    ("second_start", S.ROLLING_BACK),
    ("self_test", S.FAILED),
)
# What the new till is asked to do in a journey, in this order, and how the journey ends when it dies of it: nobody tries a till twice.
Command = Literal["migrate", "self-test", "start"]
TILL_WORK: Final[dict[tuple[Command, int], str]] = {
    ("migrate", 1): "failed",  # rehearsing
    ("self-test", 1): "failed",
    ("migrate", 2): "failed",  # migrating
    ("start", 1): "rolled_back",  # proving
    ("self-test", 2): "rolled_back",
    ("start", 2): "rolled_back",
}
# A supervisor's start after the power came back in a state; or an unmarked link that no agent vouches for, which it takes back itself.
Scene = Literal["migrating", "proving", "selling", "falling back"]
SCENES: Final[dict[Scene, State]] = {
    "migrating": S.MIGRATING,
    "proving": S.PROVING,
    "selling": S.SELLING,
    "falling back": S.PROVING,
}


class Transition(NamedTuple):
    story: Story
    state: State
    when: Literal["before", "after"]
    victim: Victim

    @property
    def name(self) -> str:
        return f"{self.story}: {self.victim} {self.when} {self.state}"


class Operation(NamedTuple):
    """Before the `number`th file operation of the agent after it entered `state`."""

    story: Story
    state: State
    number: int

    @property
    def name(self) -> str:
        return f"{self.story}: agent in {self.state}, operation {self.number}"


class Flush(NamedTuple):
    """Before the `number`th flush to the disk that a thread of the agent makes on the way from the offer to the report."""

    thread: Thread
    number: int

    @property
    def story(self) -> Story:
        return "good"

    @property
    def name(self) -> str:
        return f"{self.story}: own agent at flush {self.number} of its {self.thread}"


class TillOperation(NamedTuple):
    """Before the `number`th file operation of the new till in the `turn`th run of one of its commands."""

    command: Command
    turn: int
    number: int

    @property
    def name(self) -> str:
        return f"new till in {self.command} {self.turn}, operation {self.number}"


class SupervisorOperation(NamedTuple):
    """Before the `number`th operation of a supervisor that starts in `scene`."""

    scene: Scene
    number: int

    @property
    def name(self) -> str:
        return f"supervisor, {self.scene}, operation {self.number}"


def transitions() -> list[Transition]:
    points: list[Transition] = []
    for story, states in _OWN_TRANSITIONS.items():
        for state in states:
            for when in ("before", "after"):
                points += [Transition(story, state, when, victim) for victim in ("agent", "supervisor", "everything")]
                if state not in _NO_TILL[story]:
                    points.append(Transition(story, state, when, "till"))
    return points
