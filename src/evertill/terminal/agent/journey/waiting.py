"""Step *waiting*: for the right moment. Nothing of the shop's is touched before the policy and the till's gate both agree.

Asked for the first time here, and again under the sale lock (`quiescing.py`): this answer only says it is worth trying.
"""

from datetime import datetime, timedelta
from typing import Final

from evertill.terminal.agent.journey.gate import gate_of, state_or_silence
from evertill.terminal.agent.journey.journal import Journey
from evertill.terminal.agent.journey.step import Done, NotYet, Question
from evertill.terminal.till_client import Till

ASK_TILL_EVERY: Final = timedelta(seconds=30)


class Waiting:
    def __init__(self, permitted: Question, till: Till) -> None:
        self._permitted = permitted
        self._till = till

    def run(self, journey: Journey, now: datetime) -> Done | NotYet:
        held = self._permitted(journey, now)
        reasons = held.reasons if held else ()
        if journey.from_generation is not None:
            reasons += gate_of(journey, state_or_silence(self._till))
        if not reasons and not held:
            return Done(journey)
        return NotYet(reasons, held.again_at if held else now + ASK_TILL_EVERY)
