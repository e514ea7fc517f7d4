"""Step *selling*: the till that proved itself is told to sell, and everything held is given back.

An agent that came along is switched to last, when the shop sells: the supervisor ends this one and starts that one, which goes on here.
A repaired slot takes the place of the damaged one, which nobody may go back to, so that one is thrown away here. Where the proven till has
died meanwhile, the supervisor starts the committed generation; either way this ends when a till of it sells.
"""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

import msgspec

from evertill.protocol.journey import Outcome
from evertill.protocol.reasons import Reason
from evertill.terminal.agent.journey.journal import Journey
from evertill.terminal.agent.journey.standstill import Standstill
from evertill.terminal.agent.journey.step import Done, NotYet, StepFailed
from evertill.terminal.agent.journey.tills import Tills
from evertill.terminal.generations.folders import GenerationFolders
from evertill.terminal.till_client import TillRefused, TillSilent

AGAIN: Final = timedelta(seconds=5)


class Selling:
    def __init__(
        self, generations: GenerationFolders, agents: GenerationFolders, tills: Tills, standstill: Standstill
    ) -> None:
        self._generations = generations
        self._agents = agents
        self._tills = tills
        self._standstill = standstill

    def run(self, journey: Journey, now: datetime) -> Done | NotYet:
        with suppress(TillSilent, TillRefused):
            self._tills.till.sell()
        seconds = self._standstill.seconds
        self._standstill.end()
        try:
            self._tills.wait_ready("selling")
        except StepFailed:
            return NotYet((Reason.of("TILL_SILENT"),), now + AGAIN)
        if journey.to_agent is not None and self._agents.current() != journey.to_agent:
            self._agents.flip(journey.to_agent)
        if journey.repair and journey.from_generation is not None:
            self._generations.discard(journey.from_generation)
        without_till_s = journey.without_till_s if seconds is None else round(seconds, 3)
        return Done(msgspec.structs.replace(journey, outcome=Outcome.COMMITTED, without_till_s=without_till_s))
