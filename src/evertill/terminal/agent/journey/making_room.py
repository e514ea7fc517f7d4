"""Step *offered*: clear away what no journey needs, before anything is measured or downloaded.

Kept: the running generation, the committed one before it (a merchant may go back to it), and the one being gone back to. The rest are
unfinished attempts and the past.
"""

from datetime import datetime

from evertill.terminal.agent.journey.journal import Journey
from evertill.terminal.agent.journey.step import Done
from evertill.terminal.generations.folders import GenerationFolders


class MakingRoom:
    def __init__(self, generations: GenerationFolders) -> None:
        self._generations = generations

    def run(self, journey: Journey, _now: datetime) -> Done:
        self._generations.discard_old(journey.back_to)
        return Done(journey)
