"""What the agent says of this terminal, as the screen reads it: the answers of `run/agent.sock`, typed.

Only what a page shows is named; everything else the agent says is ignored, so either may be a version ahead of the other.
"""

from datetime import datetime
from typing import Any

import msgspec

from evertill.protocol.journey import Outcome, State
from evertill.protocol.reasons import Reason
from evertill.protocol.release import Contact, Severity


class Trouble(msgspec.Struct, frozen=True):
    code: str
    params: dict[str, Any] = {}


class TillFacts(msgspec.Struct, frozen=True):
    version: str
    mode: str
    sale: bool
    batch_count: int = 0


class ConditionFacts(msgspec.Struct, frozen=True):
    """What is wrong with the till here, outside any update. `may_end`: it hangs, and a person may have it ended."""

    reasons: list[Reason] = []
    next_at: datetime | None = None
    may_end: bool = False


class FieldFacts(msgspec.Struct, frozen=True):
    value: Any
    origin: str
    mandated: bool = False
    confirmed: bool = True


class PolicyFacts(msgspec.Struct, frozen=True):
    revision: int
    fields: dict[str, FieldFacts]
    forked: bool = False


class ContactFacts(msgspec.Struct, frozen=True):
    last_at: datetime | None = None
    tried_at: datetime | None = None
    trouble: Trouble | None = None


class TrustFacts(msgspec.Struct, frozen=True):
    verified_at: datetime | None = None
    trouble: Trouble | None = None


class Download(msgspec.Struct, frozen=True):
    have_bytes: int
    of_bytes: int


class JourneyFacts(msgspec.Struct, frozen=True):
    id: str
    release: int
    version: str
    state: State
    step: int
    of: int
    began_at: datetime
    entered_at: datetime | None = None
    finished_at: list[datetime | None] = []  # of the steps behind it
    repair: bool = False  # of the version that runs
    held: list[Reason] = []
    again_at: datetime | None = None
    warnings: list[Reason] = []
    download: Download | None = None
    forecast_s: float | None = None


class Acts(msgspec.Struct, frozen=True):
    consented_at: datetime | None = None
    postponed_until: datetime | None = None
    now_at: datetime | None = None


class Part(msgspec.Struct, frozen=True):
    component: str
    version: str


class OfferFacts(msgspec.Struct, frozen=True):
    """An offered release. With `refused` this terminal cannot vouch for it, and nothing else is known."""

    release: int
    refused: Trouble | None = None
    name: str = ""
    version: str = ""
    severity: Severity = "feature"
    required_at: datetime | None = None
    notes: dict[str, str] = {}
    cves: list[str] = []
    published_at: datetime | None = None
    minutes: int = 0
    size_bytes: int = 0
    components: list[Part] = []
    reasons: list[Reason] = []
    next_try_at: datetime | None = None
    acts: Acts = Acts()

    def is_postponed(self, now: datetime) -> bool:
        return self.acts.postponed_until is not None and now < self.acts.postponed_until

    def is_agreed(self, now: datetime) -> bool:
        """Somebody here said yes, and not "later" since."""
        return (self.acts.consented_at is not None or self.acts.now_at is not None) and not self.is_postponed(now)


class Past(msgspec.Struct, frozen=True):
    journey: str
    release: int
    version: str
    ended_at: datetime
    outcome: Outcome
    dropped: bool = False
    failure: Reason | None = None
    without_till_s: float | None = None
    recovery: dict[str, str] = {}


class Facts(msgspec.Struct, frozen=True):
    serial: str
    node: str
    model: str
    time_zone: str
    generation: int | None
    components: dict[str, str]
    till: TillFacts | None
    policy: PolicyFacts
    contact: ContactFacts
    trust: TrustFacts
    journey: JourneyFacts | None
    offers: list[OfferFacts]
    history: list[Past]
    condition: ConditionFacts = ConditionFacts()

    @property
    def mode(self) -> str:
        return str(self.policy.fields["mode"].value)

    @property
    def version(self) -> str:
        """Of the till that runs; empty = none is installed."""
        return self.components.get("till", "")

    @property
    def slot(self) -> str:
        """A or B: generations take turns in two slots."""
        return "" if self.generation is None else "BA"[self.generation % 2]

    def offer(self, release: int) -> OfferFacts | None:
        return next((offer for offer in self.offers if offer.release == release), None)

    @property
    def best_offer(self) -> OfferFacts | None:
        """The one to show: what closes a hole first, then the newest."""
        known = [offer for offer in self.offers if offer.refused is None]
        order = ("critical", "security", "maintenance", "feature")
        return min(known, key=lambda offer: (order.index(offer.severity), -offer.release), default=None)

    @property
    def unverified(self) -> Trouble | None:
        """Why an offered release cannot be vouched for; None = each one can."""
        return next((offer.refused for offer in self.offers if offer.refused is not None), None)


class Restarted(msgspec.Struct, frozen=True):
    what: str
    person: str
    at: datetime


class Restarts(msgspec.Struct, frozen=True):
    """`held`: what stands against each act; `done`: the latest, newest first."""

    held: dict[str, list[Reason]] = {}
    done: list[Restarted] = []


class OperatorCard(msgspec.Struct, frozen=True):
    name: dict[str, str]
    licence: str = ""
    contacts: list[Contact] = []


class Hole(msgspec.Struct, frozen=True):
    """A security release that would not install by itself any more; `closes_at`: when its date installs it all the same."""

    release: int
    name: str
    version: str
    published_at: datetime
    closes_at: datetime | None = None
    days_open: int | None = None


class Missed(msgspec.Struct, frozen=True):
    release: int
    version: str


class Consequences(msgspec.Struct, frozen=True):
    holes: list[Hole]
    missed: list[Missed]


class SwitchedOff(msgspec.Struct, frozen=True):
    """`agreed`: terminal and server say the same, and nothing is under way."""

    since: datetime
    way: str
    person: str
    confirmed_at: datetime | None
    revision: int | None
    agreed: bool
    payload_bytes: int
