"""What `decide` answers: two permissions, every reason, when to try next, and each rule's verdict."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from evertill.protocol.reasons import Reason


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule says at one moment.

    `until`: when a hold ends by time alone; None when it does not. `changes_at`: the next moment at which time alone may make this
    rule say something else, holding or not; None when it never does.
    """

    reason: Reason | None = None
    until: datetime | None = None
    changes_at: datetime | None = None


PASS = Finding()


class Reach(StrEnum):
    """What a rule's hold stops: everything, or only the installing of what may already be downloaded."""

    DOWNLOAD = "download"
    INSTALL = "install"


class Licence(StrEnum):
    """What lets a hold be skipped."""

    DEADLINE = "deadline"
    SECURITY_DUE = "security_due"
    PERSON_NOW = "person_now"
    CLOSING_TIME = "closing_time"
    FORCED = "forced"
    ASSIGNED = "assigned"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One rule's verdict for the console: it passes, it holds, or it would hold and is skipped by a licence."""

    rule: str
    number: int
    reach: Reach
    reason: Reason | None = None
    until: datetime | None = None
    skipped_by: Licence | None = None

    @property
    def holds(self) -> bool:
        return self.reason is not None and self.skipped_by is None


@dataclass(frozen=True, slots=True)
class Permission:
    """Granted exactly when nothing holds; true in a condition when granted."""

    reasons: tuple[Reason, ...] = ()

    def __bool__(self) -> bool:
        return not self.reasons


class DeadlineState(StrEnum):
    NONE = "none"  # no critical release with a date
    NOTIFY_ONLY = "notify_only"  # the policy only tells at the date
    GIVES_WAY = "gives_way"  # a security-only build of the terminal's own version acts in its place
    NOT_DISPLAYED = "not_displayed"  # the terminal has not reported that it shows it: nothing counts down yet
    RUNNING = "running"
    WAIVED = "waived"
    DUE = "due"


@dataclass(frozen=True, slots=True)
class DeadlineFacts:
    """`acts_at`: from when a critical release may install whatever was chosen, in a window; None: not at all."""

    state: DeadlineState
    acts_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """`next_try_at`: the first moment at which no time-bound rule holds (now, if nothing holds); None when a person must act first.

    `review_at`: until then time alone changes neither permission, so what was decided may be kept that long.
    `notes`: what a person must know about the deadline besides the holds. `reasons`: all of it, in the order of the rules.
    """

    download: Permission
    install: Permission
    next_try_at: datetime | None
    review_at: datetime | None
    outcomes: tuple[Outcome, ...]
    deadline: DeadlineFacts
    notes: tuple[Reason, ...] = ()

    @property
    def reasons(self) -> tuple[Reason, ...]:
        return self.install.reasons + self.notes

    @property
    def asks_consent(self) -> bool:
        """Whether a person's yes is what is missing: nothing stands before it that a yes could not help."""
        holding = [outcome for outcome in self.outcomes if outcome.holds]
        return any(o.rule == "consent" for o in holding) and not any(
            o.reach is Reach.DOWNLOAD and o.rule != "consent" for o in holding
        )

    @property
    def needs_person(self) -> bool:
        """Whether time alone never clears it."""
        return not self.install and self.next_try_at is None
