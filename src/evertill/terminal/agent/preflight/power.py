"""BATTERY, POWER_UNKNOWN: enough power to finish. A charger can be pulled, so the floor holds on a charger, too."""

from evertill.protocol.reasons import Reason
from evertill.terminal.agent.preflight.check import Findings, Subject


def power(subject: Subject) -> Findings:
    found = subject.sources.power()
    if found.kind == "mains":
        return Findings()
    if found.kind == "unknown" or found.percent is None:
        return Findings() if subject.power_confirmed else Findings((Reason.of("POWER_UNKNOWN"),))
    if found.percent < subject.battery_floor_percent:
        return Findings((Reason.of("BATTERY", percent=found.percent, floor=subject.battery_floor_percent),))
    return Findings()
