"""What there is to observe: the terminals with their homes, and every means of looking at them, in one object handed to the sights."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evertill.sim.observer.tills import TillWatch
from evertill.sim.observer.traffic import Traffic, Wire

if TYPE_CHECKING:
    from evertill.sim.observer.home import Entry, Home
    from evertill.sim.observer.pages import Console
    from evertill.sim.observer.server import Server


@dataclass
class Terminal:
    """A real terminal under observation, and what was noted of it for later comparison."""

    serial: str
    home: Home
    marked_at_s: float = field(default_factory=time.monotonic)
    sales: dict[int, Entry] = field(default_factory=dict)
    sales_before: dict[int, Entry] = field(default_factory=dict)
    generation: int | None = None
    fingerprint: str = ""
    reasons: list[dict[str, str]] = field(default_factory=list)
    wire: Wire = field(default_factory=Wire)

    def mark(self, wire: Wire) -> None:
        """What is so now, so that a later sight can say that it still is. A sale once seen must be there for ever."""
        self.marked_at_s = time.monotonic()
        self.wire = wire
        self.sales |= self.home.sales()
        if not self.sales_before:
            self.sales_before = dict(self.sales)
        self.generation = self.home.current()
        self.fingerprint = self.home.fingerprint(self.generation) if self.generation is not None else ""


@dataclass
class World:
    server: Server
    console: Console
    terminals: dict[str, Terminal]
    traffic: Traffic = field(default_factory=Traffic)
    tills: TillWatch = field(default_factory=TillWatch)

    def last_action(self, serial: str) -> int | None:
        """The action this terminal last reported about, read off the wire."""
        reports = self.traffic.of(serial).reports
        return reports[-1].action if reports else None
