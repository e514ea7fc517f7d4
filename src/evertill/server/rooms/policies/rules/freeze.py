"""(4) Freezes: nothing is installed; what is already allowed may be downloaded, so that it is ready afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertill.protocol.reasons import Reason
from evertill.protocol.windows import freezes
from evertill.server.rooms.policies.rules.decision import PASS, Finding

if TYPE_CHECKING:
    from evertill.server.rooms.policies.rules.inputs import Inputs


def freeze(inputs: Inputs) -> Finding:
    for days, span in freezes(inputs.policy.freeze, inputs.terminal.zone):
        if inputs.now in span:
            reason = Reason.of("FROZEN", starts=days.starts_on, ends=days.ends_on)
            return Finding(reason, until=span.closes_at, changes_at=span.closes_at)
        if inputs.now < span.opens_at:
            return Finding(changes_at=span.opens_at)
    return PASS
