"""Putting a backup's data back under the till of this terminal: a new generation with the present software and the restored data.

Rules kept here: only between updates, and only when the till's gate lets it be stopped; the present data are backed up first and
stay, untouched, in their own generation; the restored data are proven on a copy, brought to the running till's schema, and the till
must prove itself on them before it may sell. Data that no till can read any more cannot be backed up: they stay as they are, and then alone
a till that says nothing does not hold the restore. Whatever fails, or a power cut in between, ends in the generation that ran before.
"""

import logging
import shutil
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import msgspec

from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.journey import State
from evertill.terminal.agent.answers.safeguarding import Safeguarding
from evertill.terminal.agent.backup import Backups
from evertill.terminal.agent.journey.commands import TillCommands
from evertill.terminal.agent.journey.gate import state_or_silence
from evertill.terminal.agent.journey.journal import Journey
from evertill.terminal.agent.journey.standstill import Standstill
from evertill.terminal.agent.journey.states import TABLE, Neighbours, Parts
from evertill.terminal.agent.journey.step import NotYet, Step, StepFailed
from evertill.terminal.agent.journey.tills import Tills
from evertill.terminal.agent.place import Place
from evertill.terminal.durable import discard, sync_folder, sync_tree
from evertill.terminal.errors import TerminalRefused
from evertill.terminal.generations.contents import load_contents, save_contents
from evertill.terminal.generations.data_copy import DataDamaged
from evertill.terminal.generations.folders import GenerationFolders, SlotDamaged
from evertill.terminal.lines import Unreachable
from evertill.terminal.supervisor_client import Supervisor, SupervisorRefused
from evertill.terminal.till_client import Till

_log = logging.getLogger(__name__)
_BROKEN = (StepFailed, SlotDamaged, DataDamaged, SupervisorRefused, Unreachable, OSError)


class Restored(msgspec.Struct, frozen=True):
    """How the latest wish ended; no code = the restored data sell."""

    file: str
    ended_at: datetime
    code: str = ""
    detail: str = ""


class _Wish(msgspec.Struct, frozen=True):
    file: Path
    identity: str


class Restoring:
    def __init__(
        self, place: Place, backups: Backups, safeguarding: Safeguarding, neighbours: Neighbours, supervisor: Supervisor
    ) -> None:
        self._place = place
        self._backups = backups
        self._safeguarding = safeguarding
        self._commands = TillCommands(place.generations)
        tills, standstill = Tills(supervisor, Till(place.till_run)), Standstill(supervisor, place.till_run)
        self._parts = Parts(
            ask=neighbours,
            generations=place.generations,
            agents=GenerationFolders(place.home / "agents"),
            commands=self._commands,
            tills=tills,
            standstill=standstill,
        )
        self._wish: _Wish | None = None
        self.latest: Restored | None = None

    def wish(self, file: Path, identity: str) -> None:
        """Restore this file, with this identity or the terminal's own, as soon as no update is under way."""
        self._wish = _Wish(file, identity)

    def fulfil(self) -> bool:
        """Called by the journey's thread between journeys; True = there was a wish, and `latest` says how it ended."""
        wish, self._wish = self._wish, None
        if wish is None:
            return False
        try:
            self._restore(wish, self._place.clock())
            code = detail = ""
        except ProtocolRefused as refused:
            code, detail = refused.code, refused.text("en")
            _log.warning("restore of %s: %s", wish.file.name, refused)
        self.latest = Restored(wish.file.name, self._place.clock(), code, detail)
        return True

    def _restore(self, wish: _Wish, now: datetime) -> None:
        generations = self._place.generations
        current = generations.current()
        if current is None or not generations.is_committed(current):
            raise TerminalRefused("RESTORE_NEEDS_TILL")
        number = max(generations.numbers()) + 1
        journey = Journey(
            id=f"restore-{number}",
            release=generations.release(current) or 0,
            parts=(),
            from_generation=current,
            to_generation=number,
            began_at=now,
            entered_at=now,
        )
        try:
            journey = self._safeguarded(journey, current, now)
            self._fill(journey, wish)
            self._switch(journey, now)
        except _BROKEN as broken:
            self._undo(journey, now)
            raise TerminalRefused("RESTORE_NOT_NOW", detail=broken) from broken
        except ProtocolRefused:
            self._undo(journey, now)
            raise

    def _safeguarded(self, journey: Journey, current: int, now: datetime) -> Journey:
        try:
            self._safeguarding.back_up(current, now)
        except TerminalRefused as refused:
            if refused.code != "BACKUP_UNVERIFIED" or state_or_silence(self._parts.tills.till) is not None:
                raise
            _log.warning("the present data cannot be backed up and stay in generation %s: %s", current, refused)
            return msgspec.structs.replace(journey, rescue=True)
        return journey

    def _fill(self, journey: Journey, wish: _Wish) -> None:
        """The new generation beside the running one: its slot, and the restored data at its till's schema."""
        generations, source, number = self._place.generations, journey.from_generation, journey.to_generation
        if source is None:
            raise RuntimeError("restoring needs a running generation")
        discard(generations.folder(number))
        generations.folder(number).mkdir(mode=0o700)
        shutil.copytree(generations.slots(source), generations.slots(number))
        generations.describe(number, journey.release)
        save_contents(generations.folder(number), load_contents(generations.folder(source)))
        data = generations.data(number)
        identity = wish.identity or self._backups.device_identity
        self._backups.restore(wish.file, identity, data, lambda copy: self._try(journey, copy))
        self._commands.migrate(journey, data, rehearsal=False)
        sync_tree(generations.folder(number))
        sync_folder(generations.root)

    def _try(self, journey: Journey, copy: Path) -> str | None:
        try:
            self._commands.migrate(journey, copy, rehearsal=True)
        except StepFailed as failed:
            return str(failed)
        return self._safeguarding.self_test_of(journey.to_generation)(copy)

    def _switch(self, journey: Journey, now: datetime) -> None:
        """The last steps of a journey. No journal is kept: an unmarked link without a journey goes back by itself."""
        for state in (State.QUIESCING, State.SWITCHING, State.PROVING, State.COMMITTED, State.SELLING):
            outcome = self._step(state).run(journey, now)
            if isinstance(outcome, NotYet) and state is not State.SELLING:
                raise TerminalRefused("RESTORE_NOT_NOW", detail=", ".join(reason.code for reason in outcome.reasons))

    def _step(self, state: State) -> Step:
        return TABLE[state].step(self._parts)

    def _undo(self, journey: Journey, now: datetime) -> None:
        """Back to what ran before; once the mark is set there is no way back, and none is needed."""
        if not self._place.generations.is_committed(journey.to_generation):
            with suppress(*_BROKEN):
                self._step(State.ROLLING_BACK).run(journey, now)
