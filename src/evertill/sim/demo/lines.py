"""One JSON line to a terminal's own socket, one back, as its screen asks; the demo stands where a person's finger would be."""

from __future__ import annotations

import json
import os
import socket
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

_TIMEOUT_S: Final = 10.0


class LineBroken(Exception):
    """Nobody listens there, or not in JSON lines."""


def connect(path: Path) -> socket.socket:
    """A unix address holds only 107 bytes, so the folder is named by a descriptor. Raises `LineBroken`."""
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(_TIMEOUT_S)
    try:
        folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            line.connect(f"/proc/self/fd/{folder}/{path.name}")
        finally:
            os.close(folder)
    except OSError as error:
        line.close()
        raise LineBroken(f"{path.name}: {error}") from error
    return line


def ask(path: Path, order: dict[str, Any]) -> dict[str, Any]:
    """Raises `LineBroken`."""
    with connect(path) as line, line.makefile("rwb") as stream:
        try:
            stream.write(json.dumps(order).encode() + b"\n")
            stream.flush()
            answer: dict[str, Any] = json.loads(stream.readline())
        except (OSError, ValueError) as error:
            raise LineBroken(f"{path.name}: {error}") from error
    return answer
