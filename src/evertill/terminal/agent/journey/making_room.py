"""Step *offered*: clear away what no journey needs, before anything is measured or downloaded.

Kept: the running generation, the committed one before it (a merchant may go back to it), and the one being gone back to. The rest are
unfinished attempts and the past.
"""

from datetime import datetime

from evertill.terminal.agent.journey.journal import Journey
from evertill.terminal.agent.journey.step import Done
from evertill.terminal.durable import sweep
from evertill.terminal.generations.folders import GenerationFolders


class MakingRoom:
    def __init__(self, generations: GenerationFolders) -> None:
        self._generations = generations

    def run(self, journey: Journey, _now: datetime) -> Done:
        current = self._generations.current()
        committed = [n for n in self._generations.numbers() if n != current and self._generations.is_committed(n)]
        kept = {current, journey.back_to, *committed[-1:]}
        for number in self._generations.numbers():
            if number not in kept:
                self._generations.discard(number)
        sweep(self._generations.root)
        return Done(journey)
