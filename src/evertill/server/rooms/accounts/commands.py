"""How a person's act runs: allowed, done and recorded in one transaction; refused attempts recorded too.

    with command(by, "terminal.add", kind="terminal", ref=serial, now=now) as act:
        act.require(Operation.TERMINALS_EDIT, node)
        ... change rows ...
        act.details["model"] = model

Leaving the block writes the audit row and commits. A `Refused` rolls everything back, is recorded as a refusal of this act, and goes on to the door.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import transaction

from evertill.server.rooms.accounts import access
from evertill.server.rooms.audit import service as audit
from evertill.server.rooms.kernel.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from evertill.server.rooms.accounts.access import Identity
    from evertill.server.rooms.accounts.rules import Operation
    from evertill.server.rooms.organisations.models import Node


@dataclass
class Act:
    """The act under way; `ref`, `reason` and `details` go into its record."""

    by: Identity
    now: datetime
    ref: str
    node: str = ""
    reason: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    def require(self, operation: Operation, node: Node) -> None:
        """Raises `NotAllowed`; remembers the node for the record."""
        self.node = node.address
        access.require(self.by, operation, node)


@contextmanager
def refusals_recorded(by: Identity, act: str, *, kind: str, ref: str, now: datetime) -> Iterator[None]:
    """For the part of an act that no transaction can hold (signing files): the act is recorded already, its refusal here."""
    try:
        yield
    except Refused as refused:
        audit.record_refusal(by.actor, act, refused, kind=kind, ref=ref, now=now)
        raise


@contextmanager
def command(by: Identity, act: str, *, kind: str, ref: str, now: datetime, reason: str = "") -> Iterator[Act]:
    current = Act(by, now, ref, reason=reason)
    try:
        with transaction.atomic():
            yield current
            audit.record(
                by.actor,
                act,
                kind=kind,
                ref=current.ref,
                node=current.node,
                reason=current.reason,
                details=current.details,
                now=now,
            )
    except Refused as refused:
        audit.record_refusal(by.actor, act, refused, kind=kind, ref=current.ref, now=now)
        raise
