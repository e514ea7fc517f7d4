"""Running a rollout: creating it with its members, opening group after group, halting it, and what people do to it.

Rules kept here: members are fixed when it is created, by hash(serial, rollout); each change of state is `UPDATE … WHERE id AND state` with its audit row;
a stopped, paused or halted rollout hands out nothing new, because every decision reads its state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction
from django.utils.translation import gettext as _

from evertill.server.rooms.accounts.commands import command
from evertill.server.rooms.accounts.rules import Operation
from evertill.server.rooms.audit import service as audit
from evertill.server.rooms.audit.actor import Actor
from evertill.server.rooms.fleet import queries as fleet
from evertill.server.rooms.fleet.rules import State as TerminalState
from evertill.server.rooms.kernel.errors import FieldInvalid
from evertill.server.rooms.kernel.jobs import enqueue
from evertill.server.rooms.organisations import queries as organisations
from evertill.server.rooms.policies.rules.inputs import Purpose
from evertill.server.rooms.rollouts import progress, rules
from evertill.server.rooms.rollouts.errors import RolloutEmpty, RolloutNotInState, SerialsUnknown
from evertill.server.rooms.rollouts.models import Action, Rollout, RolloutGroup, RolloutMember
from evertill.server.rooms.rollouts.rules import Halt, RolloutState
from evertill.server.rooms.rollouts.service import assigning, situations, standing
from evertill.server.rooms.rollouts.service.assigning import AssignOptions
from evertill.server.rooms.rollouts.states import Kind, Origin, State

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from django.db.models import QuerySet

    from evertill.server.rooms.accounts.access import Identity
    from evertill.server.rooms.organisations.models import Node

OPEN_GROUP: Final = "rollouts.open-group"
FOLLOW: Final = "rollouts.follow"
CANCEL: Final = "rollouts.cancel"
RUNNER: Final = Actor.system("rollouts")
MEMBERS_BATCH: Final = 5000
_NOT_HALTED: Final[dict[str, Any]] = {"halted_by": "", "halted_at": None, "halted_group": None}


@dataclass(frozen=True)
class NewRollout:
    """`serials` narrows the node's terminals to these; `groups` are percents of all members, together 100."""

    release_id: int
    at: str = ""
    serials: Sequence[str] | None = None
    name: str = ""
    groups: str = "100"
    success_percent: int = 95
    error_percent: int = 10
    timeout_s: int = assigning.DEFAULT_TIMEOUT_S
    kind: Kind = Kind.SOFT


def create(new: NewRollout, by: Identity, now: datetime) -> Rollout:
    """A rollout that is ready; its members are the active terminals of the node (empty: the operator) or of the file.

    Raises `NodeUnknown`, `ReleaseUnknown`, `ReleaseNotAssignable`, `SerialsUnknown`, `RolloutEmpty`, `FieldInvalid`, `NotAllowed`.
    """
    with command(by, "rollout.create", kind="rollout", ref="", now=now) as act:
        node = organisations.by_address(new.at) if new.at else organisations.operator()
        act.require(Operation.ROLLOUTS_EDIT, node)
        shares = _checked(new)
        release = assigning.assignable(new.release_id)
        members = _terminals(node, new.serials)
        rollout = Rollout.objects.create(
            name=new.name or f"{release.name} {release.version}",
            release=release,
            node=node,
            state=RolloutState.READY,
            success_percent=new.success_percent,
            error_percent=new.error_percent,
            timeout_s=new.timeout_s,
            kind=new.kind,
            created_by=by.actor.name,
            created_at=now,
        )
        act.ref = str(rollout.pk)
        RolloutGroup.objects.bulk_create(
            [
                RolloutGroup(rollout=rollout, number=number, percent=share)
                for number, share in enumerate(shares, start=1)
            ]
        )
        RolloutMember.objects.bulk_create(
            [
                RolloutMember(rollout=rollout, terminal_id=pk, group=rules.group_of(serial, rollout.pk, shares))
                for pk, serial in members
            ],
            batch_size=MEMBERS_BATCH,
        )
        act.details.update(release=release.pk, groups=new.groups, members=len(members))
    return rollout


