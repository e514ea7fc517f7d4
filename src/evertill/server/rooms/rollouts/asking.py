"""Asking decide() about actions and offers: gathers what only this room knows (turns, stores, kinds, past installs) for many terminals at once.

Rules kept here: a fixed number of queries per batch; nothing is decided or written here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from django.db.models import Max

from evertill.protocol.policy import Client
from evertill.protocol.windows import Share
from evertill.server.rooms.catalog import queries as catalog
from evertill.server.rooms.fleet import queries as fleet
from evertill.server.rooms.fleet.rules import State as TerminalState
from evertill.server.rooms.policies import facts
from evertill.server.rooms.policies.rules import decide
from evertill.server.rooms.policies.rules.builds import security_build
from evertill.server.rooms.policies.rules.inputs import (
    DATED,
    NEWS,
    Act,
    ActionFacts,
    Presence,
    Purpose,
    RolloutTurn,
    StoreTurn,
    TurnState,
)
from evertill.server.rooms.rollouts.maintenance import MaintenanceWindow
from evertill.server.rooms.rollouts.models import Action, RolloutGroup, RolloutMember
from evertill.server.rooms.rollouts.rules import RolloutState
from evertill.server.rooms.rollouts.states import CLOSED, SHOPS, Kind, Origin, State

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from evertill.server.rooms.policies.rules import Decision
    from evertill.server.rooms.policies.rules.inputs import Inputs, ReleaseFacts

_TURNS: Final = {
    RolloutState.READY: TurnState.READY,
    RolloutState.RUNNING: TurnState.RUNNING,
    RolloutState.PAUSED: TurnState.PAUSED,
    RolloutState.HALTED: TurnState.HALTED,
    RolloutState.STOPPED: TurnState.STOPPED,
    RolloutState.FINISHED: TurnState.RUNNING,  # who was away while it ran may still follow
}
_OUT_OF_REACH: Final = frozenset({1, 2})  # decide()'s numbers: it does not fit, or it is not its turn
REPORTED: Final = "reported"  # fleet.rules.PROOFS: nothing better exists than the device's own report


@dataclass(frozen=True)
class Question:
    """May this terminal take this release, by this action, or by one that would be made?"""

    terminal_id: int
    release_id: int
    action: Action | None = None


def about(action: Action) -> Question:
    return Question(action.terminal_id, action.release_id, action)


def decisions(questions: Sequence[Question], now: datetime) -> list[Decision]:
    """In the order of the questions."""
    return [decide(each) for each in inputs(questions, now)]


def inputs(questions: Sequence[Question], now: datetime) -> list[Inputs]:
    """In the order of the questions. A critical release gives way to a security-only build that its terminal can get (design §4)."""
    made = _inputs(questions, now)
    beside = {
        question.terminal_id
        for question, each in zip(questions, made, strict=True)
        if each.release.severity == "critical"
    }
    builds = _security_builds(beside, now) if beside else {}
    return [
        replace(each, security_build=build.version)
        if (build := security_build(each.release, each.terminal, builds.get(question.terminal_id, ()))) is not None
        else each
        for question, each in zip(questions, made, strict=True)
    ]


def _security_builds(terminal_ids: Collection[int], now: datetime) -> dict[int, list[ReleaseFacts]]:
    """By terminal: the builds that fix one version alone, fit it, and are its turn."""
    known = facts.release_facts(catalog.dated_ids({"critical"})).values()
    questions = [
        Question(terminal_id, each.id) for terminal_id in terminal_ids for each in known if each.fixes_on is not None
    ]
    found: dict[int, list[ReleaseFacts]] = {}
    for question, each in zip(questions, _inputs(questions, now), strict=True):
        if not any(outcome.holds and outcome.number in _OUT_OF_REACH for outcome in decide(each).outcomes):
            found.setdefault(question.terminal_id, []).append(each.release)
    return found


def _inputs(questions: Sequence[Question], now: datetime) -> list[Inputs]:
    terminal_ids = {question.terminal_id for question in questions}
    if not questions:
        return []
    turns = _turns(questions)
    shops = _Shops.around(terminal_ids)
    limited = last_limited_installs(terminal_ids)
    asks = [
        facts.Ask(
            terminal_id=each.terminal_id,
            release_id=each.release_id,
            action=_action(each.action, now),
            turn=turns[each.terminal_id, each.release_id],
            store=shops.turn(each.terminal_id, each.release_id),
            presence=_presence(each.action),
            consented=each.action is not None and each.action.confirmed_at is not None,
            last_limited_install_at=limited.get(each.terminal_id),
        )
        for each in questions
    ]
    return facts.build(asks, now)


def is_forced(action: Action, now: datetime) -> bool:
    """hawkBit's forced, also a timeforced one whose time has come."""
    return action.kind == Kind.FORCED or (action.forced_at is not None and action.forced_at <= now)


