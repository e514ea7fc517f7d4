"""Writing the record: called by the other rooms' services inside their own transaction, so an act and its row exist together or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import connection, transaction

from evertill.server.rooms.audit.models import REF_MOST, AuditEvent

if TYPE_CHECKING:
    from datetime import datetime

    from evertill.server.rooms.audit.actor import Actor
    from evertill.server.rooms.kernel.errors import Refused

_COUNT = """
INSERT INTO audit_anonymousrefusal (day, door, code, count) VALUES (%s, %s, %s, %s)
ON CONFLICT (day, door, code) DO UPDATE SET count = audit_anonymousrefusal.count + excluded.count
"""


def record(
    actor: Actor,
    act: str,
    *,
    kind: str,
    ref: str,
    now: datetime,
    node: str = "",
    reason: str = "",
    details: dict[str, Any] | None = None,
) -> None:
    """One act that was done. Must run inside the transaction that does it."""
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError(f"{act} must be recorded inside the transaction that does it")
    AuditEvent.objects.create(
        at=now,
        actor_kind=actor.kind,
        actor=actor.name,
        os_user=actor.os_user,
        act=act,
        kind=kind,
        ref=ref,
        node=node,
        reason=reason,
        details=details or {},
    )


def record_refusal(actor: Actor, act: str, refused: Refused, *, kind: str, ref: str, now: datetime) -> None:
    """One authenticated attempt that was refused, in a transaction of its own: the attempted one is rolled back already."""
    params = {name: _kept(str(value)) for name, value in refused.params.items()}
    AuditEvent.objects.create(
        at=now,
        actor_kind=actor.kind,
        actor=actor.name,
        os_user=actor.os_user,
        act=act,
        refused=refused.code,
        kind=kind,
        ref=_kept(ref)[:REF_MOST],
        details=params,
    )


def _kept(text: str) -> str:
    """What a caller sent may hold NUL, which PostgreSQL cannot store."""
    return text.replace("\x00", "\ufffd")


def count_anonymous(door: str, code: str, now: datetime, times: int = 1) -> None:
    """Somebody unknown was turned away at a door."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [now.date(), door, code, times])
