"""The machine: runs the step of the present state and moves by the table, saving the journal before each action.

Rules kept here: the journal is saved before the state's action begins; every way a step can end leads somewhere the table names; a full
disk is nobody's failure before the flip, and the old version's return after it; a journey that saves without ever resting, or that
crashes the terminal again and again, is ended; when even the journal cannot be written, the shop gets its till back first and the
journey is read from disk again later. The machine decides nothing about policy and never talks to the network.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Final

import msgspec

from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.journey import State
from evertill.protocol.reasons import Reason
from evertill.terminal.agent.journey.journal import Journal, JournalDamaged, Journey, steps_behind
from evertill.terminal.agent.journey.resume import MAX_CRASHES, after_restart, counts_as_crash, given_up
from evertill.terminal.agent.journey.states import BEFORE_FLIP, DROPPABLE, OPEN_SHOP, TABLE, WORKING, Parts
from evertill.terminal.agent.journey.step import ActionDropped, NotYet, StepFailed
from evertill.terminal.agent.journey.troubles import is_full_disk, not_installed, rolled_back, storage
from evertill.terminal.generations.data_copy import DataDamaged
from evertill.terminal.generations.folders import TILL, SlotDamaged
from evertill.terminal.generations.scratch import clear
from evertill.terminal.lines import Unreachable
from evertill.terminal.supervisor_client import SupervisorRefused

MAX_SAVES: Final = 64  # without a rest; a whole journey needs 18
REST: Final = timedelta(minutes=1)
SUPERVISOR_AGAIN: Final = timedelta(seconds=1)


class _Unsaved(Exception):
    """The journal could not be written."""


class Machine:
    def __init__(self, parts: Parts, journal: Journal, clock: Callable[[], datetime]) -> None:
        self._parts = parts
        self._journal = journal
        self._clock = clock
        self._steps = {state: row.step(parts) for state, row in TABLE.items()}
        self._adrift = False
        self.journey: Journey | None = None
        self.damage: str | None = None  # why the last journal could not be believed

    def resume(self) -> None:
        """Look at the terminal as a restart finds it, and go on from there."""
        self._adrift = False
        with suppress(OSError):
            clear(self._parts.generations.root)
        try:
            journaled = self._journal.load()
        except JournalDamaged as error:
            self.damage, journaled = str(error), None
        self.journey = journaled
        if journaled is None:
            self._settle_link()
        else:
            self._guarded(journaled, lambda: self._resume(journaled))

    def begin(self, journey: Journey) -> None:
        """Start a journey; there is none under way."""
        if self.journey is not None:
            raise RuntimeError(f"journey {self.journey.id} is under way")
        self._guarded(journey, lambda: self._enter(journey, journey.state))

    def turn(self) -> datetime | None:
        """Run the present step once; when to come back, or None when there is nothing to do. Coming back earlier is fine."""
        if self._adrift:
            self.resume()
            if self._adrift:
                return self._clock() + REST
        journey = self.journey
        return self._guarded(journey, lambda: self._turn(journey)) if journey else None

    def _turn(self, journey: Journey) -> datetime | None:
        now = self._clock()
        if journey.saves > MAX_SAVES and journey.state in WORKING:
            return self._fail(journey, StepFailed("JOURNEY_LOOP"))
        try:
            outcome = self._steps[journey.state].run(journey, now)
        except ActionDropped:
            return self._drop(journey)
        except (Unreachable, SupervisorRefused):
            return now + SUPERVISOR_AGAIN
        except (OSError, ProtocolRefused, StepFailed, SlotDamaged, DataDamaged) as error:
            return self._fail(journey, error)
        return self._hold(journey, outcome) if isinstance(outcome, NotYet) else self._go_on(outcome.journey)

    def _go_on(self, journey: Journey) -> datetime | None:
        if journey.state is State.REPORTED:
            with self._writing():
                self._journal.clear()
            self.journey = None
            return None
        self._enter(journey, TABLE[journey.state].on_ok)
        return self._clock()

    def _hold(self, journey: Journey, held: NotYet) -> datetime:
        now = self._clock()
        again_at = held.again_at or now + REST
        state = TABLE[journey.state].on_hold
        if state is not journey.state or held.reasons != journey.held:
            self._enter(journey, state, held=held.reasons, again_at=again_at, saves=0)
        return again_at

    def _drop(self, journey: Journey) -> datetime:
        if journey.state not in DROPPABLE:
            raise RuntimeError(f"dropped in {journey.state}: a step after the refresh asks nobody")
        self._enter(journey, State.FAILED, dropped=True)
        return self._clock()

    def _fail(self, journey: Journey, error: Exception) -> datetime:
        """Where the table says; but a link that is already new and unmarked always means going back."""
        now = self._clock()
        flipped = self._link_is_new(journey) and not self._is_marked(journey)
        if is_full_disk(error) and not flipped and journey.state in BEFORE_FLIP:
            return self._out_of_space(journey)
        target = State.ROLLING_BACK if flipped else TABLE[journey.state].on_fail
        if target is journey.state:
            return now + REST
        self._enter(journey, target, failure=self._failure(journey, target, error))
        return now

    def _failure(self, journey: Journey, target: State, error: Exception) -> Reason:
        if target is not State.ROLLING_BACK:
            return not_installed(journey, error)
        before = journey.from_generation
        back = "" if before is None else self._parts.generations.versions(before).get(TILL, "")
        return rolled_back(journey, error, back)

    def _out_of_space(self, journey: Journey) -> datetime:
        """The shop sells first; then give back what this attempt took, and wait where the table says."""
        self._parts.standstill.end()
        reason = storage(journey, self._parts.generations.root)
        with suppress(OSError):  # a disk may refuse even that; the next attempt begins with it
            self._parts.generations.discard(journey.to_generation)
        return self._hold(journey, NotYet((reason,)))

    def _resume(self, journaled: Journey) -> None:
        link_is_new = self._link_is_new(journaled)
        state = after_restart(journaled.state, link_is_new=link_is_new, marked=self._is_marked(journaled))
        crashes, failure = journaled.crashes + counts_as_crash(journaled.state), journaled.failure
        if crashes > MAX_CRASHES and counts_as_crash(journaled.state):
            state = given_up(state, link_is_new=link_is_new)
        if state in {State.FAILED, State.ROLLING_BACK} and failure is None:
            what = "JOURNEY_LOOP" if crashes > MAX_CRASHES else f"interrupted: {journaled.state}"
            failure = self._failure(journaled, state, StepFailed(what))
        self._enter(journaled, state, crashes=crashes, failure=failure, saves=0)

    def _settle_link(self) -> None:
        """Nobody intends anything: an unmarked generation under the link is nobody's, the newest marked one sells."""
        generations = self._parts.generations
        current = generations.current()
        if current is not None and not generations.is_committed(current):
            with suppress(OSError):  # the supervisor does the same when its patience ends
                generations.flip(generations.newest_committed())

    def _enter(self, journey: Journey, state: State, **learned: object) -> None:
        """Move there: saved first, told second, done with the next turn."""
        if state in OPEN_SHOP:
            self._parts.standstill.end()
        fields: dict[str, object] = {"held": (), "again_at": None, "saves": journey.saves + 1, **learned}
        now = self._clock()
        finished_at = steps_behind(journey, state, now)
        entered = msgspec.structs.replace(journey, state=state, entered_at=now, finished_at=finished_at, **fields)
        with self._writing():
            self._journal.save(entered)
        self.journey = entered
        self._parts.ask.entered(entered)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise _Unsaved(str(error)) from error

    def _guarded(self, journey: Journey, act: Callable[[], datetime | None]) -> datetime | None:
        """Act; where the journal cannot be written, the shop comes first and the journey later."""
        try:
            return act()
        except _Unsaved:
            self._adrift = True
            with suppress(OSError, Unreachable, SupervisorRefused, StepFailed):
                if self._link_is_new(journey) and not self._is_marked(journey):
                    self._parts.tills.supervisor.hold()
                    self._parts.tills.stop()
                    self._parts.generations.flip(journey.from_generation)
            self._parts.standstill.end()
            return self._clock() + REST

    def _link_is_new(self, journey: Journey) -> bool:
        return self._parts.generations.current() == journey.to_generation

    def _is_marked(self, journey: Journey) -> bool:
        return self._parts.generations.is_committed(journey.to_generation)
