"""What a visitor may look at. Whatever lies outside their subtrees is answered like what does not exist, so that nobody learns of it; the record keeps that it was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertill.server.rooms.accounts.rules import Operation
from evertill.server.rooms.fleet import queries as fleet
from evertill.server.rooms.fleet.errors import TerminalUnknown
from evertill.server.rooms.organisations import queries as organisations
from evertill.server.rooms.organisations.errors import NodeUnknown
from evertill.server.rooms.rollouts import progress
from evertill.server.rooms.rollouts import queries as rollouts
from evertill.server.rooms.rollouts.errors import ActionUnknown, RolloutUnknown

if TYPE_CHECKING:
    from evertill.server.doors.console.door import Visit
    from evertill.server.rooms.fleet.models import Terminal
    from evertill.server.rooms.organisations.models import Node
    from evertill.server.rooms.rollouts.models import Action, Rollout


def terminal(visit: Visit, serial: str) -> Terminal:
    """Raises `TerminalUnknown`."""
    found = fleet.by_serial(serial)
    if not visit.may(Operation.VIEW, found.node):
        raise visit.recorded(TerminalUnknown(serial=serial))
    return found


def node(visit: Visit, address: str) -> Node:
    """Raises `NodeUnknown`."""
    found = organisations.by_address(address)
    if not visit.may(Operation.VIEW, found):
        raise visit.recorded(NodeUnknown(address=address))
    return found


def rollout(visit: Visit, rollout_id: int) -> Rollout:
    """Raises `RolloutUnknown`."""
    found = progress.by_id(rollout_id)
    if not visit.may(Operation.VIEW, found.node):
        raise visit.recorded(RolloutUnknown(rollout=rollout_id))
    return found


def action(visit: Visit, action_id: int) -> Action:
    """Raises `ActionUnknown`."""
    found = rollouts.by_id(action_id)
    if not visit.may(Operation.VIEW, found.terminal.node):
        raise visit.recorded(ActionUnknown(action=action_id))
    return found
