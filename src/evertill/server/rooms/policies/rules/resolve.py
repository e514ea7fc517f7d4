"""Which value of each field is in force for one terminal, and where it comes from.

Rules kept here: the nearest setting wins (terminal, store, merchant, agent, operator), except a field mandated above by the root or
by a merchant, where the topmost mandate wins; a value that may not stand where it stands does not count; unset fields fall to the
client's default, a window to the stored opening hours; the signed guardrails have the last word. Every field carries its origin.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.policy import (
    DEFAULTS,
    FIELDS,
    MAY_MANDATE,
    Client,
    FieldValue,
    Place,
    policy_of,
    read_value,
    within,
)
from evertill.protocol.windows import default_window

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evertill.protocol.policy import Policy
    from evertill.protocol.release import Guardrails

DEFAULT_ORIGIN: Final = "default"
HOURS_ORIGIN: Final = "opening_hours"
GUARDRAILS_ORIGIN: Final = "guardrails"
TERMINAL_ORIGIN: Final = "terminal"


@dataclass(frozen=True, slots=True)
class Setting:
    """`value` in its JSON form, as it is stored."""

    value: Any
    mandated: bool = False


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """What is set at one node; `ref` is its address."""

    ref: str
    place: Place
    settings: Mapping[str, Setting] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Effective:
    """The policy in force, typed for the rules and as fields with origins for people and for link `policy`.

    `holders`: who holds a field for everything below; a value that the guardrails bounded keeps its holder.
    """

    policy: Policy
    fields: Mapping[str, FieldValue]
    holders: Mapping[str, str] = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class _Found:
    value: Any
    origin: str
    mandated: bool = False


def resolve(
    chain: Sequence[NodeSettings], terminal: Mapping[str, Setting], client: Client, guardrails: Guardrails
) -> Effective:
    """`chain`: the nodes above the terminal, root first."""
    places = [*chain, NodeSettings(TERMINAL_ORIGIN, Place.TERMINAL, terminal)]
    found = {name: _find(name, places) or _Found(getattr(DEFAULTS[client], name), DEFAULT_ORIGIN) for name in FIELDS}
    holders = {name: each.origin for name, each in found.items() if each.mandated}
    hours = found["opening_hours"].value
    if client is Client.EVERTILL and hours is not None and found["window"].origin == DEFAULT_ORIGIN:
        found["window"] = _Found(default_window(hours), HOURS_ORIGIN)
    found.update(_guarded(found, guardrails))
    return Effective(
        policy_of({name: each.value for name, each in found.items()}, client),
        {name: FieldValue(FIELDS[name].write(each.value), each.origin, each.mandated) for name, each in found.items()},
        holders=holders,
    )


def check_not_held(effective: Effective, name: str, ref: str) -> None:
    """Refuses a setting at `ref` that would change nothing, because the field is held above.

    Raises:
        ProtocolRefused: POLICY_HELD with who holds it.
    """
    holder = effective.holders.get(name, ref)
    if holder != ref:
        raise ProtocolRefused("POLICY_HELD", field=name, origin=holder)


def _find(name: str, places: Sequence[NodeSettings]) -> _Found | None:
    """The topmost mandate, else the nearest value."""
    nearest = None
    for node in places:
        setting = node.settings.get(name)
        if setting is None:
            continue
        value = read_value(name, setting.value)
        if not FIELDS[name].allows(value, node.place):
            continue
        mandated = setting.mandated and node.place in MAY_MANDATE
        nearest = _Found(value, node.ref, mandated)
        if mandated:
            return nearest
    return nearest


def _guarded(found: Mapping[str, _Found], guardrails: Guardrails) -> dict[str, _Found]:
    """The fields on which the guardrails say something else. A foreign client's "not applied" is no value to bound."""
    guarded = {}
    freeze, battery = found["freeze"], found["battery_floor_percent"]
    if (allowed := within(freeze.value, guardrails)) != freeze.value:
        guarded["freeze"] = _Found(allowed, GUARDRAILS_ORIGIN, freeze.mandated)
    applied = battery.origin != DEFAULT_ORIGIN or battery.value > 0
    if applied and battery.value < guardrails.battery_floor_percent:
        guarded["battery_floor_percent"] = _Found(guardrails.battery_floor_percent, GUARDRAILS_ORIGIN, battery.mandated)
    return guarded
