"""The download: every part on this disk, whole and as signed; a few seconds of work per answer."""

import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from evertill.protocol.reasons import Reason
from evertill.protocol.release import ReleaseComponent
from evertill.terminal.agent.board import Board, FileLink
from evertill.terminal.agent.connection import ConnectionRefused
from evertill.terminal.agent.download import Cache, Downloader, Progress
from evertill.terminal.agent.journey.journal import Journey
from evertill.terminal.agent.journey.step import ActionDropped, NotYet
from evertill.terminal.agent.permissions import Permissions
from evertill.terminal.agent.poll import PollLoop, pause_s
from evertill.terminal.errors import TerminalRefused

SLICE_S: Final = 2.0  # how long one answer may work; between two the journey looks around
LONGEST_PAUSE_S: Final = 600
# The server takes none of our requests for a file any more: it may have closed the action, so ask it.
_ASK_SERVER: Final = frozenset({"SERVER_SAID_NO", "ACCESS_DENIED"})


class Fetching:
    def __init__(
        self,
        board: Board,
        polls: PollLoop,
        cache: Cache,
        downloader: Downloader,
        permissions: Permissions,
    ) -> None:
        self._board = board
        self._polls = polls
        self._cache = cache
        self._downloader = downloader
        self._permissions = permissions
        self._failures = 0
        self.progress: Progress | None = None  # of the whole release, for the screens

    def download(self, journey: Journey, now: datetime) -> NotYet | None:
        """Work for a moment; None when every part is here."""
        if journey.back_to is not None or (journey.repair and journey.action is None):
            return None
        if journey.action is not None and self._board.is_cancelled(journey.action):
            raise ActionDropped
        asked = self._permissions.of(journey.release)
        if not asked.download:
            return NotYet(asked.reasons, asked.next_try_at)
        deadline = time.monotonic() + SLICE_S
        try:
            for part in journey.parts:
                self._fetch(part, journey, deadline)
        except ConnectionRefused as refused:
            return self._interrupted(refused, now)
        except TerminalRefused as refused:
            return self._stopped(refused, now)
        self._failures, self.progress = 0, None
        return None

    def bundle(self, part: ReleaseComponent) -> Path:
        """The part's file, compared once more with what was signed."""
        return self._downloader.check(part)

    def _fetch(self, part: ReleaseComponent, journey: Journey, deadline: float) -> None:
        before = sum(self._cache.have_bytes(other) for other in journey.parts if other != part)
        total = sum(other.length for other in journey.parts)

        def note(progress: Progress) -> None:
            self._failures = 0
            self.progress = Progress(before + progress.have_bytes, total)

        self._downloader.fetch(
            part,
            self._link(part, journey),
            go_on=lambda: time.monotonic() < deadline and not self._taken_back(journey),
            progress=note,
        )

    def _link(self, part: ReleaseComponent, journey: Journey) -> FileLink | None:
        action = self._board.action
        return action.files.get(part.sha256) if action and action.number == journey.action else None

    def _taken_back(self, journey: Journey) -> bool:
        return journey.action is not None and self._board.is_cancelled(journey.action)

    def _interrupted(self, refused: ConnectionRefused, now: datetime) -> NotYet:
        self._failures += 1
        if refused.code in _ASK_SERVER:
            self._polls.check()
        pause = timedelta(seconds=pause_s(self._failures, LONGEST_PAUSE_S, refused.retry_after_s))
        if refused.code == "SERVER_BUSY":
            return NotYet((Reason.of("SERVER_BUSY", until=now + pause),), now + pause)
        return NotYet((Reason.of("DOWNLOAD_INTERRUPTED"),), now + pause)

    def _stopped(self, refused: TerminalRefused, now: datetime) -> NotYet:
        """What stops a download without anything being wrong; the rest is the journey's to fail on."""
        if refused.code == "DOWNLOAD_STOPPED":
            return NotYet((), now)
        if refused.code == "NETWORK_BUDGET":
            return NotYet((Reason(refused.code, dict(refused.params)),))
        if refused.code == "DOWNLOAD_NOT_OFFERED":
            self._polls.check()
            return NotYet((Reason.of("SERVER_SILENT"),))
        raise refused
