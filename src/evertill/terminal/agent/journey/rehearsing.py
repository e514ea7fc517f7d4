"""Step *rehearsing*: the new till is tried on a throw-away copy of today's data, while the old one sells.

The children are gentle (nice 19, idle I/O) and have a network with nobody in it where the kernel allows one; where it does not, a till's
self-test is still given no host and no key. The measured migration is the forecast for the one under the lock.
"""

from datetime import datetime

import msgspec

from evertill.terminal.agent.journey.commands import TillCommands
from evertill.terminal.agent.journey.journal import Journey
from evertill.terminal.agent.journey.step import Done
from evertill.terminal.generations.data_copy import copy_data, size_bytes
from evertill.terminal.generations.folders import GenerationFolders
from evertill.terminal.generations.scratch import scratch


class Rehearsing:
    def __init__(self, generations: GenerationFolders, commands: TillCommands) -> None:
        self._generations = generations
        self._commands = commands

    def run(self, journey: Journey, _now: datetime) -> Done:
        data = None if journey.from_generation is None else self._generations.data(journey.from_generation)
        with scratch(self._generations.root, size_bytes(data) if data else 0) as copy:
            if data is None:
                copy.mkdir(mode=0o700)
            else:
                copy_data(data, copy)
            migrated = self._commands.migrate(journey, copy, rehearsal=True)
            tested = self._commands.self_test(journey.to_generation, copy, rehearsal=True)
        forecast_s = migrated.seconds if migrated else 0.0
        return Done(msgspec.structs.replace(journey, forecast_s=round(forecast_s, 3), isolated=tested.alone))
