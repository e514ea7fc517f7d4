"""The device messages: hawkBit's DDI v1 bodies in both directions, and the extra messages only our own agent speaks.

Rules kept here: unknown fields are ignored, as hawkBit ignores them; what real clients send is accepted (SWUpdate's numeric
`id` and its old configData wrapper, RAUC's string `id`, progress that exceeds its total); `null` keys are never written.
Decoding raises msgspec's errors: each door turns them into its own answer. Nothing here opens, sends or decides anything.
"""

import re
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec

from evertill.protocol.reasons import Reason

# hawkBit's default quotas (DDI facts, section 5) and the sizes that follow from them.
MAX_STATUSES_PER_ACTION: Final = 1000
MAX_MESSAGES_PER_STATUS: Final = 50
MAX_ATTRIBUTES: Final = 100
MAX_ATTRIBUTE_KEY_CHARS: Final = 128
MAX_ATTRIBUTE_VALUE_CHARS: Final = 128
MAX_ACTION_HISTORY: Final = 100
MAX_ID: Final = 2**31 - 1  # SWUpdate parses ids as a C int
MAX_REPORT_BODY_BYTES: Final = 256 * 1024
MAX_ANSWER_BODY_BYTES: Final = 1024 * 1024

# The link relations of a poll answer. Foreign clients ignore those they do not know.
DEPLOYMENT_BASE: Final = "deploymentBase"
CONFIRMATION_BASE: Final = "confirmationBase"
CANCEL_ACTION: Final = "cancelAction"
INSTALLED_BASE: Final = "installedBase"
CONFIG_DATA: Final = "configData"
POLICY: Final = "policy"
OFFERS: Final = "offers"
NOTICES: Final = "notices"
SUPPORT: Final = "support"

MIN_SLEEP_S: Final = 2
MAX_SLEEP_S: Final = 24 * 3600 - 1  # both known clients break at 24:00:00 and beyond
_SLEEP = re.compile(r"([0-9]{1,2}):([0-5][0-9]):([0-5][0-9])")

Code = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[A-Z0-9_]+$")]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
Uuid = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Id = Annotated[int, msgspec.Meta(ge=1, le=MAX_ID)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
StatusCode = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]  # hawkBit's is a 32-bit number too


def format_sleep(seconds: int) -> str:
    """`HH:MM:SS`, clamped to what every known client can read."""
    minutes, second = divmod(max(MIN_SLEEP_S, min(MAX_SLEEP_S, seconds)), 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{second:02}"


def parse_sleep(text: str) -> int:
    """Seconds of `HH:MM:SS`; ValueError for anything a server of ours would never send."""
    match = _SLEEP.fullmatch(text)
    seconds = sum(int(part) * unit for part, unit in zip(match.groups(), (3600, 60, 1), strict=True)) if match else 0
    if not MIN_SLEEP_S <= seconds <= MAX_SLEEP_S:
        raise ValueError(f"not a polling time: {text[:32]!r}")
    return seconds


# --- server to device -------------------------------------------------------------------------------------------------


class Link(msgspec.Struct, frozen=True):
    href: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]


class Polling(msgspec.Struct, frozen=True):
    sleep: str


class PollConfig(msgspec.Struct, frozen=True):
    polling: Polling


class PollAnswer(msgspec.Struct, frozen=True):
    """Row 1: at most one of confirmationBase, cancelAction and deploymentBase is offered at a time."""

    config: PollConfig
    links: dict[str, Link] = msgspec.field(name="_links", default_factory=dict)


class Hashes(msgspec.Struct, frozen=True):
    """sha1 must always be present: both known clients insist on it."""

    sha1: str
    md5: str
    sha256: str


class Artifact(msgspec.Struct, frozen=True):
    filename: str
    hashes: Hashes
    size: Annotated[int, msgspec.Meta(ge=0)]
    links: dict[str, Link] = msgspec.field(name="_links")


class Metadata(msgspec.Struct, frozen=True):
    key: str
    value: str


class Chunk(msgspec.Struct, frozen=True, omit_defaults=True):
    part: str
    version: str
    name: str
    artifacts: list[Artifact]
    encrypted: bool | None = None
    metadata: list[Metadata] | None = None


Handling = Literal["skip", "attempt", "forced"]


