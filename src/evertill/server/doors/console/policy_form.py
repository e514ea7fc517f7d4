"""One policy field as a form: its options or its text, and back to the JSON form that the rooms check.

Rules kept here: reading what was written gives the same value; a text that is no value is handed on as it is, so that the rooms refuse it with their own words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.utils.translation import gettext_lazy

from evertill.protocol import policy_words
from evertill.protocol.policy import AtDeadline, Channel, ClosingTime, Download, Mode, Peripherals
from evertill.server.doors.console.door import language
from evertill.server.doors.console.errors import ValueUnreadable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from enum import StrEnum

    from django.utils.functional import _StrPromise

    from evertill.server.rooms.kernel.errors import Refused

CHOICES: Final[dict[str, type[StrEnum]]] = {
    "mode": Mode,
    "closing_time": ClosingTime,
    "download": Download,
    "channel": Channel,
    "peripherals": Peripherals,
    "at_deadline": AtDeadline,
}
NUMBERS: Final = frozenset(
    {"cellular_budget_mb", "poll_s", "postpone_days", "rate_limit_days", "battery_floor_percent"}
)
# An empty text is a value of its own: none.
MAY_BE_EMPTY: Final = frozenset({"pin", "opening_hours"})
HINTS: Final[dict[str, _StrPromise]] = {
    "window": gettext_lazy("A time span in the terminal's zone, such as 03:00-05:00. 00:00-24:00 is any moment."),
    "opening_hours": gettext_lazy(
        "A time span such as 08:00-22:00; empty: not stored. Nothing starts by itself inside it."
    ),
    "settle_before_install": gettext_lazy("The word ask, or a time such as 22:30 at which the till settles by itself."),
    "cellular_budget_mb": gettext_lazy("Megabytes of mobile data a month."),
    "pin": gettext_lazy("A version that stays, such as 1.1.0; empty: none."),
    "poll_s": gettext_lazy("Seconds between two contacts, 2 to 86399."),
    "postpone_days": gettext_lazy("Days for each release, 0 to 14; the clock never starts again."),
    "freeze": gettext_lazy(
        "One freeze a line: first day, space, last day, such as 2027-01-30 2027-02-12. Each at most 90 days."
    ),
    "rate_limit_days": gettext_lazy("Days between two updates that are not security updates, 0 to 90."),
    "battery_floor_percent": gettext_lazy("Percent, 30 to 100; on the charger too."),
}
_MODE_SAYS: Final[dict[str, _StrPromise]] = {
    "automatic": gettext_lazy("Downloads and installs by itself, in the update window."),
    "manual": gettext_lazy("Nothing is installed before somebody at the terminal agrees."),
    "never": gettext_lazy(
        "No automatic download or install. Only the merchant can choose this, and take it back: on the terminal (Settings, Software update) or as merchant owner."
    ),
}


@dataclass(frozen=True)
class Option:
    value: str
    label: str
    says: str
    chosen: bool


@dataclass(frozen=True)
class FieldForm:
    """What the page needs to ask for one field. `options` for a choice, else `text` in a box."""

    name: str
    label: str
    hint: str
    text: str
    options: Sequence[Option] = ()

    @property
    def is_number(self) -> bool:
        return self.name in NUMBERS

    @property
    def has_lines(self) -> bool:
        return self.name == "freeze"


def form(name: str, value: Any, at_deadline: str, posted: str | None = None) -> FieldForm:
    """For a field as it is in force; `posted` is what was typed last, when it was refused."""
    text = _text(name, value) if posted is None else posted
    spoken = language()
    options = [
        Option(option.value, _option(name, option.value, at_deadline), _says(name, option.value), option.value == text)
        for option in CHOICES.get(name, ())
    ]
    return FieldForm(name, policy_words.label(name, spoken), str(HINTS.get(name, "")), text, options)


def in_form_words(refused: Refused, name: str, typed: str) -> Refused:
    """A refusal of one field as its form names things: the field by its label, the rule by its hint."""
    label = policy_words.label(name, language())
    if refused.code == ValueUnreadable.code:
        hint = HINTS.get(name, gettext_lazy("Choose one of the options."))
        return ValueUnreadable(label=label, typed=typed, hint=hint)
    if refused.params.get("field") == name:
        refused.params["field"] = label
    return refused


def read(name: str, text: str) -> Any:
    """The JSON form of what was typed."""
    text = text.strip()
    if not text and name in MAY_BE_EMPTY:
        return None
    if name in NUMBERS:
        return int(text) if text.isascii() and text.isdigit() else text
    if name == "freeze":
        return [_range(line) for line in text.splitlines() if line.strip()]
    return text


def _range(line: str) -> dict[str, str]:
    starts_on, _space, ends_on = " ".join(line.replace("–", " ").split()).partition(" ")
    return {"starts_on": starts_on, "ends_on": ends_on}


def _text(name: str, value: Any) -> str:
    if name == "freeze":
        return "\n".join(f"{each['starts_on']} {each['ends_on']}" for each in value)
    return "" if value is None else str(value)


def _option(name: str, value: str, at_deadline: str) -> str:
    if name == "mode" and value == Mode.NEVER:
        return policy_words.never_label(at_deadline, language())
    return policy_words.show(name, value, language())


def _says(name: str, value: str) -> str:
    return str(_MODE_SAYS[value]) if name == "mode" else ""
