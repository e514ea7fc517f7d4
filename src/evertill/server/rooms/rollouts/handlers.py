"""What this room does when something below it happens, in the same transaction, and the queued work of large changes."""

from __future__ import annotations

from typing import Final

from evertill.server.rooms.audit import service as audit
from evertill.server.rooms.audit.actor import Actor
from evertill.server.rooms.catalog.events import ReleaseTakenBack
from evertill.server.rooms.fleet.events import AttributesReported
from evertill.server.rooms.kernel.events import Handler
from evertill.server.rooms.kernel.jobs import PieceHandler
from evertill.server.rooms.policies.events import PoliciesChanged, SwitchedOff
from evertill.server.rooms.rollouts import asking, linking
from evertill.server.rooms.rollouts.service import assigning, groups, moving, proofs, situations, standing
from evertill.server.rooms.rollouts.states import State

SWITCHED_OFF: Final = Actor.system("switched-off")
TAKEN_BACK: Final = Actor.system("release-taken-back")


def on_policies_changed(event: PoliciesChanged) -> None:
    standing.refresh(event.terminal_ids, event.now)


def on_switched_off(event: SwitchedOff) -> None:
    """What a terminal fetched and nobody asked for is asked back, unless a critical date carries it in spite of *never*."""
    actions = [
        action
        for action in moving.open_of_many(event.terminal_ids)
        if action.retrieved_at is not None and action.state != State.CANCELING
    ]
    decided = asking.decisions([asking.about(action) for action in actions], event.now)
    unwanted = [action for action, decision in zip(actions, decided, strict=True) if linking.cutting(action, decision)]
    assigning.take_back(unwanted, event.now)
    for action in unwanted:
        moving.record(action, "action.canceling", SWITCHED_OFF, event.now)


def on_release_taken_back(event: ReleaseTakenBack) -> None:
    """No offers any more; its rollouts and open actions end."""
    groups.stop_all_of(event.release_id, event.now)
    count = groups.cancel_where({"release_id": event.release_id}, event.now)
    audit.record(
        TAKEN_BACK,
        "action.cancel-all",
        kind="release",
        ref=str(event.release_id),
        details={"actions": count},
        now=event.now,
    )


# The rooms below resolve policies first, so that TerminalsChanged arrives here as PoliciesChanged.
HANDLERS: Final = (
    Handler(AttributesReported, proofs.on_attributes_reported),
    Handler(SwitchedOff, on_switched_off),
    Handler(PoliciesChanged, on_policies_changed),
    Handler(ReleaseTakenBack, on_release_taken_back),
)
QUEUE: Final = (
    PieceHandler(groups.OPEN_GROUP, groups.open_piece),
    PieceHandler(groups.CANCEL, groups.cancel_piece),
    PieceHandler(groups.FOLLOW, groups.follow_piece),
    PieceHandler(situations.NOTE_WAITING, situations.note_waiting_piece),
)
