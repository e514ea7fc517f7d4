"""Step *switching*: one link, one rename. The slot is compared with its manifests once more just before.

The way back is laid first: it must work even when nothing fits on the disk any more. The data lock is given to the till that will prove itself; the sale lock stays ours, so it could not sell even if it tried.
"""

from datetime import datetime

from evertill.terminal.agent.journey.journal import Journey
from evertill.terminal.agent.journey.standstill import Standstill
from evertill.terminal.agent.journey.step import Done
from evertill.terminal.generations.folders import GenerationFolders
from evertill.terminal.generations.slot import check_slot


class Switching:
    def __init__(self, generations: GenerationFolders, standstill: Standstill) -> None:
        self._generations = generations
        self._standstill = standstill

    def run(self, journey: Journey, _now: datetime) -> Done:
        if not self._standstill.held:
            raise RuntimeError("switching without the locks: the new data could miss a sale")
        check_slot(self._generations.slots(journey.to_generation))
        if journey.from_generation is not None:
            self._generations.prepare_flip(journey.from_generation)
        self._generations.flip(journey.to_generation)
        self._standstill.give_data()
        return Done(journey)
