"""Finding terminals by how they stand with their updates and by the reason that leads: what the fleet's list is narrowed by.

Rules kept here: a page is read from an index in the order of its serials (keyset), whatever the size of the fleet; silence comes before every other state,
because then nobody knows, and is read from when a terminal was last seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import connection
from django.db.models import F, Q

from evertill.server.rooms.fleet import queries as fleet
from evertill.server.rooms.rollouts.models import Situation

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from evertill.server.rooms.fleet.models import Terminal
    from evertill.server.rooms.fleet.queries import Filters
    from evertill.server.rooms.organisations.models import Node

SILENT: Final = "mute"
_RETIRED: Final = Q(reason="RETIRED")
# One step through the index for each code there is, however many terminals have it.
_REASONS: Final = """
WITH RECURSIVE led(reason) AS (
  SELECT min(reason) FROM rollouts_situation WHERE reason > ''
  UNION ALL
  SELECT (SELECT min(reason) FROM rollouts_situation WHERE reason > led.reason) FROM led WHERE led.reason IS NOT NULL
) SELECT reason FROM led WHERE reason IS NOT NULL
"""


def page(
    nodes: Iterable[Node],
    filters: Filters,
    update: str,
    reason: str,
    now: datetime,
    after_serial: str = "",
    size: int = fleet.PAGE,
) -> list[Terminal]:
    """At most `size` terminals in the order of their serials. `update`: rules.Update, or SILENT; empty, like `reason`: any."""
    rows = Situation.objects.select_related("terminal__node", "terminal__model").filter(
        fleet.narrowed(nodes, filters, to="terminal__"), serial__gt=after_serial
    )
    rows = rows.alias(seen_s=fleet.last_seen_s("terminal_id"))
    silent = ~_RETIRED & (Q(seen_s=None) | Q(seen_s__lt=int(now.timestamp()) - F("silent_after_s")))
    if update == SILENT:
        rows = rows.filter(silent)
    else:
        heard = _RETIRED | Q(seen_s__gte=int(now.timestamp()) - F("silent_after_s"))
        rows = rows.filter(heard, **({"state": update} if update else {}))
    if reason:
        rows = rows.filter(reason=reason)
    return [row.terminal for row in rows.order_by("serial")[:size]]


def reasons() -> list[str]:
    """Codes that lead some terminal's state now."""
    with connection.cursor() as cursor:
        cursor.execute(_REASONS)
        return [code for (code,) in cursor.fetchall()]
