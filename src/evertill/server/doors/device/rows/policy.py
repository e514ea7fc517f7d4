"""Link `policy`: what one of our terminals works by, that it does, and what was changed at the terminal (contracts: link policy)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertill.server.doors.device import answer
from evertill.server.rooms.policies import service

if TYPE_CHECKING:
    from evertill.protocol import ddi
    from evertill.server.doors.device.answer import Answer
    from evertill.server.doors.device.call import Call


def snapshot(call: Call) -> Answer:
    return answer.json(service.snapshot(call.terminal_id, call.now))


def acknowledge(call: Call, message: ddi.PolicyFeedback) -> Answer:
    service.acknowledge(call.terminal_id, message.revision, message.applied_at, call.now)
    return answer.DONE


def receive(call: Call, message: list[ddi.PolicyChangeReport]) -> Answer:
    """All of them in one transaction; a repeated report changes nothing."""
    service.receive_changes(call.terminal_id, message, call.now)
    return answer.DONE