def start(rollout_id: int, by: Identity, now: datetime) -> Rollout:
    """Opens the first group. Raises `RolloutUnknown`, `RolloutNotInState`, `ReleaseNotAssignable`, `NotAllowed`."""
    with command(by, "rollout.start", kind="rollout", ref=str(rollout_id), now=now) as act:
        rollout = progress.by_id(rollout_id)
        act.require(Operation.ROLLOUTS_EDIT, rollout.node)
        assigning.assignable(rollout.release_id)
        _move(rollout, rules.STARTS_FROM, RolloutState.RUNNING, started_at=now)
        _open(rollout, 1, now)
        _note_waiting(rollout, now)
    return progress.by_id(rollout_id)


def pause(rollout_id: int, by: Identity, now: datetime) -> Rollout:
    """Nothing new is handed out; what was retrieved goes on. Raises `RolloutUnknown`, `RolloutNotInState`, `NotAllowed`."""
    with command(by, "rollout.pause", kind="rollout", ref=str(rollout_id), now=now) as act:
        rollout = progress.by_id(rollout_id)
        act.require(Operation.ROLLOUTS_EDIT, rollout.node)
        _move(rollout, rules.PAUSES_FROM, RolloutState.PAUSED)
        _follow(rollout, now)
    return progress.by_id(rollout_id)


def resume(rollout_id: int, by: Identity, now: datetime) -> Rollout:
    """Goes on where it stood. After a halt, the errors so far are known and halt it no more. Raises as `pause`."""
    with command(by, "rollout.resume", kind="rollout", ref=str(rollout_id), now=now) as act:
        rollout = progress.by_id(rollout_id)
        act.require(Operation.ROLLOUTS_EDIT, rollout.node)
        if rollout.state == RolloutState.HALTED:
            for number, counts in progress.counts(rollout.pk).items():
                # At least one, so that a group without errors and without anybody left passes too.
                RolloutGroup.objects.filter(rollout=rollout, number=number).update(pardoned=max(1, counts.errors))
        _move(rollout, rules.RESUMES_FROM, RolloutState.RUNNING, **_NOT_HALTED)
        _follow(rollout, now)
    return progress.by_id(rollout_id)


def stop(rollout_id: int, by: Identity, now: datetime) -> Rollout:
    """Ends it for good: open actions are cancelled, through `canceling` where a device has fetched them. Raises as `pause`."""
    with command(by, "rollout.stop", kind="rollout", ref=str(rollout_id), now=now) as act:
        rollout = progress.by_id(rollout_id)
        act.require(Operation.ROLLOUTS_EDIT, rollout.node)
        _move(rollout, rules.STOPS_FROM, RolloutState.STOPPED, ended_at=now)
        act.details["open"] = cancel_where({"rollout_id": rollout.pk}, now)
        _note_waiting(rollout, now)
    return progress.by_id(rollout_id)


def stop_all_of(release_id: int, now: datetime) -> None:
    """The release was taken back: none of its rollouts goes on."""
    for rollout in Rollout.objects.select_related("node").filter(release_id=release_id, state__in=rules.STOPS_FROM):
        _move(rollout, rules.STOPS_FROM, RolloutState.STOPPED, ended_at=now)
        _record(rollout, "rollout.stop", now, cause="release taken back")
        _note_waiting(rollout, now)


def tick(now: datetime) -> None:
    """What the job does: halts, opens the next group, finishes; each rollout in its own transaction."""
    for rollout_id in Rollout.objects.filter(state=RolloutState.RUNNING).values_list("pk", flat=True):
        _advance(rollout_id, now)


