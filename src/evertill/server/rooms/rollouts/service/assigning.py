"""Bringing actions about, and cancelling them, for one terminal or a thousand in the same few statements.

Rules kept here: a terminal works on one action at a time; a newer one cancels the older; what a device has retrieved is never taken away without its answer
(`canceling`), unless somebody forces it; an action that comes while an older one is being cancelled is `scheduled` until that has ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.utils.translation import gettext as _

from evertill.protocol.policy import Client
from evertill.server.rooms.accounts.commands import command
from evertill.server.rooms.accounts.rules import Operation
from evertill.server.rooms.catalog import queries as catalog
from evertill.server.rooms.catalog.rules import State as ReleaseState
from evertill.server.rooms.fleet import queries as fleet
from evertill.server.rooms.fleet.errors import TerminalRetired
from evertill.server.rooms.fleet.rules import State as TerminalState
from evertill.server.rooms.kernel import ids
from evertill.server.rooms.kernel.errors import FieldInvalid
from evertill.server.rooms.policies import facts
from evertill.server.rooms.rollouts import queries
from evertill.server.rooms.rollouts.errors import ActionClosed, CancelNotPossible, ReleaseNotAssignable
from evertill.server.rooms.rollouts.maintenance import MaintenanceWindow
from evertill.server.rooms.rollouts.models import Action, ActionStatus
from evertill.server.rooms.rollouts.service import moving, standing
from evertill.server.rooms.rollouts.states import CLOSED, Kind, Origin, State

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from evertill.server.rooms.accounts.access import Identity
    from evertill.server.rooms.audit.actor import Actor
    from evertill.server.rooms.catalog.models import Release
    from evertill.server.rooms.rollouts.models import Rollout

DEFAULT_WEIGHT: Final = 1000  # hawkBit's actionWeightIfAbsent
MOST_WEIGHT: Final = 1000
DEFAULT_TIMEOUT_S: Final = 24 * 3600


@dataclass(frozen=True)
class AssignOptions:
    """hawkBit's words for an assignment; `forced` skips consent and postponement, so nothing is forced unless somebody says so."""

    kind: Kind = Kind.SOFT
    forced_at: datetime | None = None
    confirmation_required: bool = False
    maintenance_window: dict[str, Any] | None = None
    weight: int = DEFAULT_WEIGHT
    timeout_s: int = DEFAULT_TIMEOUT_S


PLAIN: Final = AssignOptions()


def assign(serial: str, release_id: int, by: Identity, now: datetime, *, options: AssignOptions = PLAIN) -> Action:
    """A new action of this terminal; older open ones are cancelled (through `canceling` where the device has retrieved them).

    Raises `TerminalUnknown`, `TerminalRetired`, `ReleaseUnknown`, `ReleaseNotAssignable`, `FieldInvalid`, `NotAllowed`.
    """
    with command(by, "action.assign", kind="terminal", ref=serial, now=now) as act:
        terminal = fleet.by_serial(serial)
        act.require(Operation.ACTIONS_EDIT, terminal.node)
        _check(options)
        if terminal.state == TerminalState.RETIRED:
            raise TerminalRetired(serial=serial)
        release = assignable(release_id)
        [action] = begin([terminal.pk], release, Origin.STAFF, by.actor, now, options=options)
        act.details.update(release=release.pk, action=action.pk, type=options.kind.value)
        standing.refresh([terminal.pk], now)
    return queries.by_id(action.pk)


def assignable(release_id: int) -> Release:
    """Raises `ReleaseUnknown`, `ReleaseNotAssignable`."""
    release = catalog.by_id(release_id)
    if release.state != ReleaseState.PUBLISHED:
        raise ReleaseNotAssignable(release=release.pk, state=release.state)
    return release


def cancel(action_id: int, by: Identity, now: datetime, *, force: bool = False) -> Action:
    """Cancels an open action; `force` closes it without the device's answer.

    Raises `ActionUnknown`, `ActionClosed`, `CancelNotPossible` (canceling already, and not forced), `NotAllowed`.
    """
    with command(by, "action.cancel", kind="action", ref=str(action_id), now=now) as act:
        action = queries.by_id(action_id)
        act.require(Operation.ACTIONS_EDIT, action.terminal.node)
        moving.lock(action.terminal_id)
        action.refresh_from_db(fields=["state", "retrieved_at"])
        act.details.update(terminal=action.terminal.serial, force=force)
        if action.state in CLOSED:
            raise ActionClosed(action=action_id)
        if action.state == State.CANCELING and not force:
            raise CancelNotPossible(action=action_id, state=action.state)
        take_back([action], now, at_once=force)
        standing.refresh([action.terminal_id, *queries.waiting_beside(action.terminal)], now)
    return queries.by_id(action_id)


