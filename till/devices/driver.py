"""A device behind a driver of its vendor: a unix socket, one JSON line asked, one answered (CONTRACT.md §7).

It is how a reader with its own payment kernel, or a printer without a device file, is attached; and what a simulated device
speaks.
"""

import json
import os
import socket
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from till.devices.port import ANSWER_S, DeviceSilentError

PRINT_S: Final = 10.0
MOST_BYTES: Final = 4096


class Driver:
    """One driver, connected to anew for each question."""

    def __init__(self, path: str) -> None:
        self._path = path

    def state(self) -> str:
        """What the driver says."""
        return self._asked({"ask": "state"}, ANSWER_S)

    def print(self, lines: Sequence[str]) -> None:
        """Prints; only the answer `printed` is a success."""
        if (answer := self._asked({"print": list(lines)}, PRINT_S)) != "printed":
            raise DeviceSilentError(answer)

    def _asked(self, question: object, within_s: float) -> str:
        try:
            with closing(socket.socket(socket.AF_UNIX)) as connection:
                connection.settimeout(within_s)
                _connect(connection, Path(self._path))
                connection.sendall(json.dumps(question).encode() + b"\n")
                with connection.makefile("rb") as answers:
                    said = json.loads(answers.readline(MOST_BYTES))
        except OSError as error:
            raise DeviceSilentError(error.strerror or "no answer") from error
        except ValueError as error:
            raise DeviceSilentError("an answer that is none") from error
        state = said.get("state") if isinstance(said, dict) else None
        if not isinstance(state, str):
            raise DeviceSilentError("an answer that is none")
        return state


def _connect(connection: socket.socket, path: Path) -> None:
    """Through the folder's descriptor: a home's path may be longer than a unix address (107 bytes)."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        connection.connect(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)
