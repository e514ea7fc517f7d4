"""The readiness socket (CONTRACT.md §4): one JSON object per line, one answer per line, for this user's or root's
processes only.
"""

import json
import os
import socket
import socketserver
import struct
from collections.abc import Callable, Mapping
from typing import Protocol

from till.counter import Counter
from till.errors import Refused
from till.journal.batches import Settled
from till.sockets import OwnSocketServer

MOST_BYTES = 4096
SILENCE_S = 60.0  # a connection that asks nothing for so long is closed
UCRED = struct.Struct("3i")  # struct ucred of unix(7): pid, uid, gid


class BadRequestError(Exception):
    """Not one JSON object on one line."""


class StateOf(Protocol):
    """Gives the answer to `{"ask": "state"}`."""

    def __call__(self) -> Mapping[str, object]: ...


class ReadySocket(OwnSocketServer):
    """Answers while entered."""

    def __init__(self, address: str, counter: Counter, state: StateOf, stop: Callable[[], None]) -> None:
        self.counter = counter
        self.state = state
        self.stop = stop
        super().__init__(address, Conversation)

    def verify_request(self, request: object, client_address: object) -> bool:  # noqa: ARG002 (socketserver's signature)
        """Only processes of our own user or of root."""
        if not isinstance(request, socket.socket):
            return False
        _, uid, _ = UCRED.unpack(request.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, UCRED.size))
        return uid in {0, os.getuid()}


class Conversation(socketserver.StreamRequestHandler):
    """One connection: questions and answers in turn."""

    server: ReadySocket
    timeout = SILENCE_S

    def handle(self) -> None:
        """Until the other side has no more to ask; a stop happens after its answer has been sent."""
        self.stopping = False
        try:
            while line := self.rfile.readline(MOST_BYTES + 1):
                answer = self._answer(line)
                self.wfile.write(json.dumps(answer).encode() + b"\n")
                if self.stopping or answer == {"error": "BAD_REQUEST"}:
                    return
        except (OSError, TimeoutError):
            return
        finally:
            if self.stopping:
                self.server.stop()

    def _answer(self, line: bytes) -> Mapping[str, object]:
        try:
            return self._do(_parse(line))
        except BadRequestError:
            return {"error": "BAD_REQUEST"}
        except Refused as refused:
            return {"error": refused.code}

    def _do(self, request: Mapping[str, object]) -> Mapping[str, object]:
        counter = self.server.counter
        match request:
            case {"ask": "state"}:
                return self.server.state()
            case {"do": "sell"}:
                counter.start_selling()
                return {"ok": True, "mode": str(counter.mode)}
            case {"do": "settle"}:
                return {"ok": True, "batch": _batch(counter.settle("terminal"))}
            case {"do": "stop"}:
                counter.stop()
                self.stopping = True
                return {"ok": True}
            case _:
                return {"error": "UNKNOWN_REQUEST"}


def _parse(line: bytes) -> Mapping[str, object]:
    if len(line) > MOST_BYTES or not line.endswith(b"\n"):
        raise BadRequestError
    try:
        request = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadRequestError from error
    if not isinstance(request, dict):
        raise BadRequestError
    return request


def _batch(settled: Settled | None) -> Mapping[str, object] | None:
    if settled is None:
        return None
    sums = settled.totals
    return {
        "id": settled.id,
        "settled_at": settled.settled_at,
        "sale_count": sums.sale_count,
        "sale_fen": sums.sale_fen,
        "refund_count": sums.refund_count,
        "refund_fen": sums.refund_fen,
        "net_fen": sums.net_fen,
    }
