"""Step *backing up*: before anything is installed, the data as they are, encrypted and restored on trial."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

import msgspec

from evertill.terminal.agent.journey.journal import Journey
from evertill.terminal.agent.journey.step import Done

BackUp: TypeAlias = Callable[[Journey, datetime], str]
"""Backs up the data of the generation the journey starts from, verified; returns the backup's name."""


class BackingUp:
    def __init__(self, back_up: BackUp) -> None:
        self._back_up = back_up

    def run(self, journey: Journey, now: datetime) -> Done:
        """A terminal without data has nothing to back up; for a repair, no till here could prove a backup, and nothing migrates."""
        if journey.from_generation is None or journey.repair:
            return Done(journey)
        return Done(msgspec.structs.replace(journey, backup=self._back_up(journey, now)))
