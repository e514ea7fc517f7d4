"""Build a component's bundle: a folder with `component.toml` becomes one `.evb`, the same bytes each time.

Rules kept here: what goes in depends on names, contents and x bits alone, never on time, owner, umask, locale, folder or hash seed; the
finished file is read back by the one reader before it takes its name, so nothing is ever built that a terminal would refuse.
The same bytes need the same Python release and zstd library. Nothing is signed here.
"""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING, Final, NamedTuple

import zstandard

from evertill.protocol import tarheader
from evertill.protocol.archive import manifest_file
from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.manifest import File, Manifest, describe, encode, with_files
from evertill.protocol.paths import compiled_name
from evertill.server.rooms.catalog.bundles.compiled import check_python, compiled
from evertill.server.rooms.catalog.bundles.inspect import inspect
from evertill.server.rooms.catalog.bundles.source import DESCRIPTION, SourceFile, opened, source_files
from evertill.server.rooms.kernel.storage import sync_folder, whole_file

if TYPE_CHECKING:
    from collections.abc import Iterator

_LEVEL: Final = 19  # the highest whose window stays within what the reader accepts
_PIECE_BYTES: Final = 128 * 1024


@dataclass(frozen=True)
class BuiltBundle:
    """A finished bundle; `size` in bytes."""

    path: Path
    sha256: str
    size: int
    manifest: Manifest

    def as_json(self) -> dict[str, object]:
        """What `bundle build --json` prints."""
        about = {"component": self.manifest.component, "type": self.manifest.type, "version": self.manifest.version}
        return {"path": str(self.path), **about, "sha256": self.sha256, "size": self.size}


class _Packed(NamedTuple):
    """A file of the bundle and where its content comes from."""

    file: File
    origin: SourceFile | bytes


def build(source: Path, out: Path) -> BuiltBundle:
    """Pack the component in `source` as `out/{component}-{version}.evb`, replacing an older file of that name.

    Raises:
        ProtocolRefused: any BUNDLE_… code, MANIFEST_INVALID, VERSION_INVALID or REQUIREMENT_INVALID; `out` is as it was.
        OSError: `out` cannot be written.
    """
    if out.resolve().is_relative_to(source.resolve()):
        raise ProtocolRefused("BUNDLE_OUT_INSIDE_SOURCE", path=str(out))
    with opened(DESCRIPTION, source / DESCRIPTION) as description:
        component = describe(description.read())
    if component.python:
        check_python(component.python)
    packed = sorted(_packed_files(source_files(source), component.python), key=lambda each: each.file.path.encode())
    manifest = with_files(component, tuple(each.file for each in packed))
    out.mkdir(parents=True, exist_ok=True)
    path = out / manifest.bundle_name
    with TemporaryDirectory(prefix=".bundle-", dir=out) as scratch:
        unproven = Path(scratch, path.name)
        with whole_file(unproven) as file:
            _compress(_tar_pieces(encode(manifest), packed), _tar_size(manifest), file)
        inspect(unproven)
        built = BuiltBundle(path, _sha256(unproven), unproven.stat().st_size, manifest)
        unproven.replace(path)
        sync_folder(out)
    return built


def _packed_files(files: list[SourceFile], python: str) -> Iterator[_Packed]:
    for file in files:
        yield _Packed(_measured(file), file)
        if python and file.path.endswith(".py"):
            with opened(file.path, file.location) as content:
                code = compiled(file.path, content.read())
            path = compiled_name(file.path, sys.implementation.cache_tag)
            digest = hashlib.sha256(code).hexdigest()
            yield _Packed(File(path=path, size=len(code), sha256=digest, mode="0644"), code)


def _measured(file: SourceFile) -> File:
    digest = hashlib.sha256()
    size = 0
    with opened(file.path, file.location) as content:
        while piece := content.read(_PIECE_BYTES):
            digest.update(piece)
            size += len(piece)
    return File(path=file.path, size=size, sha256=digest.hexdigest(), mode="0755" if file.executable else "0644")


def _tar_size(manifest: Manifest) -> int:
    files = [manifest_file(len(encode(manifest))), *manifest.files]
    return len(tarheader.END) + sum(
        len(tarheader.header(file)) + file.size + len(tarheader.padding(file.size)) for file in files
    )


def _tar_pieces(manifest_bytes: bytes, packed: list[_Packed]) -> Iterator[bytes]:
    """The uncompressed archive; the pieces are cut the same way each time, because the compressor may notice."""
    for file, origin in [_Packed(manifest_file(len(manifest_bytes)), manifest_bytes), *packed]:
        yield tarheader.header(file)
        if isinstance(origin, bytes):
            yield origin
        else:
            yield from _unchanged(file, origin)
        yield tarheader.padding(file.size)
    yield tarheader.END


def _unchanged(file: File, origin: SourceFile) -> Iterator[bytes]:
    """The content once more, as long as it is what was measured."""
    digest = hashlib.sha256()
    left = file.size
    with opened(file.path, origin.location) as content:
        while left and (piece := content.read(min(left, _PIECE_BYTES))):
            digest.update(piece)
            left -= len(piece)
            yield piece
    if digest.hexdigest() != file.sha256:
        raise ProtocolRefused("BUNDLE_SOURCE_CHANGED", path=file.path)


def _compress(pieces: Iterator[bytes], size: int, file: IO[bytes]) -> None:
    compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True, write_content_size=True, threads=0)
    writer = compressor.stream_writer(file, size=size, closefd=False)
    for piece in pieces:
        writer.write(piece)
    writer.flush(zstandard.FLUSH_FRAME)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
