"""Reading policies: what is in force for many terminals at once, with origins, and what a terminal is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import Q

from evertill.protocol.policy import Client, Mode, Place
from evertill.server.rooms.fleet import queries as fleet
from evertill.server.rooms.organisations.models import Node
from evertill.server.rooms.organisations.rules import DEFAULT_TIME_ZONE
from evertill.server.rooms.policies import guardrails
from evertill.server.rooms.policies.models import Conflict, Consent, PolicyChange, PolicyField, Revision
from evertill.server.rooms.policies.rules import resolve as rules

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from evertill.server.rooms.fleet.models import Terminal

_STEP = Node.steplen


@dataclass(frozen=True, slots=True)
class Effective(rules.Effective):
    """What holds for one terminal, or would for one at this node. `node_ids`: the chain above it, root first."""

    time_zone: str
    node_ids: Sequence[int]


class Known(NamedTuple):
    """What of a terminal's policy the room of rollouts copies into its standing."""

    revision: int
    poll_s: int


def effective(terminal_ids: Collection[int], now: datetime) -> dict[int, Effective]:
    """The policy in force for each of these terminals, in three queries."""
    terminals = fleet.by_ids(terminal_ids)
    chains = _Chains.above({terminal.node for terminal in terminals}, now)
    own = _settings(Q(terminal_id__in=terminal_ids), "terminal_id", now)
    inherited: dict[tuple[int, str], Effective] = {}
    found = {}
    for terminal in terminals:
        client, mine = Client(terminal.client), own.get(terminal.pk)
        if mine:
            found[terminal.pk] = chains.resolve(terminal.node, mine, client)
            continue
        # Most terminals have nothing of their own: what a node gives is resolved once.
        key = (terminal.node_id, client)
        if key not in inherited:
            inherited[key] = chains.resolve(terminal.node, {}, client)
        found[terminal.pk] = inherited[key]
    return found


def effective_at(node: Node, now: datetime, client: Client = Client.EVERTILL) -> Effective:
    """What a terminal at this node would inherit."""
    return _Chains.above({node}, now).resolve(node, {}, client)


def revisions(terminal_ids: Collection[int]) -> dict[int, Known]:
    """Every terminal has a revision from the moment it was added."""
    rows = Revision.objects.filter(terminal_id__in=terminal_ids)
    return {row.terminal_id: Known(row.revision, row.fields["poll_s"]) for row in rows}


def revision_of(terminal_id: int) -> Revision:
    return Revision.objects.get(pk=terminal_id)


def is_off(terminal: Terminal, now: datetime) -> bool:
    """Whether this terminal's mode is *never* on the server and the terminal itself has said that it works by it."""
    mode = effective([terminal.pk], now)[terminal.pk].policy.mode
    known = revision_of(terminal.pk)
    return mode is Mode.NEVER and known.acknowledged >= known.revision


def own_fields(where: Mapping[str, Any]) -> list[PolicyField]:
    """What is set right here (`Target.key`), by field."""
    return list(PolicyField.objects.filter(**where).order_by("field"))


def changes(where: Mapping[str, Any], before_id: int | None = None, size: int = 50) -> list[PolicyChange]:
    """The record of switches at one place (`Target.key`), newest first."""
    rows = PolicyChange.objects.filter(**where).order_by("-pk")
    if before_id is not None:
        rows = rows.filter(pk__lt=before_id)
    return list(rows[:size])


def ticked(terminal_id: int, release_id: int) -> set[str]:
    """The components a person chose of this release; empty: all of it, or nobody was asked."""
    consent = Consent.objects.filter(terminal_id=terminal_id, release_id=release_id).first()
    return set(consent.components) if consent else set()


def open_conflicts(terminal_id: int) -> list[Conflict]:
    return list(
        Conflict.objects.select_related("change").filter(terminal_id=terminal_id, settled_at=None).order_by("pk")
    )


@dataclass(frozen=True)
class _Chains:
    """Nodes by their tree path, with what is set at each."""

    by_path: Mapping[str, Node]
    settings: Mapping[int, Mapping[str, rules.Setting]]

    @classmethod
    def above(cls, nodes: Iterable[Node], now: datetime) -> _Chains:
        paths = {path for node in nodes for path in _paths(node)}
        found = {str(node.path): node for node in Node.objects.filter(path__in=paths)}
        return cls(found, _settings(Q(node_id__in=[node.pk for node in found.values()]), "node_id", now))

    def resolve(self, node: Node, own: Mapping[str, rules.Setting], client: Client) -> Effective:
        chain = [self.by_path[path] for path in _paths(node)]
        places = [rules.NodeSettings(each.address, Place(each.kind), self.settings.get(each.pk, {})) for each in chain]
        found = rules.resolve(places, own, client, guardrails.in_force())
        zones = [each.time_zone for each in reversed(chain) if each.time_zone]
        return Effective(
            found.policy,
            found.fields,
            zones[0] if zones else DEFAULT_TIME_ZONE,
            [each.pk for each in chain],
            holders=found.holders,
        )


def _paths(node: Node) -> list[str]:
    """Tree paths of the node and everything above it, root first (treebeard's materialised path)."""
    return [node.path[:end] for end in range(_STEP, len(node.path) + 1, _STEP)]


def _settings(where: Q, key: str, now: datetime) -> dict[int, dict[str, rules.Setting]]:
    found: dict[int, dict[str, rules.Setting]] = {}
    rows = PolicyField.objects.filter(where).filter(Q(ends_at=None) | Q(ends_at__gt=now))
    for target, name, value, mandated in rows.values_list(key, "field", "value", "mandated"):
        found.setdefault(target, {})[name] = rules.Setting(value, mandated)
    return found
