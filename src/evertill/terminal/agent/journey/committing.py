"""Step *committed*: the mark that lets this generation sell, durable before anybody is told.

From the mark on there is no automatic way back: a sale may follow within milliseconds, and only this generation's data will have it.
"""

from datetime import datetime

from evertill.terminal.agent.journey.journal import Journey
from evertill.terminal.agent.journey.step import Done, StepFailed
from evertill.terminal.generations.folders import GenerationFolders
from evertill.terminal.supervisor_client import Supervisor


class Committing:
    def __init__(self, generations: GenerationFolders, supervisor: Supervisor) -> None:
        self._generations = generations
        self._supervisor = supervisor

    def run(self, journey: Journey, _now: datetime) -> Done:
        self._supervisor.hold()  # from here the link cannot move under us
        if self._generations.current() != journey.to_generation:
            raise StepFailed("the link went back before the proof was complete")
        self._generations.commit(journey.to_generation)
        return Done(journey)
