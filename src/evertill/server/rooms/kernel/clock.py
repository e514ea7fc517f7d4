"""The one source of time: aware UTC, asked once per use case and handed down as `now`.

No room calls `datetime.now()` itself, so a test can stand at any moment.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    def __call__(self) -> datetime:
        """The present moment, aware, in UTC."""


def system_clock() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)
