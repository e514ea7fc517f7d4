"""What `decide` looks at: plain, frozen values, filled from tables by the services above.

Rules kept here: every moment is aware UTC and the server's own (clocks of terminals decide nothing); what is not known is None or
empty, and each rule says what it makes of that. Nothing here reads anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Protocol

from evertill.protocol.policy import Channel, Client
from evertill.protocol.windows import Share

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta
    from zoneinfo import ZoneInfo

    from evertill.protocol.manifest import Requirement
    from evertill.protocol.policy import Policy
    from evertill.protocol.release import ComponentType, Severity
    from evertill.protocol.windows import Span

DATED: Final = frozenset({"security", "critical"})
ALONE: Final = Share()


class ReleaseState(StrEnum):
    DRAFT = "draft"
    AWAITING_SIGNATURES = "awaiting_signatures"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"
    REVOKED = "revoked"


class TerminalState(StrEnum):
    ACTIVE = "active"
    LOCKED = "locked"
    RETIRED = "retired"


class TurnState(StrEnum):
    """A terminal's place in the rollout that carries the release; NONE: no rollout does."""

    NONE = "none"
    READY = "ready"
    RUNNING = "running"
    PAUSED = "paused"
    HALTED = "halted"
    STOPPED = "stopped"


class Purpose(StrEnum):
    """What taking a release is for a terminal. FIRST: it had no software yet, so nothing a shop is used to changes."""

    FIRST = "first"
    UPDATE = "update"
    REPAIR = "repair"  # of the installed version
    GO_BACK = "go_back"


# What a terminal is offered by itself: something it does not have yet.
NEWS: Final = frozenset({Purpose.FIRST, Purpose.UPDATE})


class Act(StrEnum):
    """What a person at the terminal did: 现在就装 (or 检查更新 and the tick), or 升级并关机 at closing time."""

    NOW = "now"
    CLOSING_TIME = "closing_time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One component of the release; empty models or hardware fit any."""

    type: ComponentType
    version: str
    models: frozenset[str] = frozenset()
    hardware: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseFacts:
    """From the signed release target; state, channel and packing from the catalog."""

    id: int
    version: str
    severity: Severity
    state: ReleaseState
    estimate: timedelta
    components: Mapping[str, Component]
    channel: Channel = Channel.STABLE
    required_at: datetime | None = None
    emergency: bool = False
    fixes_on: str | None = None
    requirements: tuple[Requirement, ...] = ()
    stepping_stone: Requirement | None = None
    cves: frozenset[str] = frozenset()
    passthrough: bool = False  # protected by its own signatures alone: for ddi clients

    @property
    def dated(self) -> bool:
        return self.severity in DATED


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalFacts:
    serial: str
    zone: ZoneInfo
    client: Client = Client.EVERTILL
    state: TerminalState = TerminalState.ACTIVE
    model: str = ""
    hardware_revision: str = ""
    components: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))  # name → version it reported
    clock_off: timedelta | None = None  # its clock against ours at its last report; None: it does not say
    # The newest finished install that counts for the rate limit: no security, no repair, no going back, not started by hand.
    last_limited_install_at: datetime | None = None


class Maintenance(Protocol):
    """A maintenance window of one action (hawkBit's)."""

    def span(self, now: datetime, /) -> Span | None:
        """The span that is open now, else the next one; None when there is none any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionFacts:
    """The open action, or the one that would be made."""

    purpose: Purpose = Purpose.UPDATE
    cancelled: bool = False
    forced: bool = False
    confirmation_required: bool = False
    maintenance: Maintenance | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutTurn:
    state: TurnState = TurnState.NONE
    group: int = 0
    groups: int = 0
    group_open: bool = False
    assigned: bool = False  # a member of staff gave this release to this terminal by name


@dataclass(frozen=True, slots=True, kw_only=True)
class Postponement:
    """`first_at` starts the clock of this release on this terminal and never moves again."""

    first_at: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    act: Act
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreTurn:
    """The other tills of the store: this one's share of the window, and the sibling whose install is not verified yet."""

    share: Share = ALONE
    busy: str | None = None
    busy_until: datetime | None = None  # until when the sibling may take; later, or unknown, counts as failed
    busy_failed: bool = False  # it ended without being verified


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    now: datetime
    release: ReleaseFacts
    terminal: TerminalFacts
    policy: Policy
    action: ActionFacts = ActionFacts()
    turn: RolloutTurn = RolloutTurn()
    store: StoreTurn = StoreTurn()
    consented: bool = False  # a person read what changes and ticked it, for this release
    postponement: Postponement | None = None
    presence: Presence | None = None
    displayed_at: datetime | None = None  # this terminal itself first reported that it shows the release
    waiver: Waiver | None = None
    security_build: str | None = None  # the version whose date acts instead of this one's (`builds.security_build`)
    forked: str | None = None  # the policy field that was changed in two places at once, until the owner decides
