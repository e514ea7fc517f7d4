"""What people set on the server: a field at a node or a terminal, or a waiver of a release's date.

Rules kept here: each switch is one `PolicyChange`, one audit row and its effect in one transaction; *never* is the merchant's, both setting it and taking
it back; a field held above cannot be set below; a freeze that has begun is remembered for ever.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final, Literal

from django.utils.translation import gettext as _

from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.policy import Mode, check_setting
from evertill.server.rooms.accounts.commands import command
from evertill.server.rooms.accounts.rules import Operation
from evertill.server.rooms.catalog import queries as catalog
from evertill.server.rooms.catalog.errors import ProtocolSaysNo
from evertill.server.rooms.kernel.errors import FieldInvalid
from evertill.server.rooms.policies import guardrails
from evertill.server.rooms.policies.errors import FieldNotSet, ReasonNeeded
from evertill.server.rooms.policies.models import PolicyChange, PolicyField, Waiver
from evertill.server.rooms.policies.rules.resolve import TERMINAL_ORIGIN, check_not_held
from evertill.server.rooms.policies.service import freezes, revisions
from evertill.server.rooms.policies.targets import Target

if TYPE_CHECKING:
    from datetime import datetime

    from evertill.server.rooms.accounts.access import Identity
    from evertill.server.rooms.accounts.commands import Act
    from evertill.server.rooms.fleet.models import Terminal
    from evertill.server.rooms.organisations.models import Node

Way = Literal["terminal", "console", "merchant", "support"]
APPLIED: Final = "applied"


def set_field(  # noqa: PLR0913 - who sets what where, why, until when
    where: Node | Terminal,
    field: str,
    value: Any,
    by: Identity,
    now: datetime,
    *,
    reason: str = "",
    mandated: bool = False,
    way: Way = "console",
    risk_text: str = "",
    ends_at: datetime | None = None,
) -> PolicyChange:
    """Sets one field (`value` in its JSON form) at a node or terminal; what was queued for large subtrees follows by job.

    Raises `ProtocolSaysNo` (the codes of protocol.policy: POLICY_FIELD_UNKNOWN, POLICY_VALUE_INVALID, POLICY_NOT_HERE, POLICY_MANDATE_NOT_HERE,
    POLICY_HELD, POLICY_GUARDRAIL, FREEZE_TOO_LONG, FREEZE_TOO_CLOSE), `NeverNeedsMerchant`, `ReasonNeeded`, `FieldInvalid`, `NotAllowed`.
    """
    target = Target.of(where)
    with command(by, "policy.set", kind=target.kind, ref=target.ref, now=now, reason=reason) as act:
        _begin(act, target, field, value, now)
        _check(target, field, value, now, mandated=mandated)
        if ends_at is not None and ends_at <= now:
            raise FieldInvalid(field="ends_at", problem=_("choose a moment in the future"))
        if field == "freeze":
            freezes.remember(target, value, by.actor.name, now)
        put(target, field, value, by.actor.name, now, mandated=mandated, ends_at=ends_at)
        words = {"mandated": mandated, "ends_at": ends_at, "way": way, "risk_text": risk_text, "reason": reason}
        change = record_change(target, field, value, by.actor.name, now, **words)
        act.details.update(field=field, value=value, mandated=mandated, way=way)
        revisions.follow(target.terminal_ids(), now)
    return change


def unset_field(
    where: Node | Terminal, field: str, by: Identity, now: datetime, *, reason: str = "", way: Way = "console"
) -> PolicyChange:
    """Back to what is inherited. Raises `FieldNotSet`, `NeverNeedsMerchant`, `ReasonNeeded`, `NotAllowed`."""
    target = Target.of(where)
    with command(by, "policy.unset", kind=target.kind, ref=target.ref, now=now, reason=reason) as act:
        _begin(act, target, field, None, now)
        if field == "freeze":
            freezes.remember(target, [], by.actor.name, now)
        if not PolicyField.objects.filter(**target.key, field=field).delete()[0]:
            raise FieldNotSet(field=field, target=target.ref)
        change = record_change(target, field, None, by.actor.name, now, way=way, reason=reason)
        act.details.update(field=field, way=way)
        revisions.follow(target.terminal_ids(), now)
    return change


def waive(
    where: Node | Terminal, release_id: int, by: Identity, now: datetime, *, reason: str, ends_at: datetime
) -> Waiver:
    """The date of this release does not act here until `ends_at`. Raises `ReleaseUnknown`, `ReasonNeeded`, `FieldInvalid`, `NotAllowed`."""
    target = Target.of(where)
    with command(by, "policy.waive", kind=target.kind, ref=target.ref, now=now, reason=reason) as act:
        act.require(Operation.POLICIES_EDIT, target.node)
        if not reason.strip():
            raise ReasonNeeded(field="required_at")
        if ends_at <= now:
            raise FieldInvalid(field="ends_at", problem=_("choose a moment in the future"))
        release = catalog.by_id(release_id)
        act.details.update(release=release.pk, ends_at=ends_at.isoformat())
        waiver = Waiver.objects.create(
            **target.key, release=release, reason=reason, set_by=by.actor.name, at=now, ends_at=ends_at
        )
        revisions.follow(target.terminal_ids(), now)
    return waiver


def put(
    target: Target,
    field: str,
    value: Any,
    person: str,
    now: datetime,
    *,
    mandated: bool = False,
    ends_at: datetime | None = None,
) -> None:
    """The field itself; the caller has checked it and records the change."""
    words = {"value": value, "mandated": mandated, "set_by": person, "at": now, "ends_at": ends_at}
    PolicyField.objects.update_or_create(**target.key, field=field, defaults=words)


def record_change(target: Target, field: str, value: Any, person: str, now: datetime, **words: Any) -> PolicyChange:
    """The one record of a switch. `words`: its further columns."""
    defaults = {"uuid": uuid.uuid4(), "way": "console", "outcome": APPLIED}
    return PolicyChange.objects.create(
        **target.key, field=field, value=value, person=person, received_at=now, **(defaults | words)
    )


def _begin(act: Act, target: Target, field: str, value: Any, now: datetime) -> None:
    """Whether this person may, before anything is said about the value. The lock makes what was read last."""
    act.require(Operation.POLICIES_EDIT, target.node)
    target.lock()
    if field != "mode":
        return
    if Mode.NEVER in {value, target.effective(now).policy.mode}:
        act.require(Operation.NEVER_SET, target.node)
    if not act.reason.strip():
        raise ReasonNeeded(field=field)


def _check(target: Target, field: str, value: Any, now: datetime, *, mandated: bool) -> None:
    try:
        check_setting(field, value, target.place, guardrails.in_force(), merchant_verified=True, mandated=mandated)
        check_not_held(target.effective(now), field, TERMINAL_ORIGIN if target.terminal else target.ref)
    except ProtocolRefused as refused:
        raise ProtocolSaysNo(refused) from None
