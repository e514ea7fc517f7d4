"""Step *rolling back*: the old generation again, with its own data, which nobody has touched.

Safe at any moment before the mark: the new generation never accepted a sale. The order is stop, link, sell, throw away; each part finds
what an interrupted attempt already did.
"""

from contextlib import suppress
from datetime import datetime

import msgspec

from evertill.protocol.journey import Outcome
from evertill.terminal.agent.journey.journal import Journey
from evertill.terminal.agent.journey.standstill import Standstill
from evertill.terminal.agent.journey.step import Done, StepFailed
from evertill.terminal.agent.journey.tills import Tills
from evertill.terminal.generations.folders import GenerationFolders


class RollingBack:
    def __init__(
        self, generations: GenerationFolders, agents: GenerationFolders, tills: Tills, standstill: Standstill
    ) -> None:
        self._generations = generations
        self._agents = agents
        self._tills = tills
        self._standstill = standstill

    def run(self, journey: Journey, _now: datetime) -> Done:
        self._tills.supervisor.hold()
        if self._generations.current() != journey.from_generation:
            self._tills.stop()
            self._generations.flip(journey.from_generation)
        self._standstill.end()
        if journey.from_generation is not None:
            with suppress(
                StepFailed
            ):  # an old till that does not come up either is told to the server, not hidden here
                self._tills.wait_ready("selling")
        self._generations.discard(journey.to_generation)
        if journey.to_agent is not None:
            self._agents.discard(journey.to_agent)
        return Done(msgspec.structs.replace(journey, outcome=Outcome.ROLLED_BACK))
