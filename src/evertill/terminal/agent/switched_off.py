"""Since when updates are off on this terminal, who said so, when the server agreed, and what was downloaded since: the proof.

Rules kept here: what holds the proof is durable and survives the confirmation (the policy store forgets a change once the server took
it); bytes of payload are counted before they are needed again; "agreed" means both sides say never at one revision and
nothing is under way. A damaged record is begun anew: it says less then, never more. Not here: the policy.
"""

import threading
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from evertill.protocol.policy import Mode
from evertill.terminal.agent.clock import Clock
from evertill.terminal.agent.download import Meter
from evertill.terminal.agent.policy import Effective
from evertill.terminal.agent.records import Record


class Off(msgspec.Struct, frozen=True):
    since: datetime
    way: str
    person: str
    payload_bytes: int = 0
    confirmed_at: datetime | None = None
    revision: int | None = None


class _Kept(msgspec.Struct, frozen=True):
    off: Off | None = None


class SwitchedOff:
    def __init__(self, path: Path, clock: Clock) -> None:
        self._record = Record(path, _Kept)
        self._clock = clock
        self._lock = threading.Lock()
        kept = self._record.rescue()
        self._off = kept.off if kept else None

    def observe(self, effective: Effective) -> None:
        """Look at the policy in force: after a person changed it, and after each conversation."""
        with self._lock:
            seen = self._seen(effective)
            if seen != self._off:
                self._record.save(_Kept(seen))
                self._off = seen

    def count(self, size_bytes: int) -> None:
        """So much payload has come."""
        with self._lock:
            if self._off is not None and size_bytes:
                self._off = msgspec.structs.replace(self._off, payload_bytes=self._off.payload_bytes + size_bytes)
                self._record.save(_Kept(self._off))

    def told(self, *, busy: bool) -> dict[str, Any]:
        """For the screen. `busy`: an action is open or a journey under way."""
        off = self._off
        if off is None:
            return {"off": None}
        return {"off": {**msgspec.to_builtins(off), "agreed": off.confirmed_at is not None and not busy}}

    def _seen(self, effective: Effective) -> Off | None:
        if effective.policy.mode is not Mode.NEVER:
            return None
        pending = next((change for change in effective.pending if change.field == "mode"), None)
        off = self._off
        if off is None or (pending is not None and pending.made_at > off.since and off.way != "terminal"):
            way, person = ("terminal", pending.person) if pending else ("server", "")
            off = Off(pending.made_at if pending else self._clock(), way, person)
        if pending is not None or effective.snapshot is None:
            return msgspec.structs.replace(off, confirmed_at=None, revision=None)
        if off.confirmed_at is not None and off.revision == effective.revision:
            return off
        confirmed_at = off.confirmed_at or self._clock()
        return msgspec.structs.replace(off, confirmed_at=confirmed_at, revision=effective.revision)


class CountingMeter:
    """A `Meter` before another one: what is spent is counted for the proof, too."""

    def __init__(self, meter: Meter, off: SwitchedOff) -> None:
        self._meter = meter
        self._off = off

    def left_bytes(self) -> int | None:
        return self._meter.left_bytes()

    def spend(self, size_bytes: int) -> None:
        self._off.count(size_bytes)
        self._meter.spend(size_bytes)