@transaction.atomic
def _advance(rollout_id: int, now: datetime) -> None:
    rollout = Rollout.objects.select_for_update(of=("self",)).select_related("node", "release").get(pk=rollout_id)
    groups = list(RolloutGroup.objects.filter(rollout=rollout).order_by("number"))
    counts = progress.counts(rollout.pk)
    for group in groups[: rollout.group]:
        verdict = rules.verdict(
            counts.get(group.number, rules.Counts()),
            success_percent=rollout.success_percent,
            error_percent=rollout.error_percent,
            pardoned=group.pardoned,
        )
        if verdict is Halt.ERRORS or (verdict is Halt.TOO_FEW and group.passed_at is None):
            _halt(rollout, group, verdict, now)
            return
        if verdict and group.passed_at is None:
            RolloutGroup.objects.filter(pk=group.pk, passed_at=None).update(passed_at=now)
        elif group.passed_at is None:
            return
    if rollout.group < len(groups):
        _open(rollout, rollout.group + 1, now)
    elif not any(each.open for each in counts.values()):
        _move(rollout, frozenset({RolloutState.RUNNING}), RolloutState.FINISHED, ended_at=now)
        _record(rollout, "rollout.finish", now)


def _halt(rollout: Rollout, group: RolloutGroup, cause: Halt, now: datetime) -> None:
    halted = {"halted_by": cause, "halted_at": now, "halted_group": group.number}
    _move(rollout, frozenset({RolloutState.RUNNING}), RolloutState.HALTED, **halted)
    _record(rollout, "rollout.halt", now, group=group.number, cause=cause.value)
    _follow(rollout, now)


def _open(rollout: Rollout, number: int, now: datetime) -> None:
    """Actions for one group: at once for a batch, queued beyond it."""
    Rollout.objects.filter(pk=rollout.pk, group=number - 1).update(group=number)
    RolloutGroup.objects.filter(rollout=rollout, number=number).update(opened_at=now)
    members = RolloutMember.objects.filter(rollout=rollout, group=number)
    _record(rollout, "rollout.open-group", now, group=number)
    if members.count() > standing.BATCH:
        enqueue(OPEN_GROUP, {"rollout": rollout.pk, "group": number}, now)
    else:
        open_piece({"rollout": rollout.pk, "group": number}, None, now)


@transaction.atomic
def open_piece(payload: dict[str, Any], cursor: int | None, now: datetime) -> tuple[int | None, int]:
    """Actions for the next batch of a group's members, by terminal id. Who runs the release already needs none and is withheld."""
    rollout = progress.by_id(payload["rollout"])
    rows = RolloutMember.objects.filter(
        rollout=rollout, group=payload["group"], terminal_id__gt=cursor or 0, action=None
    ).order_by("terminal_id")
    members = list(rows[: standing.BATCH])
    if not members or rollout.state == RolloutState.STOPPED:
        return None, 0
    options = AssignOptions(kind=Kind(rollout.kind), timeout_s=rollout.timeout_s)
    terminal_ids = [member.terminal_id for member in members]
    actions = {
        action.terminal_id: action
        for action in assigning.begin(
            terminal_ids, rollout.release, Origin.ROLLOUT, RUNNER, now, options=options, rollout=rollout
        )
    }
    for member in members:
        member.action = actions[member.terminal_id]
    RolloutMember.objects.bulk_update(members, ["action"], batch_size=standing.BATCH)
    needless = [action for action in actions.values() if action.purpose == Purpose.REPAIR]
    assigning.take_back(needless, now)
    standing.refresh(terminal_ids, now)
    return (members[-1].terminal_id if len(members) == standing.BATCH else None), len(members)


def cancel_where(which: dict[str, int], now: datetime) -> int:
    """Cancels the open actions of a `rollout_id` or `release_id`: a batch at once, the rest queued. Answers how many there are."""
    count = _cancellable(which).count()
    if count > standing.BATCH:
        enqueue(CANCEL, which, now)
    else:
        cancel_piece(which, None, now)
    return count


@transaction.atomic
def cancel_piece(which: dict[str, int], _cursor: object, now: datetime) -> tuple[bool | None, int]:
    """The next batch; what is cancelled already is not found again, so no cursor is needed but to go on."""
    actions = list(_cancellable(which).order_by("pk")[: standing.BATCH])
    assigning.take_back(actions, now)
    standing.refresh({action.terminal_id for action in actions}, now)
    return (True if len(actions) == standing.BATCH else None), len(actions)


