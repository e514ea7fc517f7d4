"""The till's commands a journey uses, on the generation it concerns: migrate and self-test.

Who migrates: of the two versions the one that writes the higher schema, because only it knows both (till/CONTRACT.md, section 2). So an
update goes up with the new till's `migrate`, and going back goes down with the installed one's.
"""

import sys
from pathlib import Path
from typing import Any

from evertill.protocol.manifest import DataSchema
from evertill.terminal.agent.journey.children import Answered, run_command
from evertill.terminal.agent.journey.journal import Journey
from evertill.terminal.agent.journey.step import StepFailed
from evertill.terminal.generations.folders import TILL, GenerationFolders

SELF_TEST_TIMEOUT_S = 120.0
MIGRATE_TIMEOUT_S = 600.0


class TillCommands:
    def __init__(self, generations: GenerationFolders) -> None:
        self._generations = generations

    def migrate(self, journey: Journey, data: Path, *, rehearsal: bool) -> Answered | None:
        """Bring a copy of the data to the schema of the new till; None = no schema to bring it to, or, in a repair, it is there already.

        Raises:
            StepFailed: no version knows the way, or it failed.
        """
        wanted = None if journey.repair else self._schema(journey.to_generation)
        if wanted is None:
            return None
        old = None if journey.from_generation is None else self._schema(journey.from_generation)
        down = old is not None and old.written > wanted.written
        knows = old if down and old else wanted
        if old and not knows.readable[0] <= min(old.written, wanted.written):
            raise StepFailed(f"migrate: no way from schema {old.written} to {wanted.written}")
        by = journey.from_generation if down and journey.from_generation else journey.to_generation
        command = [*self._command(by, "migrate", data), "--to", str(wanted.written)]
        answered = run_command("migrate", command, timeout_s=MIGRATE_TIMEOUT_S, rehearsal=rehearsal)
        if not answered.ok:
            raise StepFailed(f"migrate: {answered.what}")
        return answered

    def self_test(self, generation: int, data: Path, *, rehearsal: bool) -> Answered:
        """Let a till judge itself on a throw-away copy.

        Raises:
            StepFailed: with the first check that did not pass.
        """
        command = self._command(generation, "self_test", data)
        answered = run_command("self-test", command, timeout_s=SELF_TEST_TIMEOUT_S, rehearsal=rehearsal)
        if not answered.ok or answered.said.get("ok") is not True:
            raise StepFailed(f"self-test: {_first_failed(answered.said) or answered.what}")
        return answered

    def version(self, generation: int) -> str:
        return str(self._generations.manifest(generation, TILL).get("version"))

    def schema(self, generation: int) -> int | None:
        known = self._schema(generation)
        return known.written if known else None

    def _schema(self, generation: int) -> DataSchema | None:
        known = self._generations.manifest(generation, TILL).get("data_schema")
        return DataSchema(known["written"], tuple(known["readable"])) if known else None

    def _command(self, generation: int, entry_point: str, data: Path) -> list[str]:
        return self._generations.command(generation, TILL, entry_point, python=sys.executable, data=str(data))


def _first_failed(said: dict[str, Any]) -> str | None:
    checks = said.get("checks")
    failed = (c for c in checks if isinstance(c, dict) and not c.get("ok")) if isinstance(checks, list) else iter(())
    return next((f"{check.get('name')} {check.get('detail') or ''}".strip() for check in failed), None)
