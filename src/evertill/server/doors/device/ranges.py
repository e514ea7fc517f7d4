"""Which bytes a GET of a file asks for (RFC 9110 §13 and §14). Pure.

One range is answered as 206. Several ranges at once are answered with the whole file, as the RFC allows: no known client of this door asks for them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_RANGE = re.compile(r"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})", re.IGNORECASE)


@dataclass(frozen=True)
class Slice:
    """`status` 200, 206, 304, 412 or 416; `start` and `length` are bytes of the file."""

    status: HTTPStatus
    start: int = 0
    length: int = 0


def wanted(headers: Mapping[str, str], size_bytes: int, etag: str, modified: str) -> Slice:
    """What to answer, for lower-case header names; `etag` with its quotes, `modified` as an HTTP date."""
    if (required := headers.get("if-match")) is not None and not _lists(required, etag):
        return Slice(HTTPStatus.PRECONDITION_FAILED)
    if (known := headers.get("if-none-match")) is not None and _lists(known, etag):
        return Slice(HTTPStatus.NOT_MODIFIED)
    asked = headers.get("range", "")
    if not asked or not _still_the_same(headers.get("if-range"), etag, modified):
        return Slice(HTTPStatus.OK, 0, size_bytes)
    return _range(asked, size_bytes)


def _range(asked: str, size_bytes: int) -> Slice:
    match = _RANGE.fullmatch(asked.strip())
    if match is None:
        return _not_one_range(asked, size_bytes)
    first, last = match.groups()
    if not first:
        return _suffix(int(last), size_bytes) if last else Slice(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
    start = int(first)
    end = min(int(last), size_bytes - 1) if last else size_bytes - 1
    if last and int(last) < start:
        return Slice(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
    if start >= size_bytes:
        return Slice(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
    return Slice(HTTPStatus.PARTIAL_CONTENT, start, end - start + 1)


def _suffix(count: int, size_bytes: int) -> Slice:
    length = min(count, size_bytes)
    return (
        Slice(HTTPStatus.PARTIAL_CONTENT, size_bytes - length, length)
        if length
        else Slice(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
    )


def _not_one_range(asked: str, size_bytes: int) -> Slice:
    """Several ranges, or another unit: the whole file. Rubbish in bytes: refused, as hawkBit refuses it (DDI §1)."""
    unit, _, ranges = asked.partition("=")
    if unit.strip().lower() != "bytes" or "," in ranges:
        return Slice(HTTPStatus.OK, 0, size_bytes)
    return Slice(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)


def _still_the_same(if_range: str | None, etag: str, modified: str) -> bool:
    return if_range is None or if_range.strip() in {etag, modified}


def _lists(header: str, etag: str) -> bool:
    tags = {tag.strip().removeprefix("W/") for tag in header.split(",")}
    return "*" in tags or etag in tags
