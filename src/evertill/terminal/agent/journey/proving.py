"""Step *proving*: is what runs now the new version, does it pass its own test, does it start twice, and is every sale there?

The till is started with `--prove`, so it cannot sell. The second start stays up: at commit it is told to sell, there is no third. The
self-test runs on a copy of the new data while the first start comes up.
"""

from datetime import datetime

from evertill.terminal.agent.journey.commands import TillCommands
from evertill.terminal.agent.journey.journal import Journey
from evertill.terminal.agent.journey.standstill import Standstill
from evertill.terminal.agent.journey.step import Done, StepFailed
from evertill.terminal.agent.journey.tills import Tills
from evertill.terminal.generations.data_copy import copy_data, size_bytes
from evertill.terminal.generations.folders import GenerationFolders
from evertill.terminal.generations.scratch import scratch
from evertill.terminal.till_client import TillState


class Proving:
    def __init__(
        self, generations: GenerationFolders, commands: TillCommands, tills: Tills, standstill: Standstill
    ) -> None:
        self._generations = generations
        self._commands = commands
        self._tills = tills
        self._standstill = standstill

    def run(self, journey: Journey, _now: datetime) -> Done:
        if not self._standstill.begin():
            raise StepFailed("a sale on a till that may not sell")
        self._standstill.give_data()
        self._tills.stop()  # one that an earlier attempt left behind
        self._tills.start_proving(journey.to_generation)
        self._self_test(journey)
        self._check(journey, self._tills.wait_ready("proving"))
        self._tills.stop()
        self._tills.start_proving(journey.to_generation)
        self._check(journey, self._tills.wait_ready("proving"))
        return Done(journey)

    def _self_test(self, journey: Journey) -> None:
        data = self._generations.data(journey.to_generation)
        with scratch(self._generations.root, size_bytes(data)) as copy:
            copy_data(data, copy)
            self._commands.self_test(journey.to_generation, copy, rehearsal=False)

    def _check(self, journey: Journey, state: TillState) -> None:
        version = self._commands.version(journey.to_generation)
        if state.version != version or self._tills.generation() != journey.to_generation:
            raise StepFailed(f"running: {state.version} instead of {version}")
        schema = self._commands.schema(journey.to_generation)
        if schema is not None and state.schema != schema:
            raise StepFailed(f"data: schema {state.schema} instead of {schema}")
        if journey.before is not None and (state.journal.rows, state.journal.last_id) != (
            journey.before.rows,
            journey.before.last_id,
        ):
            raise StepFailed(f"data: {state.journal.rows} entries instead of {journey.before.rows}")
