"""Who last restarted a terminal's till or device, or reset its settings, by hand: as the terminal says (`restart.last` of configData)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from django.utils.translation import gettext_lazy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.utils.functional import _StrPromise

LAST: Final = "restart.last"  # WHAT MOMENT PERSON
WHAT: Final[dict[str, _StrPromise]] = {
    "restart_till": gettext_lazy("Till restarted by hand"),
    "restart_device": gettext_lazy("Device restarted by hand"),
    "reset_settings": gettext_lazy("Settings reset by hand"),
}


class Restarted(NamedTuple):
    what: _StrPromise
    person: str
    at: datetime


def last_of(attributes: Mapping[str, str]) -> Restarted | None:
    """None where there was none, or it is said in words of a later version."""
    what, _, rest = attributes.get(LAST, "").partition(" ")
    moment, _, person = rest.partition(" ")
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        return None
    return Restarted(WHAT[what], person, at) if what in WHAT and at.tzinfo is not None else None
