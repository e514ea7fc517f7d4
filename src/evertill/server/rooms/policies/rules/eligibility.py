"""(1) Whether this terminal may take this release at all. Nobody and no date skips these."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from evertill.protocol.policy import Client
from evertill.protocol.reasons import Reason
from evertill.server.rooms.policies.rules.decision import PASS, Finding
from evertill.server.rooms.policies.rules.inputs import ReleaseState, TerminalState

if TYPE_CHECKING:
    from evertill.server.rooms.policies.rules.inputs import Inputs

# The terminal keeps the window by its own clock: beyond this it could install while the shop is open.
CLOCK_TOLERANCE: Final = timedelta(minutes=10)

_STATE_CODES: Final = {
    ReleaseState.DRAFT: "NOT_PUBLISHED",
    ReleaseState.AWAITING_SIGNATURES: "NOT_PUBLISHED",
    ReleaseState.WITHDRAWN: "WITHDRAWN",
    ReleaseState.REVOKED: "REVOKED",
}


def terminal_state(inputs: Inputs) -> Finding:
    match inputs.terminal.state:
        case TerminalState.RETIRED:
            return Finding(Reason.of("RETIRED"))
        case TerminalState.LOCKED:
            return Finding(Reason.of("LOCKED"))
        case TerminalState.ACTIVE:
            return PASS


def terminal_clock(inputs: Inputs) -> Finding:
    """A terminal that says nothing of its clock is not held: it keeps its own check before it installs."""
    off = inputs.terminal.clock_off
    if off is None or abs(off) <= CLOCK_TOLERANCE:
        return PASS
    return Finding(Reason.of("CLOCK_WRONG", minutes=int(abs(off).total_seconds() // 60)))


def action_open(inputs: Inputs) -> Finding:
    return Finding(Reason.of("CANCELLED", version=inputs.release.version)) if inputs.action.cancelled else PASS


def release_state(inputs: Inputs) -> Finding:
    code = _STATE_CODES.get(inputs.release.state)
    return Finding(Reason.of(code, version=inputs.release.version)) if code else PASS


def client(inputs: Inputs) -> Finding:
    """Passthrough artifacts carry no signature of ours, so our own agent must never see one."""
    if inputs.release.passthrough and inputs.terminal.client is not Client.DDI:
        return Finding(Reason.of("CLIENT_MISMATCH", version=inputs.release.version))
    return PASS


def model(inputs: Inputs) -> Finding:
    terminal, release = inputs.terminal, inputs.release
    fits = all(
        (not each.models or terminal.model in each.models)
        and (not each.hardware or terminal.hardware_revision in each.hardware)
        for each in release.components.values()
    )
    if fits:
        return PASS
    return Finding(
        Reason.of("MODEL_MISMATCH", version=release.version, model=terminal.model, hardware=terminal.hardware_revision)
    )
