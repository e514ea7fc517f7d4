"""Preflight: is this terminal fit to download (stage 1), and, moments before, to install (stage 2)? One file per check.

A repair with what lies here asks for room alone: a till that cannot sell is not left so until the battery is charged.

Every check of a stage is asked, so that a person sees all there is to do at once. A source that cannot be read holds the
update like an unknown; it never breaks the agent.
"""

from typing import Final

from evertill.terminal.agent.preflight.check import Check, Findings, Need, Subject
from evertill.terminal.agent.preflight.clock import clock
from evertill.terminal.agent.preflight.network import network
from evertill.terminal.agent.preflight.peripherals import peripherals
from evertill.terminal.agent.preflight.power import power
from evertill.terminal.agent.preflight.storage import storage

__all__ = ["STAGE_1", "STAGE_2", "STAGE_REPAIR", "Findings", "Need", "Subject", "preflight"]

STAGE_1: Final[tuple[Check, ...]] = (clock, storage, network)
STAGE_2: Final[tuple[Check, ...]] = (clock, storage, power, peripherals)
STAGE_REPAIR: Final[tuple[Check, ...]] = (storage,)


def preflight(stage: tuple[Check, ...], subject: Subject) -> Findings:
    found = [check(subject) for check in stage]
    return Findings(
        tuple(reason for one in found for reason in one.reasons),
        tuple(warning for one in found for warning in one.warnings),
    )
