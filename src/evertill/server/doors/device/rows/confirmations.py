"""Rows 9, 10 and 11: an action that waits for a person's word, for clients that ask it themselves. Ours use `offers` instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertill.protocol import ddi
from evertill.server.doors.device import answer
from evertill.server.doors.device.poll import shown_link
from evertill.server.doors.device.rows.deployments import as_message
from evertill.server.rooms.rollouts import service
from evertill.server.rooms.rollouts.states import Link

if TYPE_CHECKING:
    from evertill.server.doors.device.answer import Answer
    from evertill.server.doors.device.call import Call


def overview(call: Call) -> Answer:
    """Row 9. Automatic confirmation does not exist here: a manual policy means a person."""
    standing = call.visitor.standing
    waits = shown_link(standing, call.now) is Link.CONFIRM and standing.action_id is not None
    links = (
        {ddi.CONFIRMATION_BASE: ddi.Link(call.links(ddi.CONFIRMATION_BASE, standing.action_id or 0))} if waits else {}
    )
    return answer.json(ddi.ConfirmationOverview(ddi.AutoConfirm(active=False), links))


def confirmation(call: Call) -> Answer:
    """Row 10."""
    (action_id,) = call.numbers
    found = service.confirmation(call.terminal_id, action_id, call.now, history=call.history)
    return answer.json(ddi.ConfirmationBase(str(found.action_id), as_message(found, call.links), found.history))


def report(call: Call, message: ddi.ConfirmationFeedback) -> Answer:
    """Row 11."""
    (action_id,) = call.numbers
    service.confirmation_feedback(call.terminal_id, action_id, message, call.now)
    return answer.DONE
