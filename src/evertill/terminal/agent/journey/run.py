"""The journeys of this terminal: composes machine and steps for a home, and is what the agent's journey loop calls.

The loop (`agent/main.py`): `resume()` once, then `turn()` again and again, waiting until the moment it names or until something changed;
`begin()` when an action or a person asks for one and none is under way. All calls come from one thread.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec

from evertill.protocol.journey import State
from evertill.protocol.release import ReleaseComponent
from evertill.terminal.agent.journey.commands import TillCommands
from evertill.terminal.agent.journey.journal import Journal, Journey
from evertill.terminal.agent.journey.machine import Machine
from evertill.terminal.agent.journey.standstill import Standstill
from evertill.terminal.agent.journey.states import Neighbours, Parts
from evertill.terminal.agent.journey.tills import Tills
from evertill.terminal.generations.folders import AGENT, GenerationFolders
from evertill.terminal.supervisor_client import Supervisor
from evertill.terminal.till_client import Till


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be installed, in the words of the signed release."""

    id: str  # the journey's own: one per action, or per tap of a person
    release: int
    version: str
    parts: tuple[ReleaseComponent, ...]
    action: int | None = None
    person: str = ""
    recovery: dict[str, str] = {}  # the publisher's advice, should it go wrong
    back_to: int | None = None  # a generation still here: going back to it, through the same journey
    repair: bool = False  # install these parts of what runs once more: the slot is damaged


class Journeys:
    def __init__(
        self, home: Path, neighbours: Neighbours, clock: Callable[[], datetime], journal: Journal | None = None
    ) -> None:
        run = home / "run" / "till"
        self.generations = GenerationFolders(home / "generations")
        self._agents = GenerationFolders(home / "agents")
        self.till = Till(run)
        self.supervisor = Supervisor(home / "run" / "supervisor.sock")
        self._clock = clock
        parts = Parts(
            neighbours,
            self.generations,
            self._agents,
            TillCommands(self.generations),
            Tills(self.supervisor, self.till),
            Standstill(self.supervisor, run),
        )
        self._machine = Machine(parts, journal or Journal(home / "state" / "journey.json"), clock)

    @property
    def journey(self) -> Journey | None:
        """The journey under way."""
        return self._machine.journey

    @property
    def damage(self) -> str | None:
        """Why the journal found at the start could not be believed; the terminal went by link and mark then."""
        return self._machine.damage

    def resume(self) -> None:
        self._machine.resume()

    def turn(self) -> datetime | None:
        return self._machine.turn()

    def begin(self, order: Order) -> None:
        """Start the journey of this order; what already runs only has to be reported."""
        now = self._clock()
        current = self.generations.current()
        runs = current is not None and self.generations.is_committed(current)
        installed = current is not None and self.generations.release(current) == order.release
        done = runs and order.back_to is None and not order.repair and (installed or not order.parts)
        brings_agent = not done and any(part.type == AGENT for part in order.parts)
        self._machine.begin(
            Journey(
                id=order.id,
                release=order.release,
                version=order.version,
                parts=order.parts,
                action=order.action,
                person=order.person,
                recovery=order.recovery,
                back_to=order.back_to,
                repair=order.repair,
                from_generation=current if runs else None,
                to_generation=current if done and current is not None else self.generations.next_free(),
                to_agent=self._agents.next_free() if brings_agent else None,
                began_at=now,
                entered_at=now,
                state=State.SELLING if done else State.OFFERED,
            )
        )
