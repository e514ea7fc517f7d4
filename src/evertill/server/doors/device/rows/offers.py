"""Link `offers`: what a person at one of our terminals may choose, and what they chose (contracts: link offers)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertill.server.doors.device import answer
from evertill.server.rooms.rollouts import service

if TYPE_CHECKING:
    from evertill.protocol import ddi
    from evertill.server.doors.device.answer import Answer
    from evertill.server.doors.device.call import Call


def offers(call: Call) -> Answer:
    return answer.json(service.offers(call.terminal_id, call.now))


def act(call: Call, message: ddi.OfferAct) -> Answer:
    (release_id,) = call.numbers
    service.act_on_offer(call.terminal_id, release_id, message, call.now)
    return answer.DONE
