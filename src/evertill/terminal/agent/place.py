"""This terminal as a place: its home folder, its name, its zone, its generations, and what it can sense of the world."""

from collections.abc import Callable
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from evertill.terminal.agent.clock import Clock, ClockFloor
from evertill.terminal.agent.confirmations import Confirmations
from evertill.terminal.agent.daily_use import DailyUse
from evertill.terminal.agent.preflight.sources import Sources
from evertill.terminal.generations.contents import load_contents
from evertill.terminal.generations.folders import AGENT, GenerationFolders


class Place(NamedTuple):
    home: Path
    serial: str
    zone: ZoneInfo
    generations: GenerationFolders
    clock: Clock

    @property
    def agents(self) -> GenerationFolders:
        """The agent's own A/B folders; empty while it runs as it came with the terminal."""
        return GenerationFolders(self.home / "agents")

    def installed(self) -> dict[str, str]:
        """What runs here by component: the committed generation's, and the agent itself."""
        current, agent = self.generations.current(), self.agents.current()
        committed = current is not None and self.generations.is_committed(current)
        versions = self._versions(current) if committed and current is not None else {}
        own = self.agents.versions(agent).get(AGENT) if agent is not None and self.agents.is_committed(agent) else None
        return {**versions, AGENT: own or metadata.version("evertill")}

    def _versions(self, generation: int) -> dict[str, str]:
        """A damaged component is still the version it was installed as; that it is damaged is said elsewhere."""
        known = load_contents(self.generations.folder(generation))
        return self.generations.versions(generation) | {name: each.part.version for name, each in known.items()}

    @property
    def state(self) -> Path:
        return self.home / "state"

    @property
    def till_run(self) -> Path:
        return self.home / "run" / "till"


class Senses(NamedTuple):
    """`server_now`: what a server's clock shows, None where none was ever heard."""

    sources: Sources
    floor: ClockFloor
    server_now: Callable[[], datetime | None]
    daily: DailyUse
    confirmations: Confirmations
