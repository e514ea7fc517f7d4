"""CLOCK_WRONG: signatures expire and windows open by the clock, so it must not contradict what is known to have passed."""

from datetime import timedelta
from typing import Final

from evertill.protocol.reasons import Reason
from evertill.terminal.agent.preflight.check import Findings, Subject

TOLERANCE: Final = timedelta(minutes=10)


def clock(subject: Subject) -> Findings:
    """Behind the floor is wrong for sure; against a server's date both directions are."""
    off = subject.clock_floor - subject.now
    if subject.server_date is not None:
        off = max(off, abs(subject.server_date - subject.now))
    if off > TOLERANCE:
        return Findings((Reason.of("CLOCK_WRONG", minutes=int(off.total_seconds() // 60)),))
    return Findings()
