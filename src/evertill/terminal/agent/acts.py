"""What people at this terminal said about each offered release, and since when it has been displayed.

Rules kept here: an act is on its way to the server before it counts here; a postponement's clock starts when the release was
first displayed and never again; a release that is no longer offered is forgotten after a while, its consent with it.
"""

import threading
import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal

import msgspec

from evertill.protocol.ddi import OfferAct
from evertill.terminal.agent.clock import Clock
from evertill.terminal.agent.records import Record
from evertill.terminal.agent.reports import Reports
from evertill.terminal.errors import TerminalRefused

_KEEP: Final = timedelta(days=400)


class ReleaseActs(msgspec.Struct, frozen=True):
    """`now_at`: a person wants it at once. `closing_at`: at closing time, this evening only."""

    displayed_at: datetime | None = None
    consented_at: datetime | None = None
    components: tuple[str, ...] = ()
    person: str = ""
    postponed_until: datetime | None = None
    now_at: datetime | None = None
    closing_at: datetime | None = None


class _Kept(msgspec.Struct, frozen=True):
    releases: dict[int, ReleaseActs] = {}


class Acts:
    """A damaged record is begun anew: no consent is invented, and postponements the server knows, too."""

    def __init__(self, path: Path, clock: Clock, reports: Reports) -> None:
        self._record = Record(path, _Kept)
        self._clock = clock
        self._reports = reports
        self._lock = threading.Lock()

    def of(self, release: int) -> ReleaseActs:
        return self._load().get(release, ReleaseActs())

    def displayed(self, release: int) -> None:
        """The release's page was on this terminal's screen. Said once; the date of a deadline counts from it."""
        with self._lock:
            if (known := self.of(release)).displayed_at is None:
                self._tell(release, "displayed")
                self._keep(release, msgspec.structs.replace(known, displayed_at=self._clock()))

    def displayed_releases(self) -> list[int]:
        return sorted(number for number, acts in self._load().items() if acts.displayed_at)

    def consent(self, release: int, *, person: str, components: Sequence[str], text_version: str) -> None:
        with self._lock:
            self._tell(release, "consent", person=person, components=list(components), text_version=text_version)
            known = msgspec.structs.replace(self.of(release), postponed_until=None)
            self._keep(release, self._consented(known, person, components))

    def now(self, release: int, *, person: str, components: Sequence[str], text_version: str) -> None:
        """Consent, and at once: by hand, whatever the mode, at the next moment the till is free."""
        with self._lock:
            self._tell(release, "now", person=person, components=list(components), text_version=text_version)
            known = msgspec.structs.replace(self.of(release), postponed_until=None, now_at=self._clock())
            self._keep(release, self._consented(known, person, components))

    def at_closing_time(self, release: int) -> None:
        """The closing-time tap: this evening the window does not matter; nothing else changes. The server is told, because it looks at the window too."""
        with self._lock:
            self._tell(release, "closing_time")
            self._keep(release, msgspec.structs.replace(self.of(release), closing_at=self._clock()))

    def postpone(self, release: int, until: datetime, *, person: str, latest: timedelta | None) -> None:
        """`latest`: how long after its first display it may be put off; None = for ever.

        Raises:
            TerminalRefused: POSTPONED_TOO_FAR.
        """
        with self._lock:
            known = self.of(release)
            limit = (known.displayed_at or self._clock()) + latest if latest is not None else None
            if limit is not None and until > limit:
                raise TerminalRefused("POSTPONED_TOO_FAR", until=limit.isoformat(timespec="minutes"))
            self._tell(release, "postpone", person=person, until=until)
            known = msgspec.structs.replace(known, displayed_at=known.displayed_at or self._clock(), now_at=None)
            self._keep(release, msgspec.structs.replace(known, postponed_until=until, closing_at=None))

    def withdraw_all(self) -> None:
        """Somebody switched updates off: what was agreed before does not install afterwards."""
        with self._lock:
            kept = {
                number: msgspec.structs.replace(acts, consented_at=None, now_at=None, closing_at=None, components=())
                for number, acts in self._load().items()
            }
            self._record.save(_Kept(kept))

    def forget(self, offered: Collection[int]) -> None:
        """Drop what was said long ago about releases that are offered no more."""
        with self._lock:
            known, now = self._load(), self._clock()
            kept = {n: acts for n, acts in known.items() if n in offered or now - _latest(acts, now) < _KEEP}
            if kept != known:
                self._record.save(_Kept(kept))

    def _consented(self, known: ReleaseActs, person: str, components: Sequence[str]) -> ReleaseActs:
        return msgspec.structs.replace(known, consented_at=self._clock(), person=person, components=tuple(components))

    def _tell(
        self,
        release: int,
        act: Literal["consent", "postpone", "now", "closing_time", "displayed"],
        *,
        person: str = "",
        components: list[str] | None = None,
        text_version: str = "",
        until: datetime | None = None,
    ) -> None:
        self._reports.act(release, OfferAct(str(uuid.uuid4()), act, components or [], text_version, person, until))

    def _load(self) -> dict[int, ReleaseActs]:
        kept = self._record.rescue()
        return kept.releases if kept else {}

    def _keep(self, release: int, acts: ReleaseActs) -> None:
        self._record.save(_Kept({**self._load(), release: acts}))


def _latest(acts: ReleaseActs, now: datetime) -> datetime:
    moments = (acts.displayed_at, acts.consented_at, acts.now_at, acts.closing_at)
    return max((moment for moment in moments if moment), default=now)
