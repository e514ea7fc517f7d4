"""What was switched at a terminal, told when it is online again.

Rules kept here: each change counts once, by its uuid; no fork ⇒ server order, the terminal's word is applied when it arrives; a fork (the server's value
changed after what the person saw) ⇒ the cautious value holds, both are kept and shown, and nothing installs by itself until the owner decides. Clocks of
terminals decide nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.db import transaction

from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.policy import Mode, Place, check_setting, more_cautious
from evertill.server.rooms.accounts.commands import command
from evertill.server.rooms.accounts.rules import Operation
from evertill.server.rooms.audit import service as audit
from evertill.server.rooms.audit.actor import Actor
from evertill.server.rooms.catalog.errors import ProtocolSaysNo
from evertill.server.rooms.fleet import queries as fleet
from evertill.server.rooms.policies import guardrails, queries
from evertill.server.rooms.policies.errors import ConflictUnknown, ReasonNeeded
from evertill.server.rooms.policies.models import Conflict, PolicyChange
from evertill.server.rooms.policies.plain import aware, storable
from evertill.server.rooms.policies.rules.resolve import TERMINAL_ORIGIN, check_not_held
from evertill.server.rooms.policies.service import freezes, revisions, setting
from evertill.server.rooms.policies.targets import Target

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from evertill.protocol.ddi import PolicyChangeReport
    from evertill.server.rooms.accounts.access import Identity
    from evertill.server.rooms.fleet.models import Terminal

FORKED: Final = "forked"
REFUSED: Final = "refused"
FIELD_CHARACTERS: Final = 40


@transaction.atomic
def receive_changes(terminal_id: int, reports: Sequence[PolicyChangeReport], now: datetime) -> list[PolicyChange]:
    """The record of each change, in the order sent; one that cannot be applied is recorded as refused and stops no other."""
    [terminal] = fleet.by_ids([terminal_id])
    target = Target.of(terminal)
    target.lock()
    known = {
        change.uuid: change
        for change in PolicyChange.objects.filter(terminal=terminal, uuid__in=[report.uuid for report in reports])
    }
    for report in reports:
        uuid = UUID(report.uuid)
        if uuid not in known:
            known[uuid] = _receive(target, terminal, report, now)
    return [known[UUID(report.uuid)] for report in reports]


def settle_conflict(conflict_id: int, keep_terminals: bool, by: Identity, now: datetime, *, reason: str) -> None:  # noqa: FBT001 - one of two values is the whole command
    """The owner decides which of the two values holds. Raises `ConflictUnknown`, and what `set_field` raises."""
    with command(by, "policy.settle", kind="conflict", ref=str(conflict_id), now=now, reason=reason) as act:
        conflict = Conflict.objects.select_related("terminal__node").filter(pk=conflict_id, settled_at=None).first()
        if conflict is None:
            raise ConflictUnknown(conflict=conflict_id)
        act.require(Operation.POLICIES_EDIT, conflict.terminal.node)
        if not reason.strip():
            raise ReasonNeeded(field=conflict.field)
        value = conflict.terminal_value if keep_terminals else conflict.server_value
        act.details.update(terminal=conflict.terminal.serial, field=conflict.field, value=value)
        if not Conflict.objects.filter(pk=conflict.pk, settled_at=None).update(settled_at=now):
            raise ConflictUnknown(conflict=conflict_id)
        if queries.effective([conflict.terminal_id], now)[conflict.terminal_id].fields[conflict.field].value != value:
            setting.set_field(conflict.terminal, conflict.field, value, by, now, reason=reason)
        else:
            revisions.follow([conflict.terminal_id], now)


def _receive(target: Target, terminal: Terminal, report: PolicyChangeReport, now: datetime) -> PolicyChange:
    person, value = storable(report.person), storable(report.value)
    ends_at = None if report.ends_at is None else aware(report.ends_at)
    words: dict[str, Any] = {
        "uuid": UUID(report.uuid),
        "way": report.way,
        "risk_text": storable(report.risk_text),
        "base_revision": report.base_revision,
        "made_at": aware(report.made_at),
        "ends_at": ends_at,
    }
    problem = _problem(target, report, person, ends_at, now)
    if problem:
        field = storable(report.field)[:FIELD_CHARACTERS]
        change = setting.record_change(target, field, value, person, now, **words, outcome=REFUSED, problem=problem)
    else:
        change = _apply(target, terminal.pk, report, words, now)
    details = {"field": change.field, "value": value, "person": person, "outcome": change.outcome, "problem": problem}
    audit.record(
        Actor.terminal(terminal.serial),
        "policy.change",
        kind="terminal",
        ref=terminal.serial,
        node=terminal.node.address,
        details=details,
        now=now,
    )
    return change


def _apply(
    target: Target, terminal_id: int, report: PolicyChangeReport, words: dict[str, Any], now: datetime
) -> PolicyChange:
    person = storable(report.person)
    current = target.effective(now).fields[report.field].value
    last_changed = queries.revision_of(terminal_id).changed.get(report.field, 0)
    forked = report.base_revision < last_changed and current != report.value
    held = _cautious(report.field, current, report.value) if forked else report.value
    if held == report.value:
        setting.put(target, report.field, held, person, now, ends_at=words["ends_at"])
    change = setting.record_change(
        target, report.field, report.value, person, now, **words, outcome=FORKED if forked else setting.APPLIED
    )
    if forked:
        values = {"server_value": current, "terminal_value": report.value}
        Conflict.objects.create(terminal_id=terminal_id, field=report.field, change=change, at=now, **values)
    revisions.follow([terminal_id], now, by_terminal=True)
    return change


def _cautious(field: str, server: Any, terminal: Any) -> Any:
    """For the mode the one that installs less; for any other field the server's, because an open fork already stops every automatic install."""
    return more_cautious(Mode(server), Mode(terminal)).value if field == "mode" else server


def _problem(target: Target, report: PolicyChangeReport, person: str, ends_at: datetime | None, now: datetime) -> str:
    """Code of the refusal, or nothing. The person at the terminal showed a PIN: it is the merchant's own word."""
    if report.way != "terminal":
        return "WAY_NOT_HERE"
    if ends_at is not None and ends_at <= now:
        return "ENDED_ALREADY"
    try:
        check_setting(report.field, report.value, Place.TERMINAL, guardrails.in_force(), merchant_verified=True)
        check_not_held(target.effective(now), report.field, TERMINAL_ORIGIN)
        if report.field == "freeze":
            with transaction.atomic():
                freezes.remember(target, report.value, person, now)
    except (ProtocolRefused, ProtocolSaysNo) as refused:
        return refused.code
    return ""
