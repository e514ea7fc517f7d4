"""The update policy: each field with its type, default, bounds and place, and the snapshot a terminal receives.

Rules kept here: a field is set only where §4 of the design allows it, within its bounds; the JSON form of a value is the one
people type (`03:00-05:00`, `never`), and reading back what was written gives the same value; unknown fields of a later version
are ignored, an unreadable value of a known field is refused (the reader keeps the policy it has). Foreign clients (`ddi`) get
window, battery, rate limit and postponement only where someone set them: their defaults say "none".
Not here: inheritance and origins (policies.rules.resolve), who is asking (policies), words for people (`policy_words`).
"""

from __future__ import annotations

import re
from collections.abc import Callable  # noqa: TC003 - msgspec reads this module's annotations
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from evertill.protocol.ddi import MAX_SLEEP_S, MIN_SLEEP_S
from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.windows import DEFAULT_WINDOW, FreezeRange, Window, clock

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from evertill.protocol.release import Guardrails

T = TypeVar("T")

_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_PIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_~:-]{0,63}")
_MAX_FREEZES = 64  # past ones are remembered


class Client(StrEnum):
    EVERTILL = "evertill"
    DDI = "ddi"


class Place(StrEnum):
    """Where a field can stand, from the root down."""

    OPERATOR = "operator"
    AGENT = "agent"
    MERCHANT = "merchant"
    STORE = "store"
    TERMINAL = "terminal"


# A tap speaks for somebody who stands before the terminal: long enough for a slow download, not for the next morning.
PRESENCE_LASTS: Final = timedelta(hours=2)


class Mode(StrEnum):
    AUTOMATIC = "automatic"
    MANUAL = "manual"
    NEVER = "never"


class ClosingTime(StrEnum):
    OFFERED = "offered"
    OFF = "off"


class Download(StrEnum):
    ANY = "any"
    UNMETERED = "unmetered"


class Channel(StrEnum):
    STABLE = "stable"
    BETA = "beta"


class Peripherals(StrEnum):
    WARN = "warn"
    IGNORE = "ignore"


class AtDeadline(StrEnum):
    INSTALL_IN_WINDOW = "install_in_window"
    NOTIFY_ONLY = "notify_only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The values that are in force for one terminal; the defaults are §4's table."""

    mode: Mode = Mode.AUTOMATIC
    window: Window | None = DEFAULT_WINDOW  # None: a ddi client for which nobody set one
    opening_hours: Window | None = None  # stored by the acquirer or the merchant; nothing unattended inside them
    closing_time: ClosingTime = ClosingTime.OFFERED
    settle_before_install: int | None = (
        None  # None: ask; else the minute of the day at which the till settles by itself
    )
    download: Download = Download.ANY
    cellular_budget_mb: int = 20
    channel: Channel = Channel.STABLE
    pin: str | None = None
    poll_s: int = 6 * 3600
    postpone_days: int = 14
    freeze: tuple[FreezeRange, ...] = ()
    rate_limit_days: int = 7
    battery_floor_percent: int = 50
    peripherals: Peripherals = Peripherals.WARN
    at_deadline: AtDeadline = AtDeadline.INSTALL_IN_WINDOW


DEFAULTS: Final[Mapping[Client, Policy]] = MappingProxyType(
    {
        Client.EVERTILL: Policy(),
        Client.DDI: Policy(
            window=None,
            poll_s=300,
            postpone_days=0,
            rate_limit_days=0,
            battery_floor_percent=0,
            peripherals=Peripherals.IGNORE,
        ),
    }
)

ANYWHERE: Final = frozenset(Place)
NODES: Final = ANYWHERE - {Place.TERMINAL}
# Where the merchant's own word counts: a merchant, its stores, its terminals.
MERCHANTS_OWN: Final = frozenset({Place.MERCHANT, Place.STORE, Place.TERMINAL})


# Who may hold a field for everything below: the root, and a merchant inside its own chain.
MAY_MANDATE: Final = frozenset({Place.OPERATOR, Place.MERCHANT})


