"""设置 → 重启与恢复: starting the till again, the device again, or the settings from the beginning, each by a person with a PIN.

Rules kept here: the till's gate is asked first and fails closed; an update that works (one that waits does not) holds all three, an open batch the reset. A
reset forgets what was learned or agreed here lately (devices in daily use, a yes that waits, tonight's confirmations) and nothing
else: keys, sales, backups, PINs, the update mode and what the server must still hear stay. Each act is on disk and on its way to the server (`LAST`).
Not here: switching the machine (`power`, by the screen), a till that hangs (`care.hanging`).
"""

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Final, Literal, TypeAlias

import msgspec

from evertill.protocol.journey import STEP_OF, WAIT_STEP
from evertill.protocol.reasons import Reason
from evertill.terminal.agent.acts import Acts
from evertill.terminal.agent.confirmations import Confirmations
from evertill.terminal.agent.daily_use import DailyUse
from evertill.terminal.agent.journey.gate import gate, state_or_silence
from evertill.terminal.agent.journey.journal import Journey
from evertill.terminal.agent.place import Place
from evertill.terminal.agent.records import Record
from evertill.terminal.errors import TerminalRefused
from evertill.terminal.till_client import Till, TillRefused, TillSilent

FreshStart: TypeAlias = Literal["restart_till", "restart_device", "reset_settings"]
FRESH_STARTS: Final[tuple[FreshStart, ...]] = ("restart_till", "restart_device", "reset_settings")
LAST: Final = "restart.last"  # the attribute by which the server hears of the latest one
KEEP: Final = 50
# What is only waiting lies on disk and survives a restart, and restarting may be what brings the network back.
_HOLDS_RESTART: Final = frozenset({"TILL_SALE", "TILL_SILENT"})


class Done(msgspec.Struct, frozen=True):
    what: FreshStart
    person: str
    at: datetime


class _Kept(msgspec.Struct, frozen=True):
    done: tuple[Done, ...] = ()


class Restarting:
    def __init__(
        self,
        place: Place,
        till: Till,
        acts: Acts,
        daily: DailyUse,
        confirmations: Confirmations,
        *,
        journey: Callable[[], Journey | None],
        tell: Callable[[], None],
    ) -> None:
        """`journey`: the one under way; `tell`: lets the server know soon, whatever its pace."""
        self._record = Record(place.state / "restarts.json", _Kept)
        self._place = place
        self._till = till
        self._acts = acts
        self._daily = daily
        self._confirmations = confirmations
        self._journey = journey
        self._tell = tell
        self._lock = threading.Lock()

    @property
    def done(self) -> tuple[Done, ...]:
        """Newest first."""
        kept = self._record.rescue()  # what is lost with a damaged one, the server has heard
        return kept.done if kept else ()

    def held(self, what: FreshStart) -> tuple[Reason, ...]:
        """What stands against it now; empty = nothing."""
        journey = self._journey()
        if journey is not None and STEP_OF[journey.state] > WAIT_STEP:
            return (Reason.of("UPDATE_RUNNING"),)
        if self._place.generations.current() is None:
            return ()
        found = gate(state_or_silence(self._till), needs_empty_batch=True)
        if what == "reset_settings":
            return tuple(_of_reset(reason) for reason in found)
        return tuple(reason for reason in found if reason.code in _HOLDS_RESTART)

    def begin(self, what: FreshStart, person: str) -> None:
        """Do it; of the device, permit it: the screen switches the power.

        Raises:
            TerminalRefused: RESTART_NOT_NOW with the codes of what holds it.
        """
        with self._lock:
            if held := self.held(what):
                raise TerminalRefused("RESTART_NOT_NOW", detail=", ".join(reason.code for reason in held))
            if what == "restart_till":
                self._restart_till()
            if what == "reset_settings":
                self._reset()
            self._note(Done(what, person, self._place.clock()))
        self._tell()

    def last(self) -> str:
        """The latest one, as the server reads it; empty = none ever."""
        latest = next(iter(self.done), None)
        return f"{latest.what} {latest.at.isoformat(timespec='seconds')} {latest.person}" if latest else ""

    def _restart_till(self) -> None:
        """It ends by itself, unless a sale began just now; the supervisor starts it again."""
        try:
            self._till.stop()
        except TillSilent as silent:
            raise TerminalRefused("RESTART_NOT_NOW", detail="TILL_SILENT") from silent
        except TillRefused as refused:
            raise TerminalRefused("RESTART_NOT_NOW", detail=refused.code) from refused

    def _reset(self) -> None:
        self._acts.withdraw_all()
        self._daily.forget()
        self._confirmations.forget()

    def _note(self, done: Done) -> None:
        self._record.save(_Kept((done, *self.done)[:KEEP]))


def _of_reset(reason: Reason) -> Reason:
    """An open batch in the words of what it holds here."""
    is_batch = reason.code == "TILL_BATCH_UNSETTLED"
    return Reason("RESET_UNSETTLED", dict(reason.params)) if is_batch else reason
