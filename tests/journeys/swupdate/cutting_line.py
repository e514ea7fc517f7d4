"""A line between a device and its server that breaks: it carries bytes both ways and hangs up after so many, so many times."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Self


class CuttingLine:
    """Listens on a free port of loopback; each of the first `cuts` connections that carries more than `after_bytes` back is cut there."""

    def __init__(self, server_port: int, *, cuts: int, after_bytes: int) -> None:
        self._server_port = server_port
        self._cuts_left = cuts
        self._after_bytes = after_bytes
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept)
        self._carriers: list[threading.Thread] = []
        self._open: set[socket.socket] = set()

    @property
    def cuts_left(self) -> int:
        return self._cuts_left

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_problem: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for end in list(self._open):
            _hang_up(end)
        for carrier in self._carriers:
            carrier.join()

    def _accept(self) -> None:
        while True:
            try:
                device, _address = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._server_port))
            self._open |= {device, server}
            for source, sink, counted in ((device, server, False), (server, device, True)):
                carrier = threading.Thread(target=self._carry, args=(source, sink, counted))
                self._carriers.append(carrier)
                carrier.start()

    def _carry(self, source: socket.socket, sink: socket.socket, counted: bool) -> None:  # noqa: FBT001 - one of two directions
        carried = 0
        try:
            while chunk := source.recv(16384):
                sink.sendall(chunk)
                carried += len(chunk)
                if counted and carried > self._after_bytes and self._cut():
                    break
        except OSError:
            pass
        _hang_up(source)
        _hang_up(sink)

    def _cut(self) -> bool:
        with self._lock:
            if not self._cuts_left:
                return False
            self._cuts_left -= 1
            return True


def _hang_up(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