@dataclass(frozen=True, slots=True)
class Field:
    """`read` takes the JSON form and raises ValueError with what is wrong; `write` is its inverse."""

    name: str
    read: Callable[[Any], Any]
    write: Callable[[Any], Any]
    places: frozenset[Place] = ANYWHERE
    # Values that stand only where the merchant's own word counts, whatever the field allows.
    merchants_own: Callable[[Any], bool] = lambda _: False

    def allows(self, value: Any, place: Place) -> bool:
        return place in self.places and (place in MERCHANTS_OWN or not self.merchants_own(value))


def _one_of(kind: type[Any]) -> Callable[[Any], Any]:
    def read(raw: Any) -> Any:
        if raw not in [member.value for member in kind]:
            raise ValueError(f"one of {', '.join(member.value for member in kind)}")
        return kind(raw)

    return read


def _between(low: int, high: int) -> Callable[[Any], int]:
    def read(raw: Any) -> int:
        if not isinstance(raw, int) or isinstance(raw, bool) or not low <= raw <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return raw

    return read


def _window(raw: Any) -> Window:
    try:
        return Window.parse(raw)
    except (TypeError, ValueError) as error:
        raise ValueError("a time span like 03:00-05:00; 00:00-24:00 is any moment") from error


def _settle(raw: Any) -> int | None:
    match = _CLOCK.fullmatch(raw) if isinstance(raw, str) else None
    if raw != "ask" and not match:
        raise ValueError("ask, or a time like 22:30")
    return int(match[1]) * 60 + int(match[2]) if match else None


def _pin(raw: Any) -> str | None:
    if raw is not None and not (isinstance(raw, str) and _PIN.fullmatch(raw)):
        raise ValueError("a version, or nothing")
    return raw


def _freeze(raw: Any) -> tuple[FreezeRange, ...]:
    try:
        ranges = msgspec.convert(raw, list[FreezeRange])
    except msgspec.ValidationError as error:
        raise ValueError("a list of {starts_on, ends_on} days like 2027-01-30") from error
    if any(each.days < 1 for each in ranges) or len(ranges) > _MAX_FREEZES:
        raise ValueError(f"at most {_MAX_FREEZES} ranges, each ending after it starts")
    return tuple(sorted(ranges, key=lambda each: each.starts_on))


def _hours(raw: Any) -> Window | None:
    return None if raw is None else _window(raw)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _same(value: T) -> T:
    return value


FIELDS: Final[Mapping[str, Field]] = MappingProxyType(
    {
        each.name: each
        for each in (
            Field("mode", _one_of(Mode), str, merchants_own=lambda mode: mode is Mode.NEVER),
            Field("window", _window, _text),
            Field("opening_hours", _hours, _text, places=MERCHANTS_OWN),
            Field("closing_time", _one_of(ClosingTime), str),
            Field(
                "settle_before_install",
                _settle,
                lambda minute: "ask" if minute is None else clock(minute),
                # At a time the merchant set, and nobody else.
                merchants_own=lambda minute: minute is not None,
            ),
            Field("download", _one_of(Download), str),
            Field("cellular_budget_mb", _between(0, 100_000), _same),
            Field("channel", _one_of(Channel), str),
            Field("pin", _pin, _same),
            Field("poll_s", _between(MIN_SLEEP_S, MAX_SLEEP_S), _same, places=NODES),
            Field("postpone_days", _between(0, 14), _same),
            Field("freeze", _freeze, lambda ranges: msgspec.to_builtins(list(ranges))),
            Field("rate_limit_days", _between(0, 90), _same),
            Field("battery_floor_percent", _between(0, 100), _same),
            Field("peripherals", _one_of(Peripherals), str),
            Field("at_deadline", _one_of(AtDeadline), str),
        )
    }
)


class FieldValue(msgspec.Struct, frozen=True):
    """One effective field: its JSON form, where it comes from (`default`, `terminal`, `guardrails` or a node's address), and whether it is held."""

    value: Any
    origin: str
    mandated: bool = False


class Deadline(msgspec.Struct, frozen=True):
    """A release with a date. `acts_at` is when it may install by itself here; None as long as nothing would."""

    release: int
    required_at: datetime
    acts_at: datetime | None = None


