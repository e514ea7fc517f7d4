"""One request as the door reads it: its method, the parts of its path, its query, its headers.

Rules kept here: a header that may stand once and stands twice is refused, for two readers could understand it in two ways; path parts are split before they are
decoded, so `%2F` never becomes a separator; nothing is decoded leniently.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import parse_qsl, unquote_to_bytes

from evertill.server.doors.device.errors import HeaderInvalid, PathInvalid, QueryInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

PATH_MOST: Final = 2048
HEADER_MOST: Final = 4096
DIGITS_MOST: Final = 10

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_ONCE: Final = frozenset(
    (b"authorization", b"content-length", b"content-type", b"host", b"if-range", b"range", b"transfer-encoding")
)


class Request(NamedTuple):
    """What a row reads of it; header names are lower case."""

    method: str
    query: bytes
    headers: Mapping[str, str]

    def number(self, name: str, otherwise: int = 0) -> int:
        """A whole number of the query string. Raises `QueryInvalid`."""
        if len(self.query) > PATH_MOST:
            raise QueryInvalid(name=name)
        said = dict(parse_qsl(self.query.decode("ascii", "replace"), keep_blank_values=True)).get(name)
        if said is None:
            return otherwise
        digits = said.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= DIGITS_MOST):
            raise QueryInvalid(name=name)
        return int(said)


def headers_of(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by lower-case name; those that are lists are joined. Raises `HeaderInvalid`."""
    found = {name.decode("latin-1"): value.decode("latin-1") for name, value in raw}
    if len(found) < len(raw):
        found = _joined(raw)
    if max(map(len, found.values()), default=0) > HEADER_MOST:
        longest = max(found, key=lambda name: len(found[name]))
        raise HeaderInvalid(header=longest[:40], problem="too long")
    return found


def _joined(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """For a request in which some header stands more than once."""
    found: dict[str, str] = {}
    for key, value in raw:
        name, said = key.decode("latin-1"), value.decode("latin-1")
        if name in found and key in _ONCE:
            raise HeaderInvalid(header=name, problem="it stands twice")
        found[name] = f"{found[name]}, {said}" if name in found else said
    return found


def parts_of(scope: MutableMapping[str, Any]) -> list[str]:
    """The path's parts, each decoded on its own. Raises `PathInvalid`."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    if len(raw) > PATH_MOST:
        raise PathInvalid
    try:
        if b"%" not in raw:
            return raw.decode("ascii").split("/")[1:]
        parts = [unquote_to_bytes(part).decode("utf-8") for part in raw.split(b"/")[1:]]
    except UnicodeDecodeError:
        raise PathInvalid from None
    if any(_CONTROL.search(part) for part in parts):
        raise PathInvalid
    return parts