def last_limited_installs(terminal_ids: Collection[int]) -> dict[int, datetime]:
    """When each terminal last finished an update that counts for the rate limit: not the first one, no security, no repair, no going back, not by hand."""
    rows = Action.objects.filter(
        terminal_id__in=terminal_ids, state=State.FINISHED, purpose=Purpose.UPDATE, tapped_at=None
    )
    counted = rows.exclude(kind=Kind.DOWNLOADONLY).exclude(release__severity__in=DATED).values("terminal_id")
    return dict(counted.annotate(last=Max("closed_at")).values_list("terminal_id", "last"))


def is_installing(action: Action) -> bool:
    """Between its start and its proof: it holds its shop's turn. One that is asked to stop may have gone too far, so it counts until it answers or its time is over."""
    if action.timed_out_at is not None:
        return False
    if action.state in CLOSED:
        return action.state == State.FINISHED and not is_proven(action)
    return has_begun(action) and (action.state != State.CANCELING or action.expires_at is not None)


def has_begun(action: Action) -> bool:
    """A ddi client installs when it has fetched the action, ours says when it begins."""
    return (action.installing_at if action.terminal.client == Client.EVERTILL else action.retrieved_at) is not None


def is_proven(action: Action) -> bool:
    """Believed: by the terminal's own words, or by its report where the model has no better proof or nothing was to be installed."""
    by_report = action.proof == REPORTED or action.kind == Kind.DOWNLOADONLY
    return action.verified_at is not None or (action.state == State.FINISHED and by_report)


def has_failed(action: Action) -> bool:
    return action.state == State.ERROR or (action.timed_out_at is not None and not is_proven(action))


def _action(action: Action | None, now: datetime) -> ActionFacts:
    if action is None:
        return ActionFacts()
    window = action.maintenance_window
    return ActionFacts(
        purpose=Purpose(action.purpose),
        cancelled=action.state in {State.CANCELING, State.CANCELED},
        forced=is_forced(action, now),
        confirmation_required=action.confirmation_required,
        maintenance=MaintenanceWindow.parse(window) if window else None,
    )


def _presence(action: Action | None) -> Presence | None:
    if action is not None and action.tapped_at is not None:
        return Presence(act=Act.NOW, at=action.tapped_at)
    if action is not None and action.closing_at is not None:
        return Presence(act=Act.CLOSING_TIME, at=action.closing_at)
    return None


def _turns(questions: Sequence[Question]) -> dict[tuple[int, int], RolloutTurn]:
    """The terminal's place in the newest rollout of the release that was started, else in the newest planned one; an assignment by staff stands in for it."""
    found = {(each.terminal_id, each.release_id): RolloutTurn() for each in questions}
    members = RolloutMember.objects.select_related("rollout").filter(
        terminal_id__in={terminal_id for terminal_id, _ in found},
        rollout__release_id__in={release_id for _, release_id in found},
    )
    rows = sorted(members, key=lambda row: (row.rollout.state != RolloutState.READY, row.rollout_id))
    groups = dict(
        RolloutGroup.objects.filter(rollout_id__in={row.rollout_id for row in rows})
        .values("rollout_id")
        .annotate(last=Max("number"))
        .values_list("rollout_id", "last")
    )
    for row in rows:
        rollout = row.rollout
        found[row.terminal_id, rollout.release_id] = RolloutTurn(
            state=_TURNS[RolloutState(rollout.state)],
            group=row.group,
            groups=groups[rollout.pk],
            group_open=row.group <= rollout.group,
        )
    for each in questions:
        if each.action is not None and each.action.origin == Origin.STAFF:
            found[each.terminal_id, each.release_id] = RolloutTurn(assigned=True)
    return found


