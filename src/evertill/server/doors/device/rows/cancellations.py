"""Rows 4 and 5: asking a device to stop, and its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertill.protocol import ddi
from evertill.server.doors.device import answer
from evertill.server.rooms.rollouts import service

if TYPE_CHECKING:
    from evertill.server.doors.device.answer import Answer
    from evertill.server.doors.device.call import Call


def cancellation(call: Call) -> Answer:
    """Row 4."""
    (action_id,) = call.numbers
    stop_id = str(service.cancellation(call.terminal_id, action_id))
    return answer.json(ddi.CancelAction(id=stop_id, cancel_action=ddi.StopId(stop_id)))


def report(call: Call, message: ddi.Feedback) -> Answer:
    """Row 5."""
    (action_id,) = call.numbers
    service.cancel_feedback(call.terminal_id, action_id, message, call.now)
    if message.status.execution == "closed":
        call.downloads.release(call.terminal_id)
    return answer.DONE
