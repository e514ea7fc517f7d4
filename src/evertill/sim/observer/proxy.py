"""A plain HTTP proxy in front of the server's device door that hands everything through and counts it.

Rules kept here: the Host header goes through unchanged, so the links in answers lead back here; nothing is cached, altered or retried; a body is passed on
piece by piece, each counted before it is sent. Loopback only.
"""

from __future__ import annotations

import threading
from http.client import HTTPConnection, HTTPException, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from evertill.sim.observer.traffic import Traffic

CHUNK_BYTES = 64 * 1024
TIMEOUT_S = 60.0
# Of one connection only (RFC 9110, 7.6.1); the length is told by us.
_HOP = frozenset({"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"})


class Proxy:
    """Serves in threads of its own until `stop`."""

    def __init__(self, upstream_port: int, traffic: Traffic) -> None:
        handler = type("Handler", (_Handler,), {"upstream_port": upstream_port, "traffic": traffic})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = TIMEOUT_S
    upstream_port: int
    traffic: Traffic

    def setup(self) -> None:
        super().setup()
        self._upstream = HTTPConnection("127.0.0.1", self.upstream_port, timeout=TIMEOUT_S)

    def finish(self) -> None:
        self._upstream.close()
        super().finish()

    def do_GET(self) -> None:
        self._pass_on()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - http.server's names

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            answer = self._ask(body)
        except (OSError, HTTPException):
            self._upstream.close()
            self.close_connection = True
            self.send_error(502, "the server does not answer")
            return
        self._answer(answer, self.traffic.note(self.command, self.path, body))

    def _ask(self, body: bytes) -> HTTPResponse:
        self._upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in _HOP:
                self._upstream.putheader(name, value)
        self._upstream.endheaders(body or None)
        return self._upstream.getresponse()

    def _answer(self, answer: HTTPResponse, count: Callable[[int], None]) -> None:
        """Passes the answer on, piece by piece."""
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP:
                self.send_header(name, value)
        has_body = self.command != "HEAD" and answer.status not in {204, 304}
        if answer.will_close or (has_body and answer.getheader("Content-Length") is None):
            self.close_connection = True  # the end of such a body is the end of the connection
            self.send_header("Connection", "close")
        self.end_headers()
        while chunk := answer.read(CHUNK_BYTES):
            count(len(chunk))
            self.wfile.write(chunk)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Nothing: the traffic is the record."""
