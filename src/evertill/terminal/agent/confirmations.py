"""What a person at the terminal confirmed for tonight: "the power is connected", "go on with these devices plugged in".

Kept in memory only: after a restart, or half a day later, nobody remembers what was plugged in, so it is asked again.
"""

from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias

Matter: TypeAlias = Literal["power", "peripherals"]
HOLDS: Final = timedelta(hours=12)


class Confirmations:
    def __init__(self) -> None:
        self._at: dict[Matter, datetime] = {}

    def confirm(self, matter: Matter, now: datetime) -> None:
        self._at[matter] = now

    def forget(self) -> None:
        self._at.clear()

    def holds(self, matter: Matter, now: datetime) -> bool:
        at = self._at.get(matter)
        return at is not None and timedelta(0) <= now - at < HOLDS
