"""The last journeys of this terminal and how they ended: for its screens, and so that no action is begun twice."""

import threading
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from evertill.protocol.journey import Outcome
from evertill.protocol.reasons import Reason
from evertill.terminal.agent.journey.journal import Journey
from evertill.terminal.agent.records import Record

KEEP: Final = 50


class Past(msgspec.Struct, frozen=True):
    journey: str
    release: int
    version: str
    ended_at: datetime
    outcome: Outcome
    action: int | None = None
    dropped: bool = False
    failure: Reason | None = None
    without_till_s: float | None = None
    repair: bool = False
    recovery: dict[str, str] = {}  # the publisher's advice, where it went wrong


class _Kept(msgspec.Struct, frozen=True):
    past: tuple[Past, ...] = ()


class History:
    """Newest first. A damaged record is begun anew: what it is for can be lost, and the server closes an action only once."""

    def __init__(self, path: Path) -> None:
        self._record = Record(path, _Kept)
        self._lock = threading.Lock()
        kept = self._record.rescue()
        self._past = kept.past if kept else ()

    @property
    def past(self) -> tuple[Past, ...]:
        return self._past

    def has_ended(self, journey: str) -> bool:
        return any(past.journey == journey for past in self._past)

    def note(self, journey: Journey, ended_at: datetime) -> None:
        """Repeating is fine: a journey is noted once."""
        with self._lock:
            if self.has_ended(journey.id):
                return
            past = Past(
                journey.id,
                journey.release,
                journey.version,
                ended_at,
                journey.outcome or Outcome.FAILED,
                journey.action,
                journey.dropped,
                journey.failure,
                journey.without_till_s,
                journey.repair,
                {} if journey.outcome is Outcome.COMMITTED else journey.recovery,
            )
            self._past = (past, *self._past)[:KEEP]
            self._record.save(_Kept(self._past))
