"""The policy this terminal works by: the server's snapshot, and on top of it what a person changed here and the server has not taken.

Rules kept here: a change made at the terminal holds at once, offline too, and is on its way to the server before it is confirmed;
while server and terminal disagree (a fork: the server's revision moved on before it knew of the change) the mode that installs
less holds; a field held from above cannot be changed here; an unreadable snapshot changes nothing; a lost or damaged record
means "ask first" until the server answers. The PIN was checked by the caller; clocks decide nothing on the server.
"""

import dataclasses
import threading
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from evertill.protocol.ddi import PolicyChangeReport
from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.policy import FIELDS, Mode, Place, Policy, Snapshot, check_setting, more_cautious, read_value
from evertill.protocol.release import Guardrails
from evertill.terminal.agent.clock import Clock
from evertill.terminal.agent.outbox import Outbox
from evertill.terminal.agent.records import Record
from evertill.terminal.agent.reports import Reports


class _Kept(msgspec.Struct, frozen=True):
    snapshot: Snapshot | None = None
    pending: tuple[PolicyChangeReport, ...] = ()


class Effective(NamedTuple):
    """What holds now. `pending`: the changes the server has not confirmed; `forked`: it changed something meanwhile."""

    policy: Policy
    revision: int
    snapshot: Snapshot | None
    pending: tuple[PolicyChangeReport, ...]
    forked: bool


class PolicyStore:
    def __init__(self, path: Path, clock: Clock, outbox: Outbox, reports: Reports) -> None:
        self._record = Record(path, _Kept)
        self._clock = clock
        self._outbox = outbox
        self._reports = reports
        self._lock = threading.Lock()
        self._damaged = False
        self._kept = self._load()

    def effective(self) -> Effective:
        with self._lock:
            kept, damaged = self._kept, self._damaged
        now = self._clock()
        pending = tuple(change for change in kept.pending if change.ends_at is None or now < change.ends_at)
        policy = kept.snapshot.policy() if kept.snapshot else Policy(mode=Mode.MANUAL if damaged else Mode.AUTOMATIC)
        revision = kept.snapshot.revision if kept.snapshot else 0
        forked = any(change.base_revision != revision for change in pending)
        said = policy.mode
        for change in pending:
            policy = dataclasses.replace(policy, **{change.field: read_value(change.field, change.value)})
        if forked:
            policy = dataclasses.replace(policy, mode=more_cautious(policy.mode, said))
        return Effective(policy, revision, kept.snapshot, pending, forked)

    def apply(self, snapshot: Snapshot) -> bool:
        """Take over what the server says; True = new here.

        Raises:
            ProtocolRefused: POLICY_VALUE_INVALID; the policy stays as it was.
        """
        snapshot.policy()
        waiting = self._outbox.tags()
        with self._lock:
            pending = tuple(change for change in self._kept.pending if not self._is_answered(change, snapshot, waiting))
            kept = _Kept(snapshot, pending)
            if kept == self._kept:
                return False
            is_new = self._kept.snapshot is None or snapshot.revision != self._kept.snapshot.revision
            self._record.save(kept)
            self._kept, self._damaged = kept, False
        return is_new

    def _is_answered(self, change: PolicyChangeReport, snapshot: Snapshot, waiting: frozenset[str]) -> bool:
        """The server has heard of it, and this snapshot is what it made of it; or it will never take it."""
        if change.uuid in waiting:
            return False
        said = snapshot.fields.get(change.field)
        is_as_wished = said is not None and said.value == change.value
        return change.uuid in self._outbox.refused or snapshot.revision > change.base_revision or is_as_wished

    def change(
        self,
        field: str,
        value: Any,
        guardrails: Guardrails,
        *,
        person: str,
        risk_text: str,
        ends_at: datetime | None = None,
    ) -> PolicyChangeReport:
        """A person at this terminal sets a field; it holds when this returns.

        Raises:
            ProtocolRefused: the field or its value cannot stand here, or it is held from above (POLICY_HELD).
        """
        check_setting(field, value, Place.TERMINAL, guardrails, merchant_verified=True)
        with self._lock:
            snapshot = self._kept.snapshot
            held = snapshot.fields.get(field) if snapshot else None
            if held and held.mandated:
                raise ProtocolRefused("POLICY_HELD", field=field, origin=held.origin)
            change = PolicyChangeReport(
                uuid=str(uuid.uuid4()),
                base_revision=snapshot.revision if snapshot else 0,
                field=field,
                value=value,
                way="terminal",
                person=person,
                risk_text=risk_text,
                made_at=self._clock(),
                ends_at=ends_at,
            )
            # The server's copy first: what holds here must never be something the server will not hear of.
            self._reports.policy_changed(change)
            others = tuple(other for other in self._kept.pending if other.field != field)
            self._kept = _Kept(snapshot, (*others, change))
            self._record.save(self._kept)
        return change

    def _load(self) -> _Kept:
        try:
            kept = self._record.load() or _Kept()
            if kept.snapshot:
                kept.snapshot.policy()
        except ProtocolRefused:
            self._damaged = True
            return _Kept()
        return msgspec.structs.replace(kept, pending=tuple(c for c in kept.pending if c.field in FIELDS))
