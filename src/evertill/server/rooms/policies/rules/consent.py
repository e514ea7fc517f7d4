"""(6) A person's yes, and a person's later."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from evertill.protocol.policy import Mode
from evertill.protocol.reasons import Reason
from evertill.server.rooms.policies.rules.decision import PASS, Finding
from evertill.server.rooms.policies.rules.licences import security_due_at

if TYPE_CHECKING:
    from datetime import datetime

    from evertill.protocol.policy import Policy
    from evertill.server.rooms.policies.rules.inputs import Inputs


def consent(inputs: Inputs) -> Finding:
    """Manual mode asks, and so does an action that was made with confirmation required (hawkBit's). Zero bytes before the yes."""
    asked = inputs.policy.mode is Mode.MANUAL or inputs.action.confirmation_required
    if not asked or inputs.consented:
        return PASS
    return Finding(Reason.of("CONSENT_NEEDED", version=inputs.release.version))


def postponement(inputs: Inputs) -> Finding:
    """A "later" lasts until the day that was chosen: not past the limit counted from the first one, nor past a security date."""
    chosen = inputs.postponement
    if chosen is None:
        return PASS
    latest = latest_postponement(inputs.policy, chosen.first_at, dated=inputs.release.dated)
    until = min(end for end in (chosen.until, latest, security_due_at(inputs)) if end is not None)
    if inputs.now >= until:
        return PASS
    return Finding(Reason.of("POSTPONED", version=inputs.release.version, until=until), until=until, changes_at=until)


def latest_postponement(policy: Policy, first_at: datetime, *, dated: bool) -> datetime | None:
    """The last moment somebody may choose; None where it never falls due: manual mode and no security in it."""
    if policy.mode is Mode.MANUAL and not dated:
        return None
    return first_at + timedelta(days=policy.postpone_days)
