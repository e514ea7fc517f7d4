"""(2) Whether it is this terminal's turn. An assignment by staff takes the place of a turn, and only of that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from evertill.protocol.reasons import Reason
from evertill.server.rooms.policies.rules.decision import PASS, Finding
from evertill.server.rooms.policies.rules.inputs import TurnState

if TYPE_CHECKING:
    from evertill.server.rooms.policies.rules.inputs import Inputs

_CODES: Final = {
    TurnState.NONE: "NOT_OFFERED",
    TurnState.READY: "ROLLOUT_NOT_STARTED",
    TurnState.PAUSED: "ROLLOUT_PAUSED",
    TurnState.HALTED: "ROLLOUT_HALTED",
    TurnState.STOPPED: "ROLLOUT_STOPPED",
}


def rollout_turn(inputs: Inputs) -> Finding:
    turn = inputs.turn
    if turn.state in _CODES:
        return Finding(Reason.of(_CODES[turn.state], version=inputs.release.version))
    return PASS if turn.group_open else Finding(Reason.of("ROLLOUT_TURN", group=turn.group, groups=turn.groups))
