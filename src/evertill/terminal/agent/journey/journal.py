"""The journal: what the journey under way intends, saved durably before each action.

Rules kept here: one file, replaced whole, sealed with its own SHA-256, so damage is noticed and never acted upon. The journal
is only the intention: link and mark of the generations say what runs (`resume.py` reads them together). A damaged journal is
put aside for a person to look at, never overwritten.
"""

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from evertill.protocol.journey import STEP_OF, Outcome, State
from evertill.protocol.reasons import Reason
from evertill.protocol.release import ReleaseComponent
from evertill.terminal.durable import remove, sync_folder, write_atomic


class JournalMark(msgspec.Struct, frozen=True):
    """What the old till had recorded when it stopped: the new one must have exactly this before it is trusted."""

    rows: int
    last_id: int


class Journey(msgspec.Struct, frozen=True, kw_only=True):
    """One journey of one release. Never changed in place; a step returns the next record."""

    format: Literal[1] = 1
    id: str
    release: int
    parts: tuple[ReleaseComponent, ...]  # what will be installed; what is not named stays as it is
    from_generation: int | None  # None = the first till of this terminal
    to_generation: int
    to_agent: int | None = None  # the agent's own A/B folder, where the release brings an agent
    began_at: datetime
    entered_at: datetime
    state: State = State.OFFERED
    finished_at: tuple[datetime | None, ...] = ()  # of each step of the shop behind it; None = it was not needed
    action: int | None = None  # the server's action, where there is one
    version: str = ""  # of the release, for sentences
    needs_empty_batch: bool = True
    person: str = ""  # who started it by hand
    recovery: dict[
        str, str
    ] = {}  # the publisher's advice, should it go wrong; kept, because a bad release is withdrawn
    back_to: int | None = None  # the earlier generation whose slot comes back, instead of a download
    repair: bool = False  # the parts are what is damaged in the running slot; nothing migrates
    rescue: bool = False  # the till cannot read its data, and a backup takes their place
    held: tuple[Reason, ...] = ()  # what keeps it where it is
    again_at: datetime | None = None
    saves: int = 0  # since it last rested: the guard against loops
    crashes: int = 0  # restarts in the middle of work
    backup: str = ""
    forecast_s: float | None = None  # the migration, as measured in rehearsal
    isolated: bool | None = None  # whether the rehearsal had a network of its own
    before: JournalMark | None = None
    without_till_s: float | None = None
    outcome: Outcome | None = None
    dropped: bool = False  # cancelled by the server before anything was switched
    failure: Reason | None = None

    @property
    def locks_suffice(self) -> bool:
        """Whether a till that says nothing may be ended: what this journey mends is why it says nothing."""
        return self.repair or self.rescue


def steps_behind(journey: Journey, state: State, now: datetime) -> tuple[datetime | None, ...]:
    """When each step before that of `state` was finished, as seen on entering it; going back, steps are to come again."""
    left, step, known = STEP_OF[journey.state], STEP_OF[state], journey.finished_at
    if not step:
        return known
    kept = dict(enumerate(known, start=1))
    return tuple(now if number == left else kept.get(number) for number in range(1, step))


class JournalDamaged(Exception):
    """The journal cannot be believed; where it was put aside is the message."""


class _Sealed(msgspec.Struct):
    journey: msgspec.Raw
    sha256: str

    def opened(self) -> Journey:
        if hashlib.sha256(self.journey).hexdigest() != self.sha256:
            raise ValueError("the seal does not fit")
        return msgspec.json.decode(self.journey, type=Journey)


class Journal:
    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> Journey | None:
        """The journey under way, or None.

        Raises:
            JournalDamaged: after putting the unreadable file aside.
        """
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            sealed = msgspec.json.decode(content, type=_Sealed)
            return sealed.opened()
        except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
            aside = self.path.with_name(f"{self.path.name}.damaged")
            self.path.replace(aside)
            sync_folder(self.path.parent)
            raise JournalDamaged(f"{aside.name}: {error}") from error

    def save(self, journey: Journey) -> None:
        record = msgspec.json.encode(journey)
        sealed = _Sealed(journey=msgspec.Raw(record), sha256=hashlib.sha256(record).hexdigest())
        write_atomic(self.path, msgspec.json.encode(sealed) + b"\n")

    def clear(self) -> None:
        """The journey has ended and everybody who must know has been told."""
        remove(self.path)
