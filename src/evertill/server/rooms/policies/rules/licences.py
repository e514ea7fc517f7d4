"""What skips which rule, from when until when: dates that passed, a person who stands there, and staff.

Rules kept here: the table below is the whole of it; nothing skips (1) but nothing, a freeze is skipped by the critical deadline
alone, never by a person; a waiver stops both dates. A licence never touches the terminal's own preflight and gate.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from evertill.protocol.policy import PRESENCE_LASTS, AtDeadline
from evertill.server.rooms.policies.rules.decision import DeadlineFacts, DeadlineState, Licence
from evertill.server.rooms.policies.rules.inputs import Act

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from evertill.server.rooms.policies.rules.inputs import Inputs

DISPLAYED_BEFORE: Final = timedelta(days=7)

# By rule; the numbers are those of `decide`'s order.
SKIPS: Final[Mapping[Licence, frozenset[str]]] = MappingProxyType(
    {
        Licence.DEADLINE: frozenset(
            {"never", "fork", "freeze", "pin", "channel", "consent", "postponement", "rate_limit"}  # 3 to 7
        ),
        Licence.SECURITY_DUE: frozenset({"postponement", "rate_limit"}),
        Licence.PERSON_NOW: frozenset(
            {
                "never",
                "fork",
                "consent",
                "postponement",
                "rate_limit",
                "opening_hours",
                "window",
                "store_turn",
            }  # 3, 6 to 8
        ),
        Licence.CLOSING_TIME: frozenset({"opening_hours", "window", "store_turn"}),  # 8
        Licence.FORCED: frozenset({"consent", "postponement"}),
        Licence.ASSIGNED: frozenset({"rollout_turn"}),  # 2
    }
)

_PERSONS: Final = {Act.NOW: Licence.PERSON_NOW, Act.CLOSING_TIME: Licence.CLOSING_TIME}


@dataclass(frozen=True, slots=True)
class Term:
    """A licence and its time; open ends are None."""

    licence: Licence
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def is_on(self, now: datetime) -> bool:
        return (self.starts_at is None or self.starts_at <= now) and (self.ends_at is None or now < self.ends_at)

    def next_edge(self, now: datetime) -> datetime | None:
        return min((edge for edge in (self.starts_at, self.ends_at) if edge is not None and now < edge), default=None)


def terms(inputs: Inputs, deadline: DeadlineFacts) -> tuple[Term, ...]:
    """Every licence of these inputs, also those that have not begun."""
    found = []
    if deadline.acts_at is not None:
        found.append(Term(Licence.DEADLINE, deadline.acts_at))
    if (due_at := security_due_at(inputs)) is not None:
        found.append(Term(Licence.SECURITY_DUE, due_at))
    if inputs.presence is not None:
        at = inputs.presence.at
        found.append(Term(_PERSONS[inputs.presence.act], at, at + PRESENCE_LASTS))
    if inputs.action.forced:
        found.append(Term(Licence.FORCED))
    if inputs.turn.assigned:
        found.append(Term(Licence.ASSIGNED))
    return tuple(found)


def deadline_of(inputs: Inputs) -> DeadlineFacts:
    """When a critical release's date acts on this terminal: its own report of 7 days' display first, or a declared emergency."""
    release, now = inputs.release, inputs.now
    if release.severity != "critical" or release.required_at is None:
        return DeadlineFacts(DeadlineState.NONE)
    if inputs.policy.at_deadline is AtDeadline.NOTIFY_ONLY:
        return DeadlineFacts(DeadlineState.NOTIFY_ONLY)
    if inputs.security_build is not None:
        return DeadlineFacts(DeadlineState.GIVES_WAY)
    displayed_at = None if release.emergency else inputs.displayed_at
    if displayed_at is None and not release.emergency:
        return DeadlineFacts(DeadlineState.NOT_DISPLAYED)
    acts_at = release.required_at if displayed_at is None else max(release.required_at, displayed_at + DISPLAYED_BEFORE)
    if inputs.waiver is not None and max(acts_at, now) < inputs.waiver.ends_at:
        return DeadlineFacts(DeadlineState.WAIVED, inputs.waiver.ends_at)
    return DeadlineFacts(DeadlineState.DUE if acts_at <= now else DeadlineState.RUNNING, acts_at)


def security_due_at(inputs: Inputs) -> datetime | None:
    """The date of a release with security in it, as far as nobody waived it."""
    required_at = inputs.release.required_at if inputs.release.dated else None
    if required_at is None or inputs.waiver is None:
        return required_at
    return max(required_at, inputs.waiver.ends_at)
