"""What every step of a journey is: one repeatable action that ends in exactly one of a few ways.

    returns Done(journey)     it is done; the record may have learned something       → ON_OK
    returns NotYet(reasons)   something holds it, nothing is wrong                     → ON_HOLD, tried again at `again_at`
    raises StepFailed         the new version, or this terminal, did not pass           → ON_FAIL
    raises ProtocolRefused    the world said no, with a code                           → ON_FAIL
    raises ActionDropped      the server took the action back                          → ended without an outcome
    raises OSError            the disk said no: before the flip that holds, after it → ON_FAIL

A step may be killed at any instant and is then run again, so it looks before it acts. It never saves the journal: the machine
does, before each step.
"""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple, Protocol, TypeAlias

from evertill.protocol.reasons import Reason
from evertill.terminal.agent.journey.journal import Journey


class Done(NamedTuple):
    journey: Journey


class NotYet(NamedTuple):
    """Held, by these reasons; without `again_at` the machine asks again after its own pause."""

    reasons: tuple[Reason, ...]
    again_at: datetime | None = None


class StepFailed(Exception):
    """The action cannot succeed; the message says in a few words what did not pass."""


class ActionDropped(Exception):
    """The action was cancelled, or its release withdrawn, before anything was switched."""


class Step(Protocol):
    def run(self, journey: Journey, now: datetime) -> Done | NotYet:
        """Do it, or find it done."""


Question: TypeAlias = Callable[[Journey, datetime], NotYet | None]
"""Asked of the rest of the agent: what holds this journey here? None = nothing. May raise what a step may raise."""


class Asking:
    """A step that only asks: whoever knows does the work and says whether it is done."""

    def __init__(self, question: Question) -> None:
        self._question = question

    def run(self, journey: Journey, now: datetime) -> Done | NotYet:
        return self._question(journey, now) or Done(journey)
