"""How long this machine has been on: a clock that nobody sets, for waits that must not be shortened.

CLOCK_BOOTTIME counts through suspend and starts at zero with each boot, so a moment on it belongs to one boot id (random(4)).
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


class Uptime(msgspec.Struct, frozen=True):
    """A moment: which boot, and how many seconds into it."""

    boot: str
    seconds: float


UptimeClock: TypeAlias = Callable[[], Uptime]


def system_uptime() -> Uptime:
    return Uptime(_BOOT_ID.read_text().strip(), time.clock_gettime(time.CLOCK_BOOTTIME))
