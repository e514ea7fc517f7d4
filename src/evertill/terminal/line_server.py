"""The listening end of JSON lines, inside somebody's selector loop: peers of our own user, small requests, one answer each.

Rules kept here: a peer that is not ours is hung up on without a byte; one that sends too much or no JSON likewise, after being
told; a peer that does not read its answer is not waited for. The selector's keys carry callbacks; whoever runs the loop calls them.
"""

import json
import selectors
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evertill.terminal.lines import MAX_LINE_BYTES, listen, peer_is_ours

Answer = Callable[[socket.socket, dict[str, Any]], dict[str, Any]]
Gone = Callable[[socket.socket], None]
SEND_TIMEOUT_S = 1.0


class LineServer:
    def __init__(self, path: Path, selector: selectors.BaseSelector, answer: Answer, gone: Gone) -> None:
        self._answer, self._gone = answer, gone
        self._selector = selector
        self._unread: dict[socket.socket, bytes] = {}
        self._listener = listen(path)
        selector.register(self._listener, selectors.EVENT_READ, self._accept)

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.settimeout(SEND_TIMEOUT_S)
        if not peer_is_ours(connection):
            connection.close()
            return
        self._unread[connection] = b""
        self._selector.register(connection, selectors.EVENT_READ, lambda: self._read(connection))

    def _read(self, connection: socket.socket) -> None:
        well = True
        try:
            received = connection.recv(MAX_LINE_BYTES)
            *lines, rest = (self._unread[connection] + received).split(b"\n")
            self._unread[connection] = rest
            for line in lines:
                well = self._reply(connection, line) and well
        except OSError:
            received, well = b"", False
        if not received or not well or len(rest) > MAX_LINE_BYTES:
            self._hang_up(connection)

    def _reply(self, connection: socket.socket, line: bytes) -> bool:
        try:
            request = json.loads(line)
        except ValueError:
            request = None
        well = isinstance(request, dict)
        answer = self._answer(connection, request) if well else {"error": "BAD_REQUEST"}
        connection.sendall(json.dumps(answer).encode() + b"\n")
        return well

    def _hang_up(self, connection: socket.socket) -> None:
        self._selector.unregister(connection)
        del self._unread[connection]
        connection.close()
        self._gone(connection)
