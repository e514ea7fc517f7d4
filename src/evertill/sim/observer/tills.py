"""When each till could take a sale and when not: asked at its own socket, again and again, by a thread that does nothing else.

Only changes are kept. A gap is measured from the first answer that was no "selling" to the next that was, so it is right to one look (EVERY_S).
"""

from __future__ import annotations

import itertools
import json
import os
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

EVERY_S = 0.2
_ANSWER_S = 5.0  # a busy machine is no gap; where nobody listens the answer comes at once


class Seller(NamedTuple):
    """The till that can take a sale."""

    version: str
    pid: int


class Look(NamedTuple):
    at_s: float
    seller: Seller | None


class TillWatch:
    """Looks at every till it was shown."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: dict[str, Path] = {}
        self._looks: dict[str, list[Look]] = {}
        self._stopped = threading.Event()

    def show(self, homes: Mapping[str, Path]) -> None:
        """From now on also these, by serial."""
        with self._lock:
            self._runs |= {serial: home / "run" / "till" for serial, home in homes.items()}

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def seller(self, serial: str) -> Seller | None:
        """As it was at the latest look."""
        with self._lock:
            looks = self._looks.get(serial)
            return looks[-1].seller if looks else None

    def versions(self, serial: str) -> list[str]:
        """What sold there, in order."""
        with self._lock:
            sold = [look.seller.version for look in self._looks.get(serial, []) if look.seller]
        return [version for number, version in enumerate(sold) if number == 0 or sold[number - 1] != version]

    def gaps_s(self, serial: str, since_s: float) -> list[float]:
        """How long nobody could sell since then, each time. Before the first till ever sold there was no shop."""
        with self._lock:
            looks = list(self._looks.get(serial, []))
        looks = list(itertools.dropwhile(lambda look: look.seller is None, looks))
        ends = [*(look.at_s for look in looks[1:]), time.monotonic()]
        spans = [end - max(look.at_s, since_s) for look, end in zip(looks, ends, strict=False) if look.seller is None]
        return [round(span, 2) for span in spans if span > 0]

    def _run(self) -> None:
        while not self._stopped.wait(EVERY_S):
            with self._lock:
                runs = dict(self._runs)
            for serial, run in runs.items():
                seller = _seller(till_state(run))
                with self._lock:
                    looks = self._looks.setdefault(serial, [])
                    if not looks or looks[-1].seller != seller:
                        looks.append(Look(time.monotonic(), seller))


def till_state(run: Path) -> dict[str, Any] | None:
    """The till's page `api/state`; None when nobody answers."""
    try:
        folder = os.open(run, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(_ANSWER_S)
            line.connect(f"/proc/self/fd/{folder}/till.sock")  # a unix address holds only 107 bytes
            line.sendall(b"GET /api/state HTTP/1.0\r\nHost: till\r\n\r\n")
            received = b""
            while chunk := line.recv(65536):
                received += chunk
        state = json.loads(received.partition(b"\r\n\r\n")[2])
    except (OSError, ValueError):
        return None
    finally:
        os.close(folder)
    return state if isinstance(state, dict) else None


def _seller(state: dict[str, Any] | None) -> Seller | None:
    if state is None or state.get("mode") != "selling":
        return None
    return Seller(str(state["version"]), int(state["pid"]))