@transaction.atomic
def follow_piece(payload: dict[str, int], cursor: int | None, now: datetime) -> tuple[int | None, int]:
    """Decides anew for the next batch of a rollout's terminals, by terminal id."""
    rows = Action.objects.filter(**payload, closed_at=None, terminal_id__gt=cursor or 0)
    ids = list(rows.order_by("terminal_id").values_list("terminal_id", flat=True).distinct()[: standing.BATCH])
    standing.refresh(ids, now)
    return (ids[-1] if len(ids) == standing.BATCH else None), len(ids)


def _follow(rollout: Rollout, now: datetime) -> None:
    """Its terminals' standing after its state has changed; until then retrieving decides anew anyway."""
    which = {"rollout_id": rollout.pk}
    if Action.objects.filter(**which, closed_at=None).count() > standing.BATCH:
        enqueue(FOLLOW, which, now)
    else:
        follow_piece(which, None, now)
    _note_waiting(rollout, now)


def _note_waiting(rollout: Rollout, now: datetime) -> None:
    """What lists say of its members that have no action yet: at once for a batch, queued beyond it."""
    which = {"rollout": rollout.pk}
    waiting = RolloutMember.objects.filter(rollout=rollout, action=None).values("pk")[: situations.BATCH + 1]
    if len(waiting) > situations.BATCH:
        enqueue(situations.NOTE_WAITING, which, now)
    else:
        situations.note_waiting_piece(which, None, now)


def _cancellable(which: dict[str, int]) -> QuerySet[Action]:
    return Action.objects.filter(**which, closed_at=None).exclude(state=State.CANCELING)


def _move(rollout: Rollout, wanted: Collection[RolloutState], to: RolloutState, **sets: Any) -> None:
    """Raises `RolloutNotInState`."""
    if not Rollout.objects.filter(pk=rollout.pk, state__in=wanted).update(state=to, **sets):
        state = Rollout.objects.values_list("state", flat=True).get(pk=rollout.pk)
        raise RolloutNotInState(rollout=rollout.pk, state=state, wanted=", ".join(sorted(wanted)))


def _record(rollout: Rollout, act: str, now: datetime, **details: Any) -> None:
    audit.record(RUNNER, act, kind="rollout", ref=str(rollout.pk), node=rollout.node.address, details=details, now=now)


def _checked(new: NewRollout) -> list[int]:
    """The groups' shares. Raises `FieldInvalid`."""
    for field, value in (("success", new.success_percent), ("error", new.error_percent)):
        if not 1 <= value <= rules.WHOLE:
            raise FieldInvalid(field=field, problem=_("use 1 to 100 percent"))
    if new.timeout_s < 1:
        raise FieldInvalid(field="timeout", problem=_("use at least a second"))
    if new.kind not in {Kind.SOFT, Kind.FORCED, Kind.DOWNLOADONLY}:
        raise FieldInvalid(field="type", problem=_("use soft, forced or downloadonly"))
    try:
        return rules.percents(new.groups)
    except ValueError as error:
        raise FieldInvalid(field="groups", problem=str(error)) from error


def _terminals(node: Node, serials: Iterable[str] | None) -> list[tuple[int, str]]:
    """(id, serial) of the active terminals that take part. Raises `SerialsUnknown`, `RolloutEmpty`."""
    members = fleet.active_below(node) if serials is None else _named(node, set(serials))
    if not members:
        raise RolloutEmpty
    return members


def _named(node: Node, serials: set[str]) -> list[tuple[int, str]]:
    found = fleet.named_below(node, serials)
    unknown = sorted(serials - {terminal.serial for terminal in found})
    if unknown:
        raise SerialsUnknown(count=len(unknown), first=unknown[0])
    return [(terminal.pk, terminal.serial) for terminal in found if terminal.state == TerminalState.ACTIVE]
