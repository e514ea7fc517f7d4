"""How an action's stored state changes: one `UPDATE … WHERE id AND state`, one line of history, one audit row where somebody should be able to ask later.

Rules kept here: whoever changes a terminal's actions holds that terminal's lock first; a change that finds another state changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db.models import F

from evertill.protocol.ddi import MAX_STATUSES_PER_ACTION
from evertill.server.rooms.audit import service as audit
from evertill.server.rooms.audit.actor import Actor
from evertill.server.rooms.fleet import queries as fleet
from evertill.server.rooms.rollouts.models import Action, ActionStatus
from evertill.server.rooms.rollouts.states import CLOSED, State

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from evertill.server.rooms.fleet.models import Terminal

QUEUE: Final = Actor.system("queue")
_AUDITED: Final = CLOSED | {State.RETRIEVED, State.CANCELING}


def lock(terminal_id: int) -> Terminal:
    """The terminal's row, held until the transaction ends: what is done to its actions is done one after the other."""
    [terminal] = fleet.lock([terminal_id])
    return terminal


def move(
    action: Action,
    to: State,
    actor: Actor,
    now: datetime,
    *,
    messages: Sequence[str] = (),
    code: int | None = None,
    line: State | None = None,
    **sets: Any,
) -> bool:
    """From the state that was read to `to`, closing it where `to` is an end; False when somebody else was faster."""
    if to in CLOSED:
        sets["closed_at"] = now
    if to in {State.CANCELED, State.ERROR}:
        sets["expires_at"] = None  # nothing is awaited any more
    if not Action.objects.filter(pk=action.pk, state=action.state).update(state=to, **sets):
        return False
    action.state = to
    for name, value in sets.items():
        setattr(action, name, value)
    write_line(action, line or to, now, messages, code, always=to in CLOSED)
    if to in _AUDITED:
        record(action, f"action.{to.value.replace('_', '-')}", actor, now)
    return True


def write_line(
    action: Action,
    line: State,
    now: datetime,
    messages: Sequence[str] = (),
    code: int | None = None,
    *,
    always: bool = False,
) -> None:
    """One line of history; past the quota it is only counted, unless it closes the action."""
    mine = Action.objects.filter(pk=action.pk)
    if not always and not mine.filter(statuses__lt=MAX_STATUSES_PER_ACTION).update(statuses=F("statuses") + 1):
        mine.update(unstored=F("unstored") + 1)
        return
    if always:
        mine.update(statuses=F("statuses") + 1)
    ActionStatus.objects.create(action=action, type=line, at=now, code=code, messages=list(messages))


def record(action: Action, act: str, actor: Actor, now: datetime, **details: Any) -> None:
    audit.record(
        actor,
        act,
        kind="action",
        ref=str(action.pk),
        node=action.terminal.node.address,
        details={"terminal": action.terminal.serial, **details},
        now=now,
    )


def open_of_many(terminal_ids: Collection[int]) -> list[Action]:
    """Open actions of many terminals in one query, in the order they are worked on: what is scheduled comes last."""
    rows = Action.objects.select_related("terminal__node", "release").filter(
        terminal_id__in=terminal_ids, closed_at=None
    )
    return sorted(rows, key=lambda action: (action.state == State.SCHEDULED, action.pk))


def promote(terminal_id: int, now: datetime) -> None:
    """What was scheduled behind an older action runs when nothing older is open any more."""
    actions = open_of_many([terminal_id])
    if actions and actions[0].state == State.SCHEDULED:
        first = actions[0]
        move(first, State.WAIT_FOR_CONFIRMATION if first.confirmation_required else State.RUNNING, QUEUE, now)
