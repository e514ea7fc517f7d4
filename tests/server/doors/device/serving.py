"""The door behind a real granian on a free port of loopback, in a thread of the test."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from evertill.server.doors.device.app import DeviceDoor

STARTED_WITHIN_S = 10.0


@contextmanager
def free_port() -> Iterator[int]:
    """A port that stays ours while it is held: granian binds it beside us (SO_REUSEPORT), and only a listener gets connections."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


def wait_for(condition: Callable[[], bool], within_s: float = STARTED_WITHIN_S) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@contextmanager
def serving(door: DeviceDoor) -> Iterator[int]:
    """Serves until the block ends; the port."""
    running: dict[str, Any] = {}

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await door(scope, receive, send)
            return
        await receive()
        await door.startup()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await door.shutdown()
        await send({"type": "lifespan.shutdown.complete"})

    async def run(port: int) -> None:
        running["loop"] = asyncio.get_running_loop()
        running["server"] = Server(
            application, port=port, interface=Interfaces.ASGI, websockets=False, log_level=LogLevels.error
        )
        await running["server"].serve()

    with free_port() as port:
        thread = threading.Thread(target=lambda: asyncio.run(run(port)), name="granian")
        thread.start()
        try:
            wait_for(lambda: listens(port))
            yield port
        finally:
            running["loop"].call_soon_threadsafe(running["server"].stop)
            thread.join()
