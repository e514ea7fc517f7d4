"""(3) What the merchant chose: never means never, and two choices at once mean nothing by itself until the owner decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertill.protocol.policy import Mode
from evertill.protocol.reasons import Reason
from evertill.server.rooms.policies.rules.decision import PASS, Finding

if TYPE_CHECKING:
    from evertill.server.rooms.policies.rules.inputs import Inputs


def never(inputs: Inputs) -> Finding:
    if inputs.policy.mode is not Mode.NEVER:
        return PASS
    return Finding(Reason.of("MODE_NEVER", version=inputs.release.version))


def fork(inputs: Inputs) -> Finding:
    return Finding(Reason.of("POLICY_FORK", field=inputs.forked)) if inputs.forked else PASS
