"""Step *failed*: nothing was switched. The shop sells as before, and the attempt is cleared away.

A journey the server took back ends here too, without an outcome: it did not fail.
"""

from datetime import datetime

import msgspec

from evertill.protocol.journey import Outcome
from evertill.terminal.agent.journey.journal import Journey
from evertill.terminal.agent.journey.step import Done
from evertill.terminal.generations.folders import GenerationFolders


class Failing:
    def __init__(self, generations: GenerationFolders, agents: GenerationFolders) -> None:
        self._generations = generations
        self._agents = agents

    def run(self, journey: Journey, _now: datetime) -> Done:
        self._generations.discard(journey.to_generation)
        if journey.to_agent is not None:
            self._agents.discard(journey.to_agent)
        return Done(msgspec.structs.replace(journey, outcome=None if journey.dropped else Outcome.FAILED))
