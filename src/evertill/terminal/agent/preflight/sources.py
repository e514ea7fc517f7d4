"""What a preflight asks of the machine: values, and the port that delivers them. Unknown is a value of its own, never a guess."""

from pathlib import Path
from typing import Literal, Protocol, TypeAlias

import msgspec

LinkKind: TypeAlias = Literal["wired", "wifi", "cellular", "local", "none", "unknown"]


class Power(msgspec.Struct, frozen=True):
    """`mains`: there is no battery. `unknown`: there may be one and nobody can say how full it is."""

    kind: Literal["mains", "battery", "unknown"]
    percent: int | None = None
    charging: bool | None = None


class Link(msgspec.Struct, frozen=True):
    """The way to the server: what its traffic costs depends on the kind."""

    kind: LinkKind
    interface: str = ""


class Peripheral(msgspec.Struct, frozen=True):
    """`carries_link` / `gives_power`: the update itself runs over it, so nobody is ever asked to unplug it."""

    usb_id: str  # vendor:product, four hex digits each
    name: str
    carries_link: bool = False
    gives_power: bool = False


class Sources(Protocol):
    def free_bytes(self, folder: Path) -> int: ...
    def power(self) -> Power: ...
    def link(self) -> Link: ...
    def peripherals(self) -> tuple[Peripheral, ...]: ...
