"""Rows 14 to 16: a module's files, each one whole or in part, and its MD5 sum in md5sum's own format."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import format_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from evertill.server.doors.device import answer
from evertill.server.doors.device.errors import PreconditionFailed, RangeNotSatisfiable
from evertill.server.doors.device.ranges import wanted
from evertill.server.doors.device.rows.deployments import artifacts
from evertill.server.rooms.rollouts import service

if TYPE_CHECKING:
    from evertill.server.doors.device.answer import Answer, Headers
    from evertill.server.doors.device.call import Call
    from evertill.server.doors.device.ranges import Slice
    from evertill.server.rooms.rollouts.service import ModuleArtifact

_SUM: Final = ".MD5SUM"


@dataclass(frozen=True, slots=True)
class FilePart:
    """Bytes of a stored file to stream: `sha256` names it in the store."""

    sha256: str
    part: Slice
    headers: Headers


def listed(call: Call) -> Answer:
    """Row 14."""
    (module_id,) = call.numbers
    found = service.module_artifacts(call.terminal_id, module_id)
    return answer.json(artifacts(module_id, found, call.links))


def file(call: Call) -> Answer | FilePart:
    """Rows 15 and 16. A full GET becomes a line of the action's history; ranges, HEAD and sums do not (DDI facts §1)."""
    (module_id,), (filename,) = call.numbers, call.names
    if filename.endswith(_SUM):
        return _sum(call, module_id, filename.removesuffix(_SUM))
    found = service.may_download(call.terminal_id, module_id, filename, call.now)
    etag, modified = f'"{found.sha1}"', format_datetime(found.made_at, usegmt=True)
    part = wanted(call.request.headers, found.size_bytes, etag, modified)
    if part.status == HTTPStatus.PRECONDITION_FAILED:
        raise PreconditionFailed
    if part.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        raise RangeNotSatisfiable(size_bytes=found.size_bytes)
    known: Headers = [(b"etag", etag.encode()), (b"last-modified", modified.encode()), (b"accept-ranges", b"bytes")]
    if part.status == HTTPStatus.NOT_MODIFIED:
        return answer.Answer(304, b"", known)
    if part.status == HTTPStatus.OK and call.request.method == "GET":
        service.download_started(call.terminal_id, module_id, filename, call.now)
    return FilePart(found.sha256, part, [*known, *_about(found, part)])


def _sum(call: Call, module_id: int, filename: str) -> Answer:
    found = service.may_download(call.terminal_id, module_id, filename, call.now)
    return answer.text(f"{found.md5}  {filename}", [_attachment(f"{filename}{_SUM}"), _NOSNIFF])


def _about(found: ModuleArtifact, part: Slice) -> Headers:
    headers: Headers = [
        (b"content-type", b"application/octet-stream"),
        (b"content-length", b"%d" % part.length),
        _attachment(found.filename),
        _NOSNIFF,
    ]
    if part.status == HTTPStatus.PARTIAL_CONTENT:
        last = part.start + part.length - 1
        headers.append((b"content-range", b"bytes %d-%d/%d" % (part.start, last, found.size_bytes)))
    return headers


_NOSNIFF: Final = (b"x-content-type-options", b"nosniff")


def _attachment(filename: str) -> tuple[bytes, bytes]:
    """RFC 6266: a plain name as it is, any other percent-encoded, so that no name can write a header."""
    plain = filename.isascii() and all(letter.isalnum() or letter in "+-._" for letter in filename)
    said = f'filename="{filename}"' if plain else f"filename*=UTF-8''{quote(filename, safe='')}"
    return b"content-disposition", f"attachment; {said}".encode()
