"""Decompress exactly one zstd frame from a stream, block by block, and never more than was promised.

Rules kept here (RFC 8878): one frame, nothing before and nothing after it, no dictionary; content size and checksum stand in the
frame; the window is at most 8 MiB. At most one block (128 KiB) is held unpacked, so a bomb is noticed after its first blocks:
unpacked may be 200 times packed, the first MiB free (a bundle of a few small files compresses well and harms nobody). Blocks are
on average at least 512 bytes, so that a frame cannot buy hours of work with millions of tiny ones.
The frame is walked here because a library that is handed more input than one block may unpack gigabytes in one call, and because
none says what follows the frame. This module opens nothing: it reads from the stream it is given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import zstandard

from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.manifest import UNPACKED_LIMIT_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

WINDOW_LIMIT_BYTES: Final = 8 * 1024 * 1024
RATIO_LIMIT: Final = 200
RATIO_FREE_BYTES: Final = 1024 * 1024

_SHORTEST_HEADER_BYTES: Final = 5  # enough to know the length of the whole header
_CHECKSUM_BYTES: Final = 4
# libzstd splits a block of 128 KiB into at most 196 (ZSTD_MAX_NB_BLOCK_SPLITS), 668 bytes each; a short frame may have a few more.
_SMALLEST_BLOCK_BYTES: Final = 512
_FREE_BLOCKS: Final = 64
_RLE: Final = 1


class ByteSource(Protocol):
    """An open binary stream; `read` may return less than asked for, and nothing only at its end."""

    def read(self, size: int, /) -> bytes: ...


class Frame:
    """The content of one frame, in order, readable once. libzstd refuses foreign magic, reserved blocks, wrong sizes and checksums.

    Raises:
        ProtocolRefused: from every method: BUNDLE_CORRUPT, BUNDLE_TRUNCATED, BUNDLE_TOO_LARGE, BUNDLE_BOMB or BUNDLE_TRAILING_DATA.
    """

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._packed_bytes = 0
        self._unpacked_bytes = 0
        self._blocks = 0
        self._is_last = False
        self._ready = memoryview(b"")
        self._zstd = zstandard.ZstdDecompressor().decompressobj()
        self._promised_bytes = self._read_header()

    def read(self, size: int) -> bytes:
        """Exactly `size` bytes; meant for small pieces."""
        return b"".join(self.pieces(size))

    def pieces(self, size: int) -> Iterator[bytes]:
        """Exactly `size` bytes in pieces of at most one block."""
        while size:
            if not self._ready:
                self._ready = self._next_block()
            piece, self._ready = self._ready[:size], self._ready[size:]
            size -= len(piece)
            yield bytes(piece)

    def finish(self) -> None:
        """Make sure that content and stream end here."""
        while not self._ready and not self._is_last:
            self._ready = self._next_block()
        if self._ready:
            raise ProtocolRefused("BUNDLE_TRAILING_DATA")
        if self._source.read(1):
            raise ProtocolRefused("BUNDLE_TRAILING_DATA")

    def _read_header(self) -> int:
        """The promised content size, once everything in the header is acceptable."""
        start = self._take(_SHORTEST_HEADER_BYTES)
        try:
            header = start + self._take(zstandard.frame_header_size(start) - len(start))
            found = zstandard.get_frame_parameters(header)
        except zstandard.ZstdError as error:
            raise ProtocolRefused("BUNDLE_CORRUPT", problem=str(error)) from error
        if found.content_size == zstandard.CONTENTSIZE_UNKNOWN or not found.has_checksum:
            raise ProtocolRefused("BUNDLE_CORRUPT", problem="zstd frame without content size or checksum")
        if found.content_size > UNPACKED_LIMIT_BYTES:
            raise ProtocolRefused("BUNDLE_TOO_LARGE", what="unpacked content", limit_bytes=UNPACKED_LIMIT_BYTES)
        if found.window_size > WINDOW_LIMIT_BYTES:
            raise ProtocolRefused("BUNDLE_TOO_LARGE", what="zstd window", limit_bytes=WINDOW_LIMIT_BYTES)
        self._unpack(header)
        return int(found.content_size)

    def _next_block(self) -> memoryview:
        """The content of the next block (RFC 8878 §3.1.1.2); the checksum goes with the last."""
        if self._is_last:
            raise ProtocolRefused("BUNDLE_TRUNCATED")
        header = self._take(3)
        word = int.from_bytes(header, "little")
        self._is_last, kind, size = bool(word & 1), word >> 1 & 3, word >> 3
        body = self._take(1 if kind == _RLE else size)
        if self._is_last:
            body += self._take(_CHECKSUM_BYTES)
        content = self._unpack(header + body)
        self._unpacked_bytes += len(content)
        self._blocks += 1
        self._check_amounts()
        return memoryview(content)

    def _check_amounts(self) -> None:
        if self._unpacked_bytes > RATIO_LIMIT * self._packed_bytes + RATIO_FREE_BYTES:
            raise ProtocolRefused("BUNDLE_BOMB", limit_ratio=RATIO_LIMIT)
        if self._unpacked_bytes > self._promised_bytes:
            raise ProtocolRefused("BUNDLE_CORRUPT", problem="more content than the zstd frame promises")
        if self._blocks > self._promised_bytes // _SMALLEST_BLOCK_BYTES + _FREE_BLOCKS:
            raise ProtocolRefused("BUNDLE_CORRUPT", problem="too many zstd blocks")

    def _unpack(self, data: bytes) -> bytes:
        try:
            return self._zstd.decompress(data)
        except zstandard.ZstdError as error:
            raise ProtocolRefused("BUNDLE_CORRUPT", problem=str(error)) from error

    def _take(self, size: int) -> bytes:
        """Exactly `size` bytes of the stream."""
        taken = b""
        while len(taken) < size:
            more = self._source.read(size - len(taken))
            if not more:
                raise ProtocolRefused("BUNDLE_TRUNCATED")
            taken += more
        self._packed_bytes += size
        return taken
