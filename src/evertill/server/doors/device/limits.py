"""How much the device door takes from one request and serves at one time."""

from __future__ import annotations

from dataclasses import dataclass

from evertill.protocol.ddi import MAX_REPORT_BODY_BYTES


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
