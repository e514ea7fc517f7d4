"""Where a kill can happen: before and after every journaled transition, and before each file operation inside the dangerous steps.

Two journeys are killed: one that succeeds and one whose new till fails its second start and is rolled back; a third, whose till fails its
self-test, ends before the flip. A point names its victim; only processes that live at a transition can be victims there.
"""

from typing import Final, Literal, NamedTuple

from evertill.protocol.journey import State

Victim = Literal["agent", "till", "supervisor"]
Story = Literal["good", "second_start", "self_test", "slow_migrate"]  # "good", or the fault of the new till

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
TRACED: Final = (
    "write,pwrite64,pwritev,fsync,fdatasync,rename,renameat,renameat2,mkdir,mkdirat,unlink,unlinkat,rmdir,symlink,symlinkat,"
    "link,linkat,ftruncate,fchmod,chmod,fchmodat,copy_file_range,sendfile,vfork,clone,clone3"
)
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


def transitions() -> list[Transition]:
    points = []
    for story, states in _OWN_TRANSITIONS.items():
        for state in states:
            for when in ("before", "after"):
                points += [Transition(story, state, when, "agent"), Transition(story, state, when, "supervisor")]
                if state not in _NO_TILL[story]:
                    points.append(Transition(story, state, when, "till"))
    return points
