"""Step *reported*: whoever must know how it ended is told, durably, before the journal is let go.

Telling is repeated after a crash, so the receiver knows a journey by its id. Delivery may take days; that is the outbox's business.
"""

from collections.abc import Callable
from datetime import datetime

from evertill.terminal.agent.journey.journal import Journey
from evertill.terminal.agent.journey.step import Done


class Reporting:
    def __init__(self, ended: Callable[[Journey], None]) -> None:
        self._ended = ended

    def run(self, journey: Journey, _now: datetime) -> Done:
        self._ended(journey)
        return Done(journey)