def begin(
    terminal_ids: Collection[int],
    release: Release,
    origin: Origin,
    actor: Actor,
    now: datetime,
    *,
    options: AssignOptions = PLAIN,
    rollout: Rollout | None = None,
) -> list[Action]:
    """New open actions of these terminals, in the place of their older ones. The caller records it and refreshes the standing."""
    terminals = fleet.lock(terminal_ids)
    older = moving.open_of_many([terminal.pk for terminal in terminals])
    take_back([action for action in older if action.state != State.CANCELING], now)
    busy = {action.terminal_id for action in older if action.state == State.CANCELING}
    [known] = facts.release_facts([release.pk]).values()
    attributes = fleet.attributes_of([terminal.pk for terminal in terminals])
    first = State.WAIT_FOR_CONFIRMATION if options.confirmation_required else State.RUNNING
    actions = [
        Action(
            pk=action_id,
            terminal=terminal,
            release=release,
            rollout=rollout,
            origin=origin,
            kind=options.kind,
            forced_at=options.forced_at,
            confirmation_required=options.confirmation_required,
            maintenance_window=options.maintenance_window,
            weight=options.weight,
            timeout_s=options.timeout_s,
            proof=fleet.proof_of(terminal),
            purpose=facts.purpose_of(
                known, facts.installed_components(attributes.get(terminal.pk, {})), Client(terminal.client)
            ),
            state=State.SCHEDULED if terminal.pk in busy else first,
            assigned_by=actor.name,
            assigned_at=now,
            statuses=1,
        )
        for action_id, terminal in zip(ids.take(ids.DEVICE, len(terminals)), terminals, strict=True)
    ]
    Action.objects.bulk_create(actions)
    ActionStatus.objects.bulk_create([ActionStatus(action=action, type=action.state, at=now) for action in actions])
    return actions


def take_back(actions: Sequence[Action], now: datetime, *, at_once: bool = False) -> None:
    """Cancels open actions of locked terminals: at once where the device has not fetched it (or somebody insists), else by asking the device.

    The caller records who did it and refreshes the standing.
    """
    asked = [] if at_once else [action for action in actions if action.retrieved_at is not None]
    ended = [action for action in actions if action not in asked]
    _put(asked, State.CANCELING, now)
    _put(ended, State.CANCELED, now)
    for terminal_id in {action.terminal_id for action in ended if action.retrieved_at is not None}:
        moving.promote(terminal_id, now)


def _put(actions: Sequence[Action], state: State, now: datetime) -> None:
    """One statement for the rows and one for their histories; what closed meanwhile stays as it is."""
    sets: dict[str, Any] = {"state": state}
    if state in CLOSED:
        sets |= {"closed_at": now, "expires_at": None}
    wanted = Action.objects.select_for_update().filter(pk__in=[action.pk for action in actions], closed_at=None)
    changed = set(wanted.values_list("pk", flat=True))
    Action.objects.filter(pk__in=changed, closed_at=None).update(**sets)
    ActionStatus.objects.bulk_create([ActionStatus(action_id=pk, type=state, at=now) for pk in sorted(changed)])
    for action in actions:
        if action.pk in changed:
            action.state = state


def _check(options: AssignOptions) -> None:
    if (options.kind is Kind.TIMEFORCED) != (options.forced_at is not None):
        raise FieldInvalid(field="forcetime", problem=_("timeforced needs a moment, and only timeforced has one"))
    if not 0 <= options.weight <= MOST_WEIGHT:
        raise FieldInvalid(field="weight", problem=_("use 0 to 1000"))
    if options.timeout_s < 1:
        raise FieldInvalid(field="timeout", problem=_("use at least a second"))
    if options.maintenance_window is not None:
        try:
            MaintenanceWindow.parse(options.maintenance_window)
        except ValueError as error:
            raise FieldInvalid(field="maintenanceWindow", problem=str(error)) from error
