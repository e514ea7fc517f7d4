"""Words from devices, made storable: PostgreSQL keeps no NUL character, so each becomes its picture, and a moment gets a zone and a year that can be kept."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

_FIRST: Final = datetime(1970, 1, 2, tzinfo=UTC)
_LAST: Final = datetime(9999, 12, 30, tzinfo=UTC)  # a day from either end, so that every zone can show it


def storable(value: Any) -> Any:
    """The same JSON value without NUL characters in any of its texts."""
    match value:
        case str():
            return value.replace("\x00", "␀")
        case list():
            return [storable(each) for each in value]
        case dict():
            return {storable(name): storable(each) for name, each in value.items()}
        case _:
            return value


def aware(moment: datetime) -> datetime:
    """A device's moment with its zone; one without a zone is read as UTC, one no database holds as the nearest that it does."""
    return min(max(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC), _FIRST), _LAST)
