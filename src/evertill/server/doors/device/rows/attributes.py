"""Row 8: what a device says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertill.server.doors.device import answer
from evertill.server.rooms.fleet import service
from evertill.server.rooms.fleet.rules import ConfigMode

if TYPE_CHECKING:
    from evertill.protocol import ddi
    from evertill.server.doors.device.answer import Answer
    from evertill.server.doors.device.call import Call


def put(call: Call, message: ddi.ConfigData) -> Answer:
    service.put_attributes(call.terminal_id, message.data, ConfigMode(message.mode), call.now)
    return answer.DONE
