"""What a row of the device API gets to see of a request: who called, from where links lead, which ids stand in the path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from evertill.server.doors.device.downloads import Downloads
    from evertill.server.doors.device.identify import Visitor
    from evertill.server.doors.device.origin import Links
    from evertill.server.doors.device.request import Request


@dataclass(frozen=True, slots=True)
class Call:
    """`numbers` and `names` are the variable parts of the path, in their order."""

    visitor: Visitor
    request: Request
    links: Links
    downloads: Downloads
    now: datetime
    numbers: tuple[int, ...]
    names: tuple[str, ...]

    @property
    def terminal_id(self) -> int:
        return self.visitor.standing.terminal_id

    @property
    def history(self) -> int:
        """`actionHistory=n` of the query (DDI §1). Raises `QueryInvalid`."""
        return self.request.number("actionHistory")