class Deployment(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    download: Handling
    update: Handling
    chunks: list[Chunk]
    maintenance_window: Literal["available", "unavailable"] | None = None


class ActionHistory(msgspec.Struct, frozen=True):
    status: str
    messages: list[str]


class DeploymentBase(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """Rows 2 and 6."""

    id: str
    deployment: Deployment
    action_history: ActionHistory | None = None


class ConfirmationBase(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """Row 10: the same body under another key."""

    id: str
    confirmation: Deployment
    action_history: ActionHistory | None = None


class StopId(msgspec.Struct, frozen=True, rename="camel"):
    stop_id: str


class CancelAction(msgspec.Struct, frozen=True, rename="camel"):
    """Row 4."""

    id: str
    cancel_action: StopId


class AutoConfirm(msgspec.Struct, frozen=True, omit_defaults=True):
    active: bool
    initiator: str | None = None
    remark: str | None = None


class ConfirmationOverview(msgspec.Struct, frozen=True, rename="camel"):
    """Row 9."""

    auto_confirm: AutoConfirm
    links: dict[str, Link] = msgspec.field(name="_links", default_factory=dict)


class ErrorAnswer(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """hawkBit's error body, sent with every status from 400 up."""

    exception_class: str
    error_code: str
    message: str
    info: dict[str, Any] | None = None


# --- device to server -------------------------------------------------------------------------------------------------

Execution = Literal["closed", "proceeding", "canceled", "scheduled", "rejected", "resumed", "download", "downloaded"]
Finished = Literal["success", "failure", "none"]


class Progress(msgspec.Struct, frozen=True):
    """Ignored by the server, and not always sane: SWUpdate lets `cnt` exceed `of`."""

    cnt: int = 0
    of: int | None = None


class Result(msgspec.Struct, frozen=True, omit_defaults=True):
    finished: Finished
    progress: Progress | None = None


class Status(msgspec.Struct, frozen=True, omit_defaults=True):
    """`details` are the device's own texts and are kept verbatim."""

    execution: Execution
    result: Result
    code: StatusCode | None = None
    details: list[str] | None = None


class TillReport(msgspec.Struct, frozen=True):
    """What the till answered when it was last asked; `pending` = reversals, unknown results and queued offline sales."""

    sale: bool
    batch_count: Count
    pending: Count


class EvertillReport(msgspec.Struct, frozen=True, omit_defaults=True):
    """The part of a feedback only our agent sends (contracts: feedback of our agent)."""

    journey: Name
    state: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
    step: Annotated[int, msgspec.Meta(ge=0, le=99)]
    of: Annotated[int, msgspec.Meta(ge=0, le=99)]
    generation: Count
    reasons: Annotated[list[Reason], msgspec.Meta(max_length=32)] = []
    till: TillReport | None = None  # None = the till did not answer
    seconds_left: Count | None = None
    displayed: Annotated[list[Id], msgspec.Meta(max_length=64)] = []


class Feedback(msgspec.Struct, frozen=True, omit_defaults=True):
    """Rows 3 and 5. SWUpdate sends `id` as a number and `time` without a zone, RAUC's updater a string and a timestamp."""

    status: Status
    id: str | int | None = None
    timestamp: int | None = None
    time: str | None = None
    evertill: EvertillReport | None = None


class ConfirmationFeedback(msgspec.Struct, frozen=True, omit_defaults=True):
    """Row 11."""

    confirmation: Literal["confirmed", "denied"]
    code: StatusCode | None = None
    details: list[str] | None = None


class ActivateAutoConfirm(msgspec.Struct, frozen=True, omit_defaults=True):
    """Row 12."""

    initiator: str | None = None
    remark: str | None = None


class InstalledDeclaration(msgspec.Struct, frozen=True):
    """Row 7: the device declares what it already runs."""

    name: Name
    version: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class ConfigData(msgspec.Struct, frozen=True):
    """Row 8. SWUpdate still wraps it as {id, time, status, data}; those further keys are ignored like all unknown ones.

    How many attributes a device may keep in all, and how long each may be, is a quota: the server counts, this does not.
    """

    data: dict[str, str]
    mode: Literal["merge", "replace", "remove"] = "merge"


# --- the links only our agent follows ---------------------------------------------------------------------------------


class PolicyFeedback(msgspec.Struct, frozen=True):
    """POST `…/policy/feedback`: the terminal works by this revision now."""

    revision: Count
    applied_at: datetime


class PolicyChangeReport(msgspec.Struct, frozen=True, omit_defaults=True):
    """One entry of POST `…/policy/changes`, idempotent by uuid; `made_at` is for display, clocks of terminals decide nothing."""

    uuid: Uuid
    base_revision: Count
    field: Name
    value: Any
    way: Literal["terminal", "console", "merchant", "support"]
    person: Name
    risk_text: Annotated[str, msgspec.Meta(max_length=64)]
    made_at: datetime
    ends_at: datetime | None = None


class Offer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One entry of GET `…/offers`. Notes and dates come from the signed release target, never from here.

    `turn`: the server knows that this terminal has begun, and lets no other till of its shop begin until it is verified.
    """

    release: Id
    download: bool
    install: bool
    action: Id | None = None
    reasons: list[Reason] = []
    next_try_at: datetime | None = None
    turn: bool = False


class OfferAct(msgspec.Struct, frozen=True, omit_defaults=True):
    """POST `…/offers/{release}`, idempotent by uuid: a person's word on a release, or that this terminal displayed it."""

    uuid: Uuid
    act: Literal["consent", "postpone", "now", "closing_time", "displayed"]
    components: Annotated[list[Name], msgspec.Meta(max_length=64)] = []
    text_version: Annotated[str, msgspec.Meta(max_length=64)] = ""
    person: Annotated[str, msgspec.Meta(max_length=128)] = ""
    until: datetime | None = None
