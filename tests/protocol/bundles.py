"""Bundles by hand, good and hostile ones: the tests' own writer, which refuses nothing."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from typing import TYPE_CHECKING, Any, Literal

import pytest
import zstandard

from evertill.protocol import tarheader
from evertill.protocol.archive import Bundle
from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.manifest import File

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TarFormat = Literal[0, 1, 2]  # as typeshed knows tarfile.USTAR_FORMAT and its neighbours

CONTENTS = {"app/__main__.py": b"print('till')\n", "app/receipt.txt": b"thank you\n" * 300, "run.sh": b"#!/bin/sh\n"}


def listed(path: str, content: bytes, mode: str = "0644") -> dict[str, Any]:
    """A file's row in a manifest, as plain JSON."""
    return {"path": path, "size": len(content), "sha256": hashlib.sha256(content).hexdigest(), "mode": mode}


def manifest_json(files: Sequence[Mapping[str, Any]], **changes: Any) -> bytes:
    """A manifest that says what it is told, true or not."""
    fields: dict[str, Any] = {
        "format": 1,
        "component": "till",
        "type": "app",
        "version": "1.0.0",
        "rollback_index": 1,
        "minutes": 2,
        "files": list(files),
    }
    return json.dumps({**fields, **changes}, ensure_ascii=False).encode()


def manifest_of(contents: Mapping[str, bytes], **changes: Any) -> bytes:
    files = [listed(path, content) for path, content in sorted(contents.items())]
    return manifest_json(**{"files": files, **changes})


def member(path: str, content: bytes, mode: str = "0644") -> bytes:
    """A file as the format wants it: header, content, padding."""
    file = File(path=path, size=len(content), sha256="", mode="0755" if mode == "0755" else "0644")
    return tarheader.header(file) + content + tarheader.padding(len(content))


def foreign_member(content: bytes = b"", *, tar_format: TarFormat = tarfile.USTAR_FORMAT, **fields: Any) -> bytes:
    """A member with any header that Python's own tarfile can write."""
    info = tarfile.TarInfo()
    info.size = len(content)
    for name, value in fields.items():
        setattr(info, name, value)
    return info.tobuf(tar_format, errors="surrogateescape") + content + tarheader.padding(len(content))


def frame(content: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=3, write_checksum=True, write_content_size=True).compress(content)


def bundle(manifest: bytes, *members: bytes, end: bytes = tarheader.END) -> bytes:
    return frame(member("manifest.json", manifest) + b"".join(members) + end)


def good_bundle(contents: Mapping[str, bytes] = CONTENTS, **changes: Any) -> bytes:
    return bundle(manifest_of(contents, **changes), *(member(path, contents[path]) for path in sorted(contents)))


def contents_of(data: bytes) -> dict[str, bytes]:
    """Everything a complete, verified read delivers."""
    return {each.file.path: b"".join(each.pieces) for each in Bundle(io.BytesIO(data)).members()}


def refusal_of(data: bytes) -> str:
    """The code with which a bundle is refused."""
    with pytest.raises(ProtocolRefused) as refused:
        contents_of(data)
    return refused.value.code
