"""Talking over a unix socket in JSON lines: one object per request, one per answer, the peer's user checked.

Both ends are used: supervisor and agent listen, supervisor, agent and command line ask. Paths longer than a unix address
allows are reached through an open descriptor of their folder (till/CONTRACT.md, section 4). Nothing here knows a message.
"""

import json
import os
import socket
import struct
from pathlib import Path
from typing import Any

MAX_LINE_BYTES = 65_536
MAX_ANSWER_BYTES = 1_048_576  # an agent's status names every offer with its signed notes
_MAX_ADDRESS_BYTES = 107  # unix(7): sun_path, without the final zero


class Unreachable(Exception):
    """Nobody answers there, or not in lines of JSON."""


def _address(path: Path, folder: int) -> str:
    plain = str(path)
    return plain if len(os.fsencode(plain)) <= _MAX_ADDRESS_BYTES else f"/proc/self/fd/{folder}/{path.name}"


def connect(path: Path, timeout_s: float) -> socket.socket:
    """A connection to the socket at `path`.

    Raises:
        Unreachable: nobody listens there.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            connection.settimeout(timeout_s)
            connection.connect(_address(path, folder))
        finally:
            os.close(folder)
    except OSError as error:
        connection.close()
        raise Unreachable(f"{path.name}: {error}") from error
    return connection


def listen(path: Path) -> socket.socket:
    """A listening socket at `path`, 0600; a stale one is replaced, so the caller holds a lock that says it may."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    path.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        before = os.umask(0o177)
        try:
            listener.bind(_address(path, folder))
        finally:
            os.umask(before)
    finally:
        os.close(folder)
    listener.listen(16)
    return listener


def peer_is_ours(connection: socket.socket) -> bool:
    """Whether the other end runs as our own user or as root."""
    _pid, uid, _gid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return uid in {0, os.getuid()}


def ask_on(connection: socket.socket, message: dict[str, Any]) -> dict[str, Any]:
    """Send one request and read its answer.

    Raises:
        Unreachable: the other end is gone, too slow, or talks something else.
    """
    try:
        connection.sendall(json.dumps(message).encode() + b"\n")
        received = b""
        while not received.endswith(b"\n"):
            chunk = connection.recv(MAX_LINE_BYTES)
            if not chunk or len(received) > MAX_ANSWER_BYTES:
                raise Unreachable("the answer ended early or never")
            received += chunk
        answer = json.loads(received)
    except (OSError, ValueError) as error:
        raise Unreachable(str(error)) from error
    if not isinstance(answer, dict):
        raise Unreachable("the answer is no object")
    return answer


def ask(path: Path, message: dict[str, Any], timeout_s: float) -> dict[str, Any]:
    """One question on a connection of its own."""
    with connect(path, timeout_s) as connection:
        return ask_on(connection, message)
