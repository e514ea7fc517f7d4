"""What a virtual terminal is made of, as JSON: whom it calls, what it runs, how long its work takes, and which releases go wrong on it.

It is a simulation and says so in its hardware model's name; nothing is installed anywhere. The file holds tokens: mode 0600.
"""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - a parameter
from typing import Annotated, Literal

import msgspec

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class Virtual(msgspec.Struct, frozen=True, kw_only=True):
    """One virtual terminal. `components`: what it came with. `outcomes`: by version, how its installation ends where not well."""

    serial: Name
    token: Name
    model: str = "virtual"
    hardware_revision: str = "A"
    time_zone: str = "Asia/Shanghai"
    components: dict[str, str] = {}
    outcomes: dict[str, Literal["failed", "rolled_back"]] = {}


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """A fleet and its server. `step_s`: how long each step of an update takes; no value makes a terminal faster than the server's poll."""

    url: str
    tenant: str
    terminals: list[Virtual]
    step_s: Annotated[float, msgspec.Meta(ge=0)] = 0.5


def read_scene(path: Path) -> Scene:
    """Raises OSError, and msgspec.MsgspecError where it is no scene."""
    return msgspec.json.decode(path.read_bytes(), type=Scene)
