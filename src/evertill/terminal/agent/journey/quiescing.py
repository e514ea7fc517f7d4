"""Step *quiescing*: the point where the shop stops selling for a moment. The gate is asked again after the sale lock is ours.

What the old till had recorded is noted now: no sale can come after it, and the new till must show the same (`proving.py`). The till of a
damaged slot may have nothing to say: with the sale lock ours it is ended, and the data lock proves that it is.
"""

import time
from datetime import datetime
from typing import Final

import msgspec

from evertill.protocol.reasons import Reason
from evertill.terminal.agent.journey.gate import gate_of, state_or_silence
from evertill.terminal.agent.journey.journal import JournalMark, Journey
from evertill.terminal.agent.journey.standstill import Standstill
from evertill.terminal.agent.journey.step import Done, NotYet
from evertill.terminal.agent.journey.tills import LOOK_EVERY_S, Tills
from evertill.terminal.generations.folders import GenerationFolders
from evertill.terminal.till_client import TillState

ANSWER_WITHIN_S: Final = 10.0  # after a crash the supervisor has only just started it


class Quiescing:
    def __init__(
        self,
        generations: GenerationFolders,
        tills: Tills,
        standstill: Standstill,
        answer_within_s: float = ANSWER_WITHIN_S,
    ) -> None:
        self._generations = generations
        self._tills = tills
        self._standstill = standstill
        self._answer_within_s = answer_within_s

    def run(self, journey: Journey, now: datetime) -> Done | NotYet:
        if not self._generations.slots(journey.to_generation).is_dir():
            return NotYet((), now)  # a full disk took the slot, and a crash the note of it
        first = journey.from_generation is None
        if not first:
            self._wait_for_answer(journey)
        if not self._standstill.begin():
            return NotYet((Reason.of("TILL_SALE"),))
        state = None if first else state_or_silence(self._tills.till)
        reasons = () if first else gate_of(journey, state)
        if reasons:
            self._standstill.end()
            return NotYet(reasons)
        self._tills.stop()
        self._standstill.take_data()
        return Done(msgspec.structs.replace(journey, before=_mark(state)))

    def _wait_for_answer(self, journey: Journey) -> None:
        deadline = time.monotonic() + self._answer_within_s
        while state_or_silence(self._tills.till) is None and time.monotonic() < deadline:
            if journey.locks_suffice and self._tills.supervisor.state()["till"]["pid"] is None:
                return  # nobody is there to answer
            time.sleep(LOOK_EVERY_S)


def _mark(state: TillState | None) -> JournalMark | None:
    return JournalMark(state.journal.rows, state.journal.last_id) if state else None
