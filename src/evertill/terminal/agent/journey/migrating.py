"""Step *migrating*: a fresh copy of the data, taken while nobody can write them, brought to the new till's schema.

The live data are never migrated in place: going back is the old folder, untouched. The copy appears under its name when it is complete and
durable; only then may the link be pointed at its generation.
"""

from datetime import datetime

from evertill.terminal.agent.journey.commands import TillCommands
from evertill.terminal.agent.journey.journal import Journey
from evertill.terminal.agent.journey.standstill import Standstill
from evertill.terminal.agent.journey.step import Done
from evertill.terminal.durable import discard, sync_folder, sync_tree
from evertill.terminal.generations.data_copy import copy_data
from evertill.terminal.generations.folders import GenerationFolders


class Migrating:
    def __init__(self, generations: GenerationFolders, commands: TillCommands, standstill: Standstill) -> None:
        self._generations = generations
        self._commands = commands
        self._standstill = standstill

    def run(self, journey: Journey, _now: datetime) -> Done:
        if not self._standstill.held:
            raise RuntimeError("migrating without the locks: the copy could miss a sale")
        data = self._generations.data(journey.to_generation)
        part = data.with_name("data.part")
        discard(part)
        discard(data)
        if journey.from_generation is None:
            part.mkdir(mode=0o700)
        else:
            copy_data(self._generations.data(journey.from_generation), part)
        self._commands.migrate(journey, part, rehearsal=False)
        sync_tree(part)
        part.rename(data)
        sync_folder(data.parent)
        return Done(journey)
