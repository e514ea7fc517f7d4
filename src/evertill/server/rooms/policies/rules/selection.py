"""(5) Which software this terminal follows: its pinned version and its channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertill.protocol.policy import Channel
from evertill.protocol.reasons import Reason
from evertill.server.rooms.policies.rules.decision import PASS, Finding

if TYPE_CHECKING:
    from evertill.server.rooms.policies.rules.inputs import Inputs


def pin(inputs: Inputs) -> Finding:
    version = inputs.release.version
    if inputs.policy.pin in {None, version}:
        return PASS
    return Finding(Reason.of("PINNED", pin=inputs.policy.pin or "", version=version))


def channel(inputs: Inputs) -> Finding:
    """Whoever follows beta takes stable releases too."""
    follows, offered = inputs.policy.channel, inputs.release.channel
    if offered in {follows, Channel.STABLE}:
        return PASS
    return Finding(Reason.of("CHANNEL", version=inputs.release.version, offered=str(offered), channel=str(follows)))
