"""The device door: an ASGI application for `/{tenant}/controller/v1/…`, beside Django and without it on the way of a poll.

In order: the address is known (else 404, 405), the token opens this terminal's door (else 401), the words can be read (else 400, 406, 408, 413, 415), then one
call of a room in a thread. A poll ends after the second step, in the loop. Every refusal is JSON with a code; refusals of strangers are counted, those of terminals
are recorded one by one; a bug is logged and answered as a plain 500.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from evertill.server.doors.device import answer as answers
from evertill.server.doors.device import body as bodies
from evertill.server.doors.device import poll, routes, standing
from evertill.server.doors.device.call import Call
from evertill.server.doors.device.downloads import Downloads
from evertill.server.doors.device.errors import (
    BodyTooLarge,
    BodyTooSlow,
    DoorFault,
    LaterRefused,
    MethodUnknown,
    NothingHere,
)
from evertill.server.doors.device.identify import Reception
from evertill.server.doors.device.origin import Links, Origins
from evertill.server.doors.device.request import Request, headers_of, parts_of
from evertill.server.doors.device.rows.artifacts import FilePart
from evertill.server.doors.device.streaming import Stream
from evertill.server.doors.device.tally import Tally
from evertill.server.doors.device.threads import DatabaseThreads
from evertill.server.rooms.audit import service as audit
from evertill.server.rooms.audit.actor import Actor
from evertill.server.rooms.kernel import storage
from evertill.server.rooms.kernel.errors import Refused
from evertill.server.rooms.policies.plain import storable
from evertill.server.rooms.rollouts import queries as rollouts
from evertill.server.rooms.rollouts.states import Link

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping
    from datetime import datetime

    from evertill.server.configuration import Installation
    from evertill.server.doors.device.answer import Answer
    from evertill.server.doors.device.identify import Visitor
    from evertill.server.doors.device.routes import Found
    from evertill.server.rooms.kernel.clock import Clock

    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

log = logging.getLogger(__name__)

_BASE: Final = ["controller", "v1"]
_PARTS_LEAST: Final = 4  # tenant, base, serial
_OF_POLL: Final = "GET, HEAD"


class DeviceDoor:
    """One per process; `startup` and `shutdown` belong to the server's lifespan."""

    def __init__(
        self,
        installation: Installation,
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tenant = installation.operator
        self._tenant_lower = installation.operator.lower()
        self._artifacts = installation.artifacts
        self._clock = clock
        self._limits = limits = installation.limits
        self._origins = Origins(installation.trusted_proxies)
        self._standings = standing.for_database()
        self._threads = DatabaseThreads(limits.database_threads)
        self._disk = ThreadPoolExecutor(limits.disk_threads, thread_name_prefix="device-door-disk")
        self._reception = Reception(self._standings, self._threads)
        self._downloads = Downloads(limits, monotonic)
        self._tally = Tally(self._threads, clock, limits.flush_every_s)

    async def startup(self) -> None:
        await self._standings.open()
        self._tally.start()

    async def shutdown(self) -> None:
        """Writes the last polls, then gives every connection back."""
        try:
            await self._tally.stop()
        finally:
            await self._standings.close()
            self._threads.close()
            self._disk.shutdown()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request. What was not read of a refused body ends the connection."""
        close = False
        try:
            answer = await self._serve(scope, receive, send)
        except bodies.ClientGoneError:
            return
        except Refused as refusal:
            if not isinstance(refusal, LaterRefused):
                self._tally.stranger(refusal.code)
            answer = answers.refused(refusal)
        except Exception:
            log.exception(
                "%s %s", scope["method"], scope["path"]
            )  # the boundary of a request: a bug is logged, its traceback never sent
            answer = answers.refused(DoorFault())
        if answer is not None:
            close = answer.status in {BodyTooLarge.status, BodyTooSlow.status}
            await answers.send_answer(answer, send, head=scope["method"] == "HEAD", close=close)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> Answer | None:
        """The answer; None when a file was streamed. Raises refusals of strangers."""
        parts = parts_of(scope)
        if len(parts) < _PARTS_LEAST or parts[1:3] != _BASE or parts[0].lower() != self._tenant_lower:
            raise NothingHere
        method, serial = scope["method"], parts[3]
        found = routes.find(method, tuple(parts[4:])) if len(parts) > _PARTS_LEAST else None
        if found is None and method not in routes.READS:
            raise MethodUnknown(allowed=_OF_POLL)
        headers = headers_of(scope["headers"])
        peer = scope["client"][0] if scope.get("client") else None
        links = Links(self._origins.base(scope["scheme"], headers, peer), self._tenant, serial)
        now = self._clock()
        visitor = await self._reception.identify(serial, headers.get("authorization"), now, may_register=found is None)
        if found is None:
            self._tally.seen(visitor.standing.terminal_id, now, self._origins.client(headers, peer))
            return await self._poll(visitor, headers, links, now)
        request = Request(method, scope["query_string"], headers)
        call = Call(visitor, request, links, self._downloads, now, found.numbers, found.names)
        try:
            return await self._row(found, call, receive, send)
        except Refused as refusal:
            await self._record(visitor, found, refusal, now)
            return answers.refused(refusal)

    async def _poll(self, visitor: Visitor, headers: Mapping[str, str], links: Links, now: datetime) -> Answer:
        answers.require_acceptable(headers)
        row = visitor.standing
        offered = poll.shown_link(row, now)
        if offered is Link.DEPLOY and not visitor.is_ours and not self._downloads.has_place(row.terminal_id):
            retrieved = await self._threads.run(_was_retrieved, row.action_id)
            offered = Link.DEPLOY if retrieved else Link.NONE
        return answers.unchanged(poll.answer(row, offered, links, now), headers)

    async def _row(self, found: Found, call: Call, receive: Receive, send: Send) -> Answer | None:
        row, request = found.row, call.request
        if (row.ours and not (call.visitor.is_ours and call.visitor.own_token)) or (row.ddi and call.visitor.is_ours):
            raise NothingHere
        if row.is_file:
            return await self._file(found, call, receive, send)
        answers.require_acceptable(request.headers)
        if row.message is None:
            return _whole(await self._threads.run(row.handle, call), request)
        bodies.require_json(request.headers)
        message = bodies.decode(await bodies.read(request.headers, receive, self._limits), row.message)
        return _whole(await self._threads.run(row.handle, call, message), request)

    async def _file(self, found: Found, call: Call, receive: Receive, send: Send) -> Answer | None:
        """A download takes its place first, so that one without a place costs no more than being told so."""
        stream = Stream(self._disk, receive, send, self._limits.stalled_after_s)
        if call.request.method == "HEAD":
            answer = await self._threads.run(found.row.handle, call)
            if not isinstance(answer, FilePart):
                return answer
            await stream.head(answer.part, answer.headers)
            return None
        with self._downloads.one(call.terminal_id, refusable=call.visitor.is_ours):
            answer = await self._threads.run(found.row.handle, call)
            if not isinstance(answer, FilePart):
                return answer
            await stream.body(storage.address(self._artifacts, answer.sha256), answer.part, answer.headers)
            return None

    async def _record(self, visitor: Visitor, found: Found, refusal: Refused, now: datetime) -> None:
        if isinstance(refusal, LaterRefused):
            return
        refusal.params = storable(refusal.params)  # a refusal repeats what the device wrote
        serial = visitor.standing.serial
        await self._threads.run(
            audit.record_refusal, Actor.terminal(serial), found.row.act, refusal, kind="terminal", ref=serial, now=now
        )


def _whole(answer: Answer | FilePart, request: Request) -> Answer:
    if isinstance(answer, FilePart):
        raise TypeError("only rows of files stream")
    return answers.unchanged(answer, request.headers)


def _was_retrieved(action_id: int | None) -> bool:
    return action_id is not None and rollouts.by_id(action_id).retrieved_at is not None
