"""Filling decide()'s inputs from tables, for many terminals at once.

Rules kept here: a fixed number of queries per batch, whatever its size; nothing is decided here. What belongs to higher rooms (actions, rollouts, the
store's other tills) comes with each `Ask`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, cast
from zoneinfo import ZoneInfo

import msgspec

from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.manifest import Requirement
from evertill.protocol.policy import Client
from evertill.protocol.versions import Relation, relation
from evertill.server.rooms.catalog import queries as catalog
from evertill.server.rooms.catalog.rules import ArtifactKind
from evertill.server.rooms.fleet import queries as fleet
from evertill.server.rooms.policies import queries
from evertill.server.rooms.policies.models import Conflict, Consent, Displayed, Postponement, Waiver
from evertill.server.rooms.policies.rules import inputs as facts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from evertill.protocol.release import ComponentType, Severity
    from evertill.server.rooms.catalog.models import Release
    from evertill.server.rooms.fleet.models import Terminal
    from evertill.server.rooms.policies.queries import Effective

COMPONENT: Final = "component."
UPDATER: Final = "agent"  # our agent's own component, which comes with the terminal
MODEL: Final = "hardware.model"
REVISION: Final = "hardware.revision"
_NO_ACTION: Final = facts.ActionFacts()
_NO_TURN: Final = facts.RolloutTurn()
_ALONE: Final = facts.StoreTurn()


@dataclass(frozen=True)
class Ask:
    """One question: may this terminal take this release? With what only higher rooms know."""

    terminal_id: int
    release_id: int
    action: facts.ActionFacts = _NO_ACTION
    turn: facts.RolloutTurn = _NO_TURN
    store: facts.StoreTurn = _ALONE
    presence: facts.Presence | None = None
    consented: bool = False
    last_limited_install_at: datetime | None = None


def build(asks: Sequence[Ask], now: datetime) -> list[facts.Inputs]:
    """Inputs in the order of the asks."""
    terminal_ids, release_ids = {ask.terminal_id for ask in asks}, {ask.release_id for ask in asks}
    if not asks:
        return []
    terminals = {terminal.pk: terminal for terminal in fleet.by_ids(terminal_ids)}
    effective = queries.effective(terminal_ids, now)
    attributes = fleet.attributes_of(terminal_ids)
    releases = release_facts(release_ids)
    said = _Said.read(terminal_ids, release_ids, effective, now)
    return [
        facts.Inputs(
            now=now,
            release=releases[ask.release_id],
            terminal=_terminal(
                terminals[ask.terminal_id], effective[ask.terminal_id], attributes.get(ask.terminal_id, {}), ask
            ),
            policy=effective[ask.terminal_id].policy,
            action=ask.action,
            turn=ask.turn,
            store=ask.store,
            consented=ask.consented or (ask.terminal_id, ask.release_id) in said.consents,
            postponement=said.postponements.get((ask.terminal_id, ask.release_id)),
            presence=ask.presence,
            displayed_at=said.displayed.get((ask.terminal_id, ask.release_id)),
            waiver=said.waivers.get((ask.terminal_id, ask.release_id)),
            forked=said.forks.get(ask.terminal_id),
        )
        for ask in asks
    ]


@dataclass(frozen=True)
class _Said:
    """What people and terminals said, by (terminal, release)."""

    consents: frozenset[tuple[int, int]]
    postponements: Mapping[tuple[int, int], facts.Postponement]
    displayed: Mapping[tuple[int, int], datetime]
    waivers: Mapping[tuple[int, int], facts.Waiver]
    forks: Mapping[int, str]

    @classmethod
    def read(
        cls,
        terminal_ids: Collection[int],
        release_ids: Collection[int],
        effective: Mapping[int, Effective],
        now: datetime,
    ) -> _Said:
        both = {"terminal_id__in": terminal_ids, "release_id__in": release_ids}
        pair = ("terminal_id", "release_id")
        return cls(
            consents=frozenset(Consent.objects.filter(**both).values_list(*pair)),
            postponements={
                (terminal, release): facts.Postponement(first_at=first_at, until=until)
                for terminal, release, first_at, until in Postponement.objects.filter(**both).values_list(
                    *pair, "first_at", "until"
                )
            },
            displayed={
                (terminal, release): first_at
                for terminal, release, first_at in Displayed.objects.filter(**both).values_list(*pair, "first_at")
            },
            waivers=_waivers(release_ids, effective, now),
            forks=dict(
                Conflict.objects.filter(terminal_id__in=terminal_ids, settled_at=None)
                .order_by("-pk")
                .values_list("terminal_id", "field")
            ),
        )


def _waivers(
    release_ids: Collection[int], effective: Mapping[int, Effective], now: datetime
) -> dict[tuple[int, int], facts.Waiver]:
    """The latest end of any waiver at the terminal or above it."""
    found: dict[tuple[int, int], facts.Waiver] = {}
    rows = Waiver.objects.filter(release_id__in=release_ids, ends_at__gt=now).order_by("ends_at")
    for waiver in rows:
        for terminal_id, each in effective.items():
            if waiver.terminal_id == terminal_id or waiver.node_id in each.node_ids:
                found[terminal_id, waiver.release_id] = facts.Waiver(ends_at=waiver.ends_at)
    return found


def _terminal(terminal: Terminal, effective: Effective, attributes: Mapping[str, str], ask: Ask) -> facts.TerminalFacts:
    return facts.TerminalFacts(
        serial=terminal.serial,
        zone=ZoneInfo(effective.time_zone),
        client=Client(terminal.client),
        state=facts.TerminalState(terminal.state),
        model=terminal.model.name if terminal.model else attributes.get(MODEL, ""),
        hardware_revision=terminal.hardware_revision or attributes.get(REVISION, ""),
        components=MappingProxyType(installed_components(attributes)),
        last_limited_install_at=ask.last_limited_install_at,
    )


def installed_components(attributes: Mapping[str, str]) -> dict[str, str]:
    """Name → version, as the terminal itself reported (contracts: configData of our agent)."""
    return {key.removeprefix(COMPONENT): value for key, value in attributes.items() if key.startswith(COMPONENT)}


def release_facts(release_ids: Iterable[int]) -> dict[int, facts.ReleaseFacts]:
    """Two queries for any number of releases."""
    wanted = list(release_ids)
    components: dict[int, dict[str, facts.Component]] = {}
    passthrough: set[int] = set()
    for part in (part for parts in catalog.parts_of(wanted).values() for part in parts):
        manifest = part.artifact.manifest or {}
        components.setdefault(part.release_id, {})[part.artifact.name] = facts.Component(
            type=cast("ComponentType", part.artifact.type),
            version=part.artifact.version,
            models=frozenset(manifest.get("models", ())),
            hardware=frozenset(manifest.get("hardware", ())),
        )
        if part.artifact.kind == ArtifactKind.PASSTHROUGH:
            passthrough.add(part.release_id)
    return {
        release.pk: _release(release, components.get(release.pk, {}), passthrough=release.pk in passthrough)
        for release in catalog.with_ids(wanted)
    }


def _release(release: Release, components: dict[str, facts.Component], *, passthrough: bool) -> facts.ReleaseFacts:
    stone = release.stepping_stone
    return facts.ReleaseFacts(
        id=release.pk,
        version=release.version,
        severity=cast("Severity", release.severity),
        state=facts.ReleaseState(release.state),
        estimate=timedelta(minutes=release.minutes),
        components=MappingProxyType(components),
        required_at=release.required_at,
        emergency=release.emergency,
        fixes_on=release.fixes_on or None,
        requirements=tuple(msgspec.convert(release.requirements, list[Requirement])),
        stepping_stone=msgspec.convert(stone, Requirement) if stone else None,
        cves=frozenset(release.cves),
        passthrough=passthrough,
    )


def purpose_of(release: facts.ReleaseFacts, installed: Mapping[str, str], client: Client) -> facts.Purpose:
    """What taking this release would be for a terminal with these components.

    A terminal of ours that tells of nothing but its updater has no software yet. Foreign clients have some, and tell nothing of it.
    """
    is_bare = client is Client.EVERTILL and not installed.keys() - {UPDATER}
    if is_bare and release.components.keys() - {UPDATER}:
        return facts.Purpose.FIRST
    relations = {
        _relation(component, installed[name]) for name, component in release.components.items() if name in installed
    }
    if Relation.OLDER in relations:
        return facts.Purpose.GO_BACK
    complete = release.components.keys() <= installed.keys()
    return facts.Purpose.REPAIR if complete and relations == {Relation.SAME} else facts.Purpose.UPDATE


def _relation(component: facts.Component, installed: str) -> Relation:
    try:
        return relation(component.type, component.version, installed)
    except ProtocolRefused:
        return Relation.DIFFERENT  # the device reported something that is no version of ours
