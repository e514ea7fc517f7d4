"""What went over the wire, terminal by terminal: counted and read by the proxy, asked by the sights.

A payload byte is a byte of an artifact's body, whole or in part, that was sent towards a terminal. It is counted before it is sent: what was cut off counts too, and
an observer that sees zero can rely on it.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

_OF_TERMINAL = re.compile(r"/[^/]+/controller/v1/([^/?]+)(?:/([^?]*))?")
_ARTIFACT = re.compile(r"softwaremodules/\d+/artifacts/(?!.*\.MD5SUM$).+")
_REPORT = re.compile(r"deploymentBase/(\d+)/feedback")


class Said(NamedTuple):
    """One report of a terminal about an action. `at_s`: of the monotonic clock."""

    at_s: float
    at: datetime
    action: int
    state: str
    reasons: tuple[str, ...]


@dataclass
class Wire:
    """One terminal's traffic."""

    requests: int = 0
    payload_bytes: int = 0
    payload_requests: int = 0
    deployments_read: int = 0
    reports: list[Said] = field(default_factory=list)


class Traffic:
    """Written by many connections, read by one observer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wires: dict[str, Wire] = defaultdict(Wire)

    def note(self, method: str, path: str, request: bytes) -> Callable[[int], None]:
        """One request that is about to be answered; to be told of each piece of the answer's body, before it is sent."""
        found = _OF_TERMINAL.match(path)
        if found is None:
            return _nobodys
        serial, rest = found[1], found[2] or ""
        is_payload = method == "GET" and _ARTIFACT.fullmatch(rest) is not None
        with self._lock:
            wire = self._wires[serial]
            wire.requests += 1
            wire.payload_requests += is_payload
            wire.deployments_read += method == "GET" and rest.startswith("deploymentBase/")
            if method == "POST" and (report := _REPORT.fullmatch(rest)):
                wire.reports += _said(int(report[1]), request)
        return partial(self._count, serial) if is_payload else _nobodys

    def of(self, serial: str) -> Wire:
        with self._lock:
            wire = self._wires[serial]
            return Wire(
                wire.requests, wire.payload_bytes, wire.payload_requests, wire.deployments_read, list(wire.reports)
            )

    def _count(self, serial: str, size_bytes: int) -> None:
        with self._lock:
            self._wires[serial].payload_bytes += size_bytes


def _nobodys(_size_bytes: int) -> None:
    """Bytes that are no payload."""


def _said(action: int, body: bytes) -> list[Said]:
    """A report that cannot be read is not one; the server will have refused it."""
    try:
        message: Any = json.loads(body)
        words = message["evertill"]
        reasons = tuple(str(reason["code"]) for reason in words.get("reasons", []))
        return [Said(time.monotonic(), datetime.now(UTC), action, str(words["state"]), reasons)]
    except (ValueError, KeyError, TypeError):
        return []
