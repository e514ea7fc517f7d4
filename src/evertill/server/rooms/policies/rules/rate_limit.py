"""(7) Not too often: one update without security in it per so many days."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from evertill.protocol.reasons import Reason
from evertill.server.rooms.policies.rules.decision import PASS, Finding
from evertill.server.rooms.policies.rules.inputs import Purpose

if TYPE_CHECKING:
    from evertill.server.rooms.policies.rules.inputs import Inputs


def rate_limit(inputs: Inputs) -> Finding:
    """Exempt: a terminal's first software, security, repairs, going back, and what a person ticked or starts by hand."""
    days, last = inputs.policy.rate_limit_days, inputs.terminal.last_limited_install_at
    exempt = inputs.release.dated or inputs.consented or inputs.action.purpose is not Purpose.UPDATE
    if exempt or last is None or inputs.now >= (until := last + timedelta(days=days)):
        return PASS
    return Finding(Reason.of("RATE_LIMIT", last=last, days=days), until=until, changes_at=until)
