"""The arithmetic of rollouts: who is in which group, when a group has passed, when the whole is halted. Pure.

Rules kept here: error rate = (failed + rolled back + timed out) / retrieved; success rate = verified / members not withheld; a withheld member never holds
a group back.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

GROUPS_MOST: Final = 500  # hawkBit's quota (DDI facts §5)
WHOLE: Final = 100


class RolloutState(StrEnum):
    READY = "ready"
    RUNNING = "running"
    PAUSED = "paused"
    HALTED = "halted"
    STOPPED = "stopped"
    FINISHED = "finished"


class Halt(StrEnum):
    """Why the job stopped opening groups: a person looks and resumes, or stops."""

    ERRORS = "errors"
    TOO_FEW = "too_few"  # nobody is left who could still succeed, and the success threshold is not reached


class Update(StrEnum):
    """How a terminal stands with its updates: the glyph of its chip (look.md), or `idle` where there is nothing to say."""

    GOOD = "good"
    MOVE = "move"
    WAIT = "wait"
    ASK = "ask"
    NEED = "need"
    OFF = "off"
    IDLE = "idle"


# What a person may do in which state; the job alone halts and finishes.
STARTS_FROM: Final = frozenset({RolloutState.READY})
PAUSES_FROM: Final = frozenset({RolloutState.RUNNING})
RESUMES_FROM: Final = frozenset({RolloutState.PAUSED, RolloutState.HALTED})
STOPS_FROM: Final = frozenset({RolloutState.READY, RolloutState.RUNNING, RolloutState.PAUSED, RolloutState.HALTED})


@dataclass(frozen=True)
class Counts:
    """Members of one group, or of all opened groups, each counted once per column.

    `retrieved`: the device ever fetched the action. `errors`: failed, rolled back, or timed out without proof since. `open`: can still succeed.
    """

    members: int = 0
    withheld: int = 0
    retrieved: int = 0
    verified: int = 0
    errors: int = 0
    open: int = 0

    @property
    def counted(self) -> int:
        return self.members - self.withheld

    @property
    def success_percent(self) -> float:
        """Verified of the members not withheld; 100 when all are withheld."""
        return WHOLE * self.verified / self.counted if self.counted else float(WHOLE)

    @property
    def error_percent(self) -> float:
        """Errors of those that retrieved; 0 before anybody did."""
        return WHOLE * self.errors / self.retrieved if self.retrieved else 0.0


def percents(text: str) -> list[int]:
    """`10,40,50` → [10, 40, 50]. Raises ValueError with what is wrong."""
    try:
        shares = [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError("write whole percents, such as 10,40,50") from None
    if len(shares) > GROUPS_MOST:
        raise ValueError(f"at most {GROUPS_MOST} groups")
    if min(shares) < 1 or sum(shares) != WHOLE:
        raise ValueError("each at least 1, together 100")
    return shares


def bucket(serial: str, rollout_id: int) -> int:
    """hash(serial, rollout): 0 … 9999, the same for ever, unrelated between rollouts."""
    digest = hashlib.sha256(f"{rollout_id}:{serial}".encode()).digest()
    return int.from_bytes(digest[:8]) % (WHOLE * 100)


def group_of(serial: str, rollout_id: int, shares: Sequence[int]) -> int:
    """Number (from 1) of the group this terminal falls into."""
    place, top = bucket(serial, rollout_id), 0
    for number, share in enumerate(shares, start=1):
        top += share * 100
        if place < top:
            return number
    raise ValueError("the shares are not 100 together")


def verdict(counts: Counts, *, success_percent: int, error_percent: int, pardoned: int = 0) -> Halt | bool:
    """Whether a group has passed (True), must be waited for (False), or halts the rollout. Reaching a threshold counts.

    `pardoned`: errors a person knew of when resuming; after that nobody left means passed.
    """
    fresh = counts.errors - pardoned
    if fresh > 0 and WHOLE * fresh >= error_percent * counts.retrieved:
        return Halt.ERRORS
    if counts.success_percent >= success_percent:
        return True
    if counts.open > 0:
        return False
    return True if pardoned and fresh <= 0 else Halt.TOO_FEW
