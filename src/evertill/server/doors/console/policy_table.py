"""A policy as a table: each field's name, its value in words, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext as _

from evertill.protocol import policy_words
from evertill.protocol.policy import FIELDS
from evertill.server.doors.console.door import language
from evertill.server.rooms.policies.rules.resolve import (
    DEFAULT_ORIGIN,
    GUARDRAILS_ORIGIN,
    HOURS_ORIGIN,
    TERMINAL_ORIGIN,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from evertill.protocol.errors import Language
    from evertill.protocol.policy import FieldValue
    from evertill.server.rooms.organisations.models import Node
    from evertill.server.rooms.policies.queries import Effective
    from evertill.server.rooms.policies.targets import Target

# What a terminal's page shows besides everything that is not the default.
TELLING: Final = frozenset({"mode", "window", "postpone_days", "freeze", "battery_floor_percent", "at_deadline"})


@dataclass(frozen=True)
class Row:
    """`other`: the field's name in the other language, because the phone call may be in it."""

    name: str
    label: str
    other: str
    value: str
    origin: str
    is_own: bool
    is_default: bool
    mandated: bool
    settable: bool


def rows(target: Target, effective: Effective, chain: Iterable[Node]) -> list[Row]:
    spoken = language()
    names = {str(node.address): str(node.name_en if spoken == "en" else node.name_zh) for node in chain}
    own = TERMINAL_ORIGIN if target.terminal else target.ref
    return [_row(name, effective.fields[name], own, names, target, spoken) for name in FIELDS]


def telling(table: Iterable[Row]) -> list[Row]:
    return [row for row in table if row.name in TELLING or not row.is_default]


def _row(name: str, field: FieldValue, own: str, names: dict[str, str], target: Target, spoken: Language) -> Row:
    held_above = field.mandated and field.origin != own
    return Row(
        name=name,
        label=policy_words.label(name, spoken),
        other=policy_words.label(name, "en" if spoken == "zh" else "zh"),
        value=policy_words.show(name, field.value, spoken),
        origin=_origin(field.origin, own, names, is_terminal=target.terminal is not None),
        is_own=field.origin == own,
        is_default=field.origin == DEFAULT_ORIGIN,
        mandated=field.mandated,
        settable=target.place in FIELDS[name].places and not held_above,
    )


def _origin(origin: str, own: str, names: dict[str, str], *, is_terminal: bool) -> str:
    if origin == own:
        return _("this terminal") if is_terminal else _("set here")
    said = {
        DEFAULT_ORIGIN: _("default"),
        HOURS_ORIGIN: _("from the opening hours"),
        GUARDRAILS_ORIGIN: _("signed guardrails"),
    }
    return said.get(origin) or names.get(origin, origin)
