"""What a reader may count on: the format stays readable, short reads are fine, every tool sees the same files."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from evertill.protocol.archive import Bundle
from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.paths import check_tree
from tests.protocol.bundles import CONTENTS, contents_of, good_bundle, manifest_of

GOLDEN = Path(__file__).parent / "golden" / "hello-1.0.0+demo.evb"

segments = st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1, max_size=40)
paths = st.lists(segments, min_size=1, max_size=6).map("/".join)


class TricklingSource:
    """A stream that gives as little as it pleases, like a socket."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        self._file = io.BytesIO(data)
        self._sizes = sizes

    def read(self, size: int, /) -> bytes:
        self._sizes.append(self._sizes.pop(0))
        return self._file.read(min(size, self._sizes[-1]))


@given(st.lists(st.integers(1, 50), min_size=1))
def test_stream_that_trickles_gives_the_same_bundle(sizes: list[int]) -> None:
    bundle = Bundle(TricklingSource(good_bundle(), sizes))
    assert {each.file.path: b"".join(each.pieces) for each in bundle.members()} == CONTENTS


@given(st.dictionaries(paths, st.binary(max_size=3000), max_size=8))
def test_every_acceptable_tree_comes_back_as_it_was(contents: dict[str, bytes]) -> None:
    try:
        check_tree(contents, reserved="manifest.json", cache_tag="")
    except ProtocolRefused:
        return
    ordered = dict(sorted(contents.items(), key=lambda each: each[0].encode()))
    assert contents_of(good_bundle(ordered)) == contents


@pytest.mark.skipif(
    not hasattr(tarfile, "data_filter"), reason="this Python's tarfile has no filters yet (before 3.11.4)"
)
@given(paths)
def test_accepted_name_stays_inside_its_folder_for_python_s_tarfile_too(path: str) -> None:
    try:
        check_tree([path], reserved="manifest.json", cache_tag="")
    except ProtocolRefused:
        return
    with tarfile.open(fileobj=io.BytesIO(zstandard.decompress(good_bundle({path: b"content"})))) as archive:
        manifest, file = archive.getmembers()
        assert (manifest.name, file.name) == ("manifest.json", path)
        assert tarfile.data_filter(file, "/slot").name == path
        content = archive.extractfile(file)
        assert content is not None
        assert content.read() == b"content"


def test_bundle_of_the_first_format_is_readable_for_ever() -> None:
    with GOLDEN.open("rb") as source:
        bundle = Bundle(source)
        contents = {each.file.path: b"".join(each.pieces) for each in bundle.members()}
    manifest = bundle.manifest
    assert (manifest.component, manifest.type, manifest.version) == ("hello", "app", "1.0.0+demo")
    assert manifest.python == "cp311"
    assert manifest.models == ("demo-t1",)
    assert manifest.hardware == ("a", "b")
    assert [(each.component, each.versions) for each in manifest.requires] == [("system", ">=2026.10,<2027")]
    assert manifest.data_schema is not None
    assert (manifest.data_schema.written, manifest.data_schema.readable) == (2, (1, 2))
    assert (manifest.rollback_index, manifest.needs_empty_batch, manifest.minutes) == (3, False, 5)
    assert manifest.entry_points == {
        "start": ("{python}", "-I", "{slot}/app/main.py", "--data", "{data}", "--run={run}")
    }
    assert {each.path: each.mode for each in manifest.files} == {
        "app/__pycache__/main.cpython-311.pyc": "0644",
        "app/main.py": "0644",
        "bin/hello": "0755",
        "文件夹/" + "长" * 40 + ".txt": "0644",
    }
    assert contents["app/main.py"] == b'print("hello")\n'


def test_broken_stream_is_the_callers_own_error() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > 100:
                raise ConnectionResetError
            return super().read(size)

    with pytest.raises(ConnectionResetError):
        list(Bundle(Broken(good_bundle())).members())


def test_manifest_comes_as_it_was_signed() -> None:
    assert Bundle(io.BytesIO(good_bundle())).manifest_bytes == manifest_of(CONTENTS)
