"""Serves the TUF repository's public files, as they lie on the disk.

Keeps two rules: a path is made of plain segments below `metadata` or `targets`, never hidden and never `..`; what is not there is a JSON 404. Everything here is public by design
(signed, not secret); nothing that must stay private is ever written below these two folders.
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from evertill.server.configuration import Installation

    Scope = dict[str, Any]
    Receive = Callable[[], Awaitable[Mapping[str, Any]]]
    Send = Callable[[Mapping[str, Any]], Awaitable[None]]

FOLDERS = ("metadata", "targets")
SEGMENT = re.compile(r"[A-Za-z0-9_+-][A-Za-z0-9._+-]{0,239}")
CHUNK_BYTES = 256 * 1024


class RepositoryDoor:
    """ASGI application below `/{tenant}/tuf/`."""

    def __init__(self, installation: Installation) -> None:
        self._tenant = installation.operator.lower()
        self._root = installation.trust

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        if scope["method"] not in {"GET", "HEAD"}:
            await _refuse(send, 405, "METHOD_NOT_ALLOWED", "This address is only read.")
            return
        path = self._file(scope["path"])
        file = await asyncio.to_thread(_open, path) if path else None
        if file is None:
            await _refuse(send, 404, "NOT_FOUND", "There is no such file in the repository.")
            return
        with file:
            await _send_file(send, file, head=scope["method"] == "HEAD")

    def _file(self, path: str) -> Path | None:
        """The file a request path names, or None where it names nothing that is ours."""
        match path.split("/"):
            case ["", tenant, "tuf", folder, *rest] if tenant.lower() == self._tenant and folder in FOLDERS and rest:
                pass
            case _:
                return None
        if not all(SEGMENT.fullmatch(segment) for segment in rest):
            return None
        return self._root.joinpath(folder, *rest)


def _open(path: Path) -> IO[bytes] | None:
    try:
        return path.open("rb")
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None


async def _send_file(send: Send, file: IO[bytes], *, head: bool) -> None:
    size = await asyncio.to_thread(file.seek, 0, 2)
    file.seek(0)
    kind = b"application/json" if file.name.endswith(".json") else b"application/octet-stream"
    headers = [
        (b"content-type", kind),
        (b"content-length", str(size).encode()),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    while not head and (chunk := await asyncio.to_thread(file.read, CHUNK_BYTES)):
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _refuse(send: Send, status: int, code: str, message: str) -> None:
    body = json.dumps({"code": code, "message": message}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
