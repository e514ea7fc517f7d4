"""The exact bytes that stand before a file in a bundle's tar, and what is wrong with others.

Rules kept here: one file has one possible header: plain ustar (POSIX.1-1988) with owner 0, time 0 and no names, preceded by a pax
header (POSIX.1-2001) with its `path` where the name is not ASCII or longer than 100 bytes. A reader compares bytes instead of
interpreting fields, so no two tar implementations can disagree about a bundle that was accepted. Only for naming the attack is
a foreign header looked into; nothing here reads a stream.
"""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING, Final

from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.manifest import UNPACKED_LIMIT_BYTES, File
from evertill.protocol.paths import check_path

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

BLOCK_BYTES: Final = 512
END: Final = bytes(2 * BLOCK_BYTES)

_NAME_BYTES: Final = 100
_DEVICES: Final = frozenset({tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE})
_LINKS: Final = frozenset({tarfile.LNKTYPE, tarfile.SYMTYPE})


def header(file: File) -> bytes:
    """Everything before the content of `file`: one block, or three with a pax header."""
    name = file.path.encode()
    mode = int(file.mode, 8)
    if file.path.isascii() and len(name) <= _NAME_BYTES:
        return _ustar(name, mode, file.size, tarfile.REGTYPE)
    record = _pax_record(b"path", name)
    plain_name = file.path.encode("ascii", "replace")[:_NAME_BYTES]
    pax = _ustar(b"././@PaxHeader", 0o644, len(record), tarfile.XHDTYPE) + record + padding(len(record))
    return pax + _ustar(plain_name, mode, file.size, tarfile.REGTYPE)


def padding(size: int) -> bytes:
    """The zeros after `size` bytes of content, up to the next block."""
    return bytes(-size % BLOCK_BYTES)


def _ustar(name: bytes, mode: int, size: int, kind: bytes) -> bytes:
    fields = [
        name.ljust(_NAME_BYTES, b"\0"),
        b"%07o\0" % mode,
        b"%07o\0" % 0,  # uid
        b"%07o\0" % 0,  # gid
        b"%011o\0" % size,
        b"%011o\0" % 0,  # mtime
        b" " * 8,  # checksum, counted as spaces
        kind,
        bytes(100),  # link name
        b"ustar\0" + b"00",
        bytes(32 + 32),  # user, group
        b"%07o\0" % 0,  # device major
        b"%07o\0" % 0,  # device minor
        bytes(155 + 12),  # prefix, unused
    ]
    block = b"".join(fields)
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def _pax_record(key: bytes, value: bytes) -> bytes:
    """`LENGTH key=value` and a line feed, where LENGTH counts its own digits (POSIX pax, extended header)."""
    rest = b" %s=%s\n" % (key, value)
    length = len(rest) + len(str(len(rest)))
    length = len(rest) + len(str(length))
    return b"%d%s" % (length, rest)


def claimed_size(block: bytes) -> int:
    """The content size that a header claims; 0 where it is none."""
    try:
        return _parsed(block).size
    except tarfile.HeaderError:
        return 0


def refusal(block: bytes, expected: str, seen: AbstractSet[str]) -> ProtocolRefused:
    """Why `block` is not the header of `expected` after the files `seen`: the most telling code for what was found instead."""
    if not any(block):
        return ProtocolRefused("BUNDLE_FILE_MISMATCH", path=expected, problem="missing")
    try:
        found = _parsed(block)
    except tarfile.HeaderError as error:
        return ProtocolRefused("BUNDLE_CORRUPT", problem=f"no tar header: {error}")
    return _kind_refusal(found, expected) or _name_refusal(found.name, expected, seen)


def _parsed(block: bytes) -> tarfile.TarInfo:
    return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")


def _kind_refusal(found: tarfile.TarInfo, expected: str) -> ProtocolRefused | None:
    if found.type in _LINKS:
        return ProtocolRefused("BUNDLE_LINK", path=found.name)
    if found.type in _DEVICES:
        return ProtocolRefused("BUNDLE_DEVICE", path=found.name)
    if found.type != tarfile.REGTYPE:
        return ProtocolRefused("BUNDLE_FILE_MISMATCH", path=expected, problem=f"a tar entry of type {found.type!r}")
    if found.size > UNPACKED_LIMIT_BYTES:
        return ProtocolRefused("BUNDLE_TOO_LARGE", what=found.name, limit_bytes=UNPACKED_LIMIT_BYTES)
    return None


def _name_refusal(found: str, expected: str, seen: AbstractSet[str]) -> ProtocolRefused:
    try:
        check_path(found)
    except ProtocolRefused as refused:
        return refused
    if found in seen:
        return ProtocolRefused("BUNDLE_DUPLICATE", path=found, other=found)
    if found != expected:
        return ProtocolRefused("BUNDLE_FILE_MISMATCH", path=found, problem=f"it stands where {expected} belongs")
    return ProtocolRefused("BUNDLE_FILE_MISMATCH", path=found, problem="size, mode or owner")
