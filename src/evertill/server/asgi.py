"""The composition root of the web process: which door answers which path.

    /{tenant}/controller/…   device door, raw ASGI: a poll must not pay for a framework
    /{tenant}/tuf/…          the signed repository, files as they lie
    everything else          Django: console, management API

Knows every door and nothing of what they do. EVERTILL_ONLY=device|console leaves the other doors shut in this process.
"""

from __future__ import annotations

import gc
import os
import warnings
from typing import TYPE_CHECKING, Any

from evertill.server import composition, configuration

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from evertill.server.configuration import Installation
    from evertill.server.doors.device.origin import Origins

    Scope = dict[str, Any]
    Receive = Callable[[], Awaitable[Mapping[str, Any]]]
    Send = Callable[[Mapping[str, Any]], Awaitable[None]]
    App = Callable[[Any, Any, Any], Awaitable[None]]  # the frameworks differ in how they spell the messages


class Root:
    """Hands each request to its door by the first two segments of its path, and starts and stops the device door with the process."""

    def __init__(self, installation: Installation, only: str = "") -> None:
        composition.start(installation.data, installation.database_url)
        from django.core.asgi import get_asgi_application

        from evertill.server.bodies import BoundedBodies
        from evertill.server.doors.device.app import DeviceDoor
        from evertill.server.doors.device.origin import Origins
        from evertill.server.doors.management import threshold as management
        from evertill.server.doors.repository.app import RepositoryDoor
        from evertill.server.rooms.catalog.rules import ARTIFACT_MOST_BYTES
        from evertill.server.rooms.kernel.clock import system_clock

        self._device = DeviceDoor(installation, system_clock)
        self._repository = RepositoryDoor(installation)
        bounded = BoundedBodies(get_asgi_application(), management.knows, ARTIFACT_MOST_BYTES)
        self._django = _behind(Origins(installation.trusted_proxies), bounded)
        self._only = only

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "lifespan":
            return self._lifespan(receive, send)
        return self._door(scope["path"])(scope, receive, send)

    def _door(self, path: str) -> App:
        second = path.split("/", 3)[2:3]
        if self._only != "console":
            if second == ["controller"]:
                return self._device
            if second == ["tuf"]:
                return self._repository
        if self._only == "device" and path != "/healthz":
            return self._device  # answers 404 in JSON for whatever is not its own
        return self._django

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self._device.startup()
                gc.collect()
                gc.freeze()  # what lives as long as the process is not looked through again and again while polls come and go
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self._device.shutdown()
                await send({"type": "lifespan.shutdown.complete"})
                return


def _behind(origins: Origins, door: App) -> App:
    """A door that sees requests as their clients sent them, also through a configured proxy."""
    from evertill.server.proxies import as_sent

    async def through(scope: Scope, receive: Receive, send: Send) -> None:
        await door(as_sent(scope, origins), receive, send)

    return through


# whitenoise hands Django's ASGI handler a synchronous iterator; static files are small, and read whole.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iterators")

application = Root(configuration.load(configuration.default_data()), os.environ.get("EVERTILL_ONLY", ""))
