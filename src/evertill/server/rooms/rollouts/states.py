"""The states of an action and what a device's report makes of them: hawkBit's words, in tables to read on one screen."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from evertill.server.rooms.organisations.rules import Kind as NodeKind

if TYPE_CHECKING:
    from evertill.protocol.ddi import Execution, Finished


class State(StrEnum):
    """An action's state and, in its history, the type of a line."""

    SCHEDULED = "scheduled"  # waits until an older action of this terminal is out of the way
    RUNNING = "running"
    RETRIEVED = "retrieved"
    DOWNLOAD = "download"
    DOWNLOADED = "downloaded"
    WAIT_FOR_CONFIRMATION = "wait_for_confirmation"
    WARNING = "warning"
    FINISHED = "finished"
    ERROR = "error"
    CANCELING = "canceling"
    CANCELED = "canceled"
    CANCEL_REJECTED = "cancel_rejected"


class Kind(StrEnum):
    """hawkBit's assignment types."""

    SOFT = "soft"
    FORCED = "forced"
    TIMEFORCED = "timeforced"
    DOWNLOADONLY = "downloadonly"


class Origin(StrEnum):
    """Who brought the action about."""

    STAFF = "staff"
    ROLLOUT = "rollout"
    TERMINAL = "terminal"


class Link(StrEnum):
    """What a poll offers."""

    NONE = "none"
    CONFIRM = "confirm"
    DEPLOY = "deploy"
    CANCEL = "cancel"


CLOSED: Final = frozenset({State.FINISHED, State.ERROR, State.CANCELED})
OPEN: Final = frozenset(State) - CLOSED
# Not yet handed out: a report about the deployment makes no sense.
WAITING: Final = frozenset({State.WAIT_FOR_CONFIRMATION, State.SCHEDULED})
# Where tills stand side by side: a small merchant has its tills without a store.
SHOPS: Final = (NodeKind.STORE.value, NodeKind.MERCHANT.value)

_REPORTED: Final[dict[Execution, State]] = {
    "canceled": State.CANCELED,
    "rejected": State.WARNING,
    "download": State.DOWNLOAD,
    "downloaded": State.DOWNLOADED,
    "proceeding": State.RUNNING,
    "scheduled": State.RUNNING,
    "resumed": State.RUNNING,
}


def after_feedback(execution: Execution, finished: Finished, kind: Kind) -> State:
    """DDI facts §1: what a deployment report makes of the action."""
    if execution == "closed":
        return State.ERROR if finished == "failure" else State.FINISHED
    if execution == "downloaded" and kind is Kind.DOWNLOADONLY:
        return State.FINISHED
    return _REPORTED[execution]


def after_cancel_feedback(execution: Execution, finished: Finished) -> State:
    """DDI facts §1: what the answer to a cancellation makes of it. CANCEL_REJECTED: the action goes on."""
    if execution == "closed":
        return State.ERROR if finished == "failure" else State.CANCELED
    if execution == "rejected":
        return State.CANCEL_REJECTED
    return State.WARNING if execution == "canceled" else State.RUNNING