@dataclass(frozen=True)
class _Shop:
    """The tills of one shop: each one's place in a fixed order, and those whose newest action others must wait for."""

    places: Mapping[int, int]
    failed: Sequence[Action]
    installing: Sequence[Action]

    def turn(self, terminal_id: int, release_id: int) -> StoreTurn:
        share = Share(self.places[terminal_id], len(self.places))
        for other in self.failed:
            if other.terminal_id != terminal_id and other.release_id == release_id:
                return StoreTurn(share=share, busy=other.terminal.serial, busy_failed=True)
        for other in self.installing:
            if other.terminal_id != terminal_id:
                return StoreTurn(share=share, busy=other.terminal.serial, busy_until=other.expires_at)
        return StoreTurn(share=share)


@dataclass(frozen=True)
class _Shops:
    shop_of: Mapping[int, _Shop]

    @classmethod
    def around(cls, terminal_ids: Collection[int]) -> _Shops:
        """The shops of these terminals, in three queries."""
        nodes = fleet.nodes_of(terminal_ids, SHOPS)
        tills: dict[int, list[int]] = {}
        for pk, node_id in fleet.active_at(nodes):
            tills.setdefault(node_id, []).append(pk)
        fetched = Action.objects.filter(terminal__node_id__in=nodes, retrieved_at__isnull=False).exclude(
            terminal__state=TerminalState.RETIRED
        )
        newest = fetched.values("terminal_id").annotate(newest=Max("pk")).values("newest")
        actions = list(Action.objects.select_related("terminal").filter(pk__in=newest).order_by("pk"))
        shops = {}
        for node_id, pks in tills.items():
            mine = [action for action in actions if action.terminal.node_id == node_id]
            places = {pk: place for place, pk in enumerate(pks)}
            shops[node_id] = _Shop(places, [a for a in mine if has_failed(a)], [a for a in mine if is_installing(a)])
        return cls({pk: shops[node_id] for node_id, pks in tills.items() for pk in pks})

    def turn(self, terminal_id: int, release_id: int) -> StoreTurn:
        shop = self.shop_of.get(terminal_id)
        return StoreTurn() if shop is None else shop.turn(terminal_id, release_id)


def offered(terminal_id: int) -> list[Question]:
    """What could be installed on this terminal: its open action, then the updates its rollouts bring and it does not run, newest first."""
    actions = (
        Action.objects.select_related("release")
        .filter(terminal_id=terminal_id, closed_at=None)
        .exclude(state=State.CANCELING)
    )
    questions = [about(action) for action in actions.order_by("-pk")[:1]]
    members = RolloutMember.objects.filter(terminal_id=terminal_id).exclude(rollout__state=RolloutState.READY)
    brought = set(members.values_list("rollout__release_id", flat=True)) - {
        question.release_id for question in questions
    }
    return questions + [Question(terminal_id, release_id) for release_id in newer(terminal_id) if release_id in brought]


def newer(terminal_id: int) -> list[int]:
    """Every published release that would be an update here, newest first, rolled out or not."""
    installed = facts.installed_components(fleet.attributes(terminal_id))
    installed_here = Action.objects.filter(terminal_id=terminal_id, state=State.FINISHED).exclude(
        kind=Kind.DOWNLOADONLY
    )
    finished = installed_here.values_list("release_id", flat=True)
    open_to_it = set(catalog.published_ids()) - set(finished)
    [terminal] = fleet.by_ids([terminal_id])
    client = Client(terminal.client)
    known = facts.release_facts(open_to_it).values()
    return sorted((each.id for each in known if facts.purpose_of(each, installed, client) in NEWS), reverse=True)
