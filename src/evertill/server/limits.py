"""How much the device door takes from one request and serves at one time: what `[device_door]` of evertill.toml may say, and between which bounds.

The bounds keep a slip of the pen from shutting the door or from opening it to everybody at once; they are no recommendation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from evertill.protocol.ddi import MAX_REPORT_BODY_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping

SECTION: Final = "device_door"
BOUNDS: Final = {
    "parallel_downloads": (1, 10_000),
    "download_retry_after_s": (1, 3600),
    "reservation_s": (10, 3600),
    "stalled_after_s": (10, 3600),
    "body_within_s": (1, 300),
    "database_threads": (1, 64),
    "disk_threads": (1, 64),
}


class LimitInvalidError(Exception):
    """The section names something that is no limit, or a value out of bounds. The text says what to write."""


@dataclass(frozen=True)
class DoorLimits:
    """One door process's bounds; the defaults suit one machine with a 1 Gbit/s line."""

    parallel_downloads: int = 50
    download_retry_after_s: int = 60
    reservation_s: float = (
        120.0  # a ddi client that retrieved its action but never comes for the bytes frees its place after this
    )
    stalled_after_s: float = 300.0  # no chunk taken for so long: the client is gone, or slower than 870 B/s
    body_bytes: int = MAX_REPORT_BODY_BYTES
    body_within_s: float = 20.0
    database_threads: int = 4
    disk_threads: int = 4
    flush_every_s: float = 1.0


def read(section: object) -> DoorLimits:
    """The defaults with what an operator set. Raises `LimitInvalidError`."""
    if not isinstance(section, dict):
        raise LimitInvalidError(f"[{SECTION}] is a table; write: [{SECTION}] and below it parallel_downloads = 50")
    return DoorLimits(**{name: _checked(name, section) for name in section})


def _checked(name: str, section: Mapping[str, object]) -> int:
    said = section[name]
    if name not in BOUNDS:
        raise LimitInvalidError(f"[{SECTION}] {name[:40]!r} is no limit; write one of: {', '.join(BOUNDS)}")
    least, most = BOUNDS[name]
    if not isinstance(said, int) or isinstance(said, bool) or not least <= said <= most:
        raise LimitInvalidError(f"[{SECTION}] {name} = {str(said)[:40]}: write a whole number from {least} to {most}")
    return said