class Snapshot(msgspec.Struct, frozen=True):
    """The answer of link `policy`: what this terminal works by until the next revision."""

    revision: int
    fields: dict[str, FieldValue]
    time_zone: str
    deadlines: list[Deadline] = []

    def policy(self, client: Client = Client.EVERTILL) -> Policy:
        """The typed values. ProtocolRefused POLICY_VALUE_INVALID when a field cannot be read."""
        return policy_of(
            {name: read_value(name, field.value) for name, field in self.fields.items() if name in FIELDS}, client
        )


def policy_of(values: Mapping[str, Any], client: Client) -> Policy:
    """Typed values by name, over the client's defaults."""
    return Policy(**{each.name: values.get(each.name, getattr(DEFAULTS[client], each.name)) for each in fields(Policy)})


def read_value(name: str, raw: Any) -> Any:
    """The typed value of a field's JSON form.

    Raises:
        ProtocolRefused: POLICY_FIELD_UNKNOWN, POLICY_VALUE_INVALID.
    """
    if name not in FIELDS:
        raise ProtocolRefused("POLICY_FIELD_UNKNOWN", field=name)
    try:
        return FIELDS[name].read(raw)
    except ValueError as error:
        raise ProtocolRefused("POLICY_VALUE_INVALID", field=name, rule=str(error)) from error


def check_setting(
    name: str, raw: Any, place: Place, guardrails: Guardrails, *, merchant_verified: bool, mandated: bool = False
) -> Any:
    """The typed value, if it may stand at this place. `merchant_verified`: the merchant sets it, or was verified as the caller.

    Raises:
        ProtocolRefused: POLICY_FIELD_UNKNOWN, POLICY_VALUE_INVALID, POLICY_NOT_HERE, POLICY_MANDATE_NOT_HERE,
            NEVER_NEEDS_MERCHANT, POLICY_GUARDRAIL, FREEZE_TOO_LONG, FREEZE_TOO_CLOSE.
    """
    value = read_value(name, raw)
    if mandated and place not in MAY_MANDATE:
        raise ProtocolRefused("POLICY_MANDATE_NOT_HERE", place=place)
    if not FIELDS[name].allows(value, place):
        raise ProtocolRefused("POLICY_NOT_HERE", field=name, place=place)
    if value is Mode.NEVER and not merchant_verified:
        raise ProtocolRefused("NEVER_NEEDS_MERCHANT")
    if name == "battery_floor_percent" and value < guardrails.battery_floor_percent:
        raise ProtocolRefused("POLICY_GUARDRAIL", field=name, limit=guardrails.battery_floor_percent)
    if name == "freeze":
        check_freezes(value, guardrails)
    return value


def check_freezes(ranges: Iterable[FreezeRange], guardrails: Guardrails) -> None:
    """Freezes with the remembered past ones: short enough, and far enough apart.

    Raises:
        ProtocolRefused: FREEZE_TOO_LONG, FREEZE_TOO_CLOSE.
    """
    previous: FreezeRange | None = None
    for each in sorted(ranges, key=lambda r: r.starts_on):
        if each.days > guardrails.freeze_max_days:
            raise ProtocolRefused("FREEZE_TOO_LONG", days=each.days, limit_days=guardrails.freeze_max_days)
        if previous and (gap_days := _days_between(previous, each)) < guardrails.freeze_gap_days:
            raise ProtocolRefused("FREEZE_TOO_CLOSE", days=max(0, gap_days), limit_days=guardrails.freeze_gap_days)
        previous = each


def within(ranges: Iterable[FreezeRange], guardrails: Guardrails) -> tuple[FreezeRange, ...]:
    """What of these freezes the guardrails leave in force: each cut to its longest, those too close to an earlier one dropped."""
    kept: list[FreezeRange] = []
    for each in sorted(ranges, key=lambda r: r.starts_on):
        if guardrails.freeze_max_days < 1 or (kept and _days_between(kept[-1], each) < guardrails.freeze_gap_days):
            continue
        last = each.starts_on + timedelta(days=guardrails.freeze_max_days - 1)
        kept.append(FreezeRange(each.starts_on, min(each.ends_on, last)))
    return tuple(kept)


def more_cautious(one: Mode, other: Mode) -> Mode:
    """What holds while two changes forked: the one that installs less by itself."""
    order = list(Mode)
    return max(one, other, key=order.index)


def _days_between(earlier: FreezeRange, later: FreezeRange) -> int:
    return (later.starts_on - earlier.ends_on).days - 1
