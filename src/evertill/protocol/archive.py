"""The one reader of `.evb` bundles, for server and terminal: a zstd frame around a tar, every limit enforced while streaming.

Rules kept here: `manifest.json` is the first member; then exactly the manifest's files in the manifest's order, each with the one
possible header, the stated size and sha256; zeros between, two zero blocks at the end, nothing after. Limits: 512 MiB unpacked,
20 000 files, ratio 200, names of 240 bytes, a manifest of 8 MiB. Nothing is to be trusted before `members` is exhausted.
No I/O here: the caller opens the stream and decides where content goes. Whether a bundle is signed is not asked here.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from evertill.protocol import tarheader
from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.frame import ByteSource, Frame
from evertill.protocol.manifest import MANIFEST_LIMIT_BYTES, MANIFEST_NAME, File, decode

if TYPE_CHECKING:
    from collections.abc import Iterator


class Member(NamedTuple):
    """A file and its content, in pieces of at most 128 KiB, readable once and before the next member."""

    file: File
    pieces: Iterator[bytes]


class Bundle:
    """A bundle being read from an open stream; its manifest is known at once.

    Raises:
        ProtocolRefused: when made and while `members` runs: any BUNDLE_… code, MANIFEST_INVALID, VERSION_INVALID, REQUIREMENT_INVALID.
    """

    def __init__(self, source: ByteSource) -> None:
        self._content = Frame(source)
        self._seen: set[str] = set()
        self.manifest_bytes = self._read_manifest()
        self.manifest = decode(self.manifest_bytes)

    def members(self) -> Iterator[Member]:
        """Each file once, in order. Exhausted without an exception = the whole bundle is what its manifest says."""
        for file in self.manifest.files:
            self._expect(file)
            pieces = self._file_content(file)
            yield Member(file, pieces)
            for _ in pieces:
                pass  # what the caller left unread is checked all the same
        self._expect_end()

    def _read_manifest(self) -> bytes:
        block = self._content.read(tarheader.BLOCK_BYTES)
        size = tarheader.claimed_size(block)
        if block != tarheader.header(manifest_file(size)):
            raise tarheader.refusal(block, MANIFEST_NAME, self._seen)
        if size > MANIFEST_LIMIT_BYTES:
            raise ProtocolRefused("BUNDLE_TOO_LARGE", what=MANIFEST_NAME, limit_bytes=MANIFEST_LIMIT_BYTES)
        data = self._content.read(size)
        self._expect_padding(MANIFEST_NAME, size)
        self._seen.add(MANIFEST_NAME)
        return data

    def _expect(self, file: File) -> None:
        expected = tarheader.header(file)
        first = self._content.read(tarheader.BLOCK_BYTES)
        if first != expected[: tarheader.BLOCK_BYTES]:
            raise tarheader.refusal(first, file.path, self._seen)
        rest = expected[tarheader.BLOCK_BYTES :]
        if self._content.read(len(rest)) != rest:
            raise ProtocolRefused("BUNDLE_FILE_MISMATCH", path=file.path, problem="name, size, mode or owner")
        self._seen.add(file.path)

    def _file_content(self, file: File) -> Iterator[bytes]:
        digest = hashlib.sha256()
        for piece in self._content.pieces(file.size):
            digest.update(piece)
            yield piece
        if digest.hexdigest() != file.sha256:
            raise ProtocolRefused("BUNDLE_FILE_MISMATCH", path=file.path, problem="sha256")
        self._expect_padding(file.path, file.size)

    def _expect_padding(self, path: str, size: int) -> None:
        zeros = tarheader.padding(size)
        if self._content.read(len(zeros)) != zeros:
            raise ProtocolRefused("BUNDLE_FILE_MISMATCH", path=path, problem="data after its end")

    def _expect_end(self) -> None:
        first = self._content.read(tarheader.BLOCK_BYTES)
        if any(first):
            raise tarheader.refusal(first, "the end", self._seen)
        if self._content.read(tarheader.BLOCK_BYTES) != first:
            raise ProtocolRefused("BUNDLE_TRAILING_DATA")
        self._content.finish()


def manifest_file(size: int) -> File:
    """The manifest as a member of the archive; it carries no hash of itself."""
    return File(path=MANIFEST_NAME, size=size, sha256="", mode="0644")
