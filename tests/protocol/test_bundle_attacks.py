"""One test per attack on a bundle: each is refused with its code, before anything it carries can be used."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from evertill.protocol import tarheader
from evertill.protocol.archive import Bundle
from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.manifest import File
from tests.protocol.bundles import (
    CONTENTS,
    TarFormat,
    bundle,
    contents_of,
    foreign_member,
    frame,
    good_bundle,
    listed,
    manifest_json,
    manifest_of,
    member,
    refusal_of,
)

GOOD = good_bundle()


class CountedSource(io.BytesIO):
    """Notes how much of it was asked for."""

    taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.taken += len(data)
        return data


def test_a_good_bundle_is_read_completely() -> None:
    assert contents_of(GOOD) == CONTENTS


# Names


@pytest.mark.parametrize("path", ["../../etc/passwd", "app/../../etc/passwd", ".."])
def test_path_traversal_in_the_manifest(path: str) -> None:
    assert (
        refusal_of(bundle(manifest_json([listed(path, b"x")]), foreign_member(b"x", name=path)))
        == "BUNDLE_PATH_ESCAPES"
    )


def test_path_traversal_in_the_archive_alone() -> None:
    assert refusal_of(bundle(manifest_of({"app": b"x"}), foreign_member(b"x", name="../app"))) == "BUNDLE_PATH_ESCAPES"


def test_path_traversal_hidden_in_a_pax_header() -> None:
    hidden = foreign_member(b"x", name="../" * 60 + "etc/passwd", tar_format=tarfile.PAX_FORMAT)
    assert refusal_of(bundle(manifest_of({"app": b"x"}), hidden)) == "BUNDLE_FILE_MISMATCH"


def test_path_traversal_in_the_pax_header_of_an_expected_file() -> None:
    name, other = "a" * 120, "../" * 36 + "etc/shadow.x"
    hidden = member(name, b"x").replace(f"path={name}".encode(), f"path={other}".encode())
    assert len(other) == len(name)
    assert hidden != member(name, b"x")
    assert refusal_of(bundle(manifest_of({name: b"x"}), hidden)) == "BUNDLE_FILE_MISMATCH"


@pytest.mark.parametrize("path", ["/etc/passwd", "//etc/passwd"])
def test_absolute_path(path: str) -> None:
    assert refusal_of(bundle(manifest_json([listed(path, b"x")]))) == "BUNDLE_PATH_ESCAPES"
    assert refusal_of(bundle(manifest_of({"app": b"x"}), foreign_member(b"x", name=path))) == "BUNDLE_PATH_ESCAPES"


@pytest.mark.parametrize("path", ["C:\\windows", "C:/windows", "c:x", "..\\up", "app\\main.py", "\\\\host\\share"])
def test_windows_path(path: str) -> None:
    assert refusal_of(bundle(manifest_json([listed(path, b"x")]))) == "BUNDLE_PATH_ESCAPES"


@pytest.mark.parametrize(
    "path",
    [
        "a\0b",
        "a\nb",
        "a\x1b[31mb",
        "a\x7f",
        "a\u202etxt.exe",
        "a\u200bb",
        "a//b",
        "./a",
        "a/./b",
        "a/",
        "",
        ".",
        "cafe\u0301",
    ],
)
def test_name_with_control_invisible_or_ambiguous_characters(path: str) -> None:
    assert refusal_of(bundle(manifest_json([listed(path, b"x")]))) == "BUNDLE_PATH_INVALID"


def test_name_that_is_not_utf_8() -> None:
    assert refusal_of(bundle(manifest_of({"app": b"x"}), foreign_member(b"x", name="a\udcff"))) == "BUNDLE_PATH_INVALID"


def test_name_of_241_bytes() -> None:
    fits, too_long = "店/" * 60, "店/" * 60 + "x"
    assert contents_of(good_bundle({fits[:-1]: b"x"})) == {fits[:-1]: b"x"}
    assert contents_of(good_bundle({"a" * 240: b"x"})) == {"a" * 240: b"x"}
    assert refusal_of(good_bundle({too_long: b"x"})) == "BUNDLE_PATH_TOO_LONG"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("README", "readme"),
        ("Straße", "STRASSE"),
        ("app", "app/main.py"),
        ("App/a", "app/b"),
        ("MANIFEST.json", "manifest.json"),
    ],
)
def test_two_names_for_one_place(first: str, second: str) -> None:
    assert refusal_of(bundle(manifest_json([listed(first, b""), listed(second, b"")]))) == "BUNDLE_DUPLICATE"


def test_nfc_collision() -> None:
    composed, decomposed = "café.txt", "cafe\u0301.txt"
    assert refusal_of(bundle(manifest_json([listed(decomposed, b""), listed(composed, b"")]))) == "BUNDLE_PATH_INVALID"


def test_file_called_like_the_manifest() -> None:
    assert refusal_of(bundle(manifest_json([listed("manifest.json", b"")]))) == "BUNDLE_DUPLICATE"


@pytest.mark.parametrize(
    "path",
    [
        "a.pyc",
        "__pycache__/a.cpython-311.pyc",
        "__pycache__/b.py",
        "__pycache__",
        "__pycache__/app.cpython-310.pyc",
        "__pycache__/app.cpython-311.opt-2.pyc",
        "__pycache__/deep/app.cpython-311.pyc",
        "lib/__pycache__/app.cpython-311.pyc",
        "lib/app.cpython-311.pyc",
        "app.pyo",
    ],
)
def test_compiled_code_that_belongs_to_no_source(path: str) -> None:
    assert refusal_of(good_bundle({"app.py": b"", path: b"evil"}, python="cp311")) == "BUNDLE_COMPILED"


def test_compiled_code_beside_its_source_is_welcome() -> None:
    contents = {
        "app.py": b"",
        "__pycache__/app.cpython-311.pyc": b"code",
        "a.b.py": b"",
        "__pycache__/a.b.cpython-311.pyc": b"",
    }
    assert contents_of(good_bundle(contents, python="cp311")) == contents
    assert refusal_of(good_bundle(contents)) == "BUNDLE_COMPILED"
    assert refusal_of(good_bundle({"app.py": b"", "__pycache__/app..pyc": b"code"})) == "BUNDLE_COMPILED"


# Kinds of members


def test_symlink_out() -> None:
    link = foreign_member(type=tarfile.SYMTYPE, name="app", linkname="/etc/passwd")
    assert refusal_of(bundle(manifest_of({"app": b""}), link)) == "BUNDLE_LINK"


def test_symlink_inside() -> None:
    link = foreign_member(type=tarfile.SYMTYPE, name="app", linkname="run.sh")
    assert refusal_of(bundle(manifest_of({"app": b""}), link)) == "BUNDLE_LINK"


def test_hard_link() -> None:
    link = foreign_member(type=tarfile.LNKTYPE, name="app", linkname="../../shadow")
    assert refusal_of(bundle(manifest_of({"app": b""}), link)) == "BUNDLE_LINK"


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_device_node(kind: bytes) -> None:
    assert refusal_of(bundle(manifest_of({"app": b""}), foreign_member(type=kind, name="app"))) == "BUNDLE_DEVICE"


@pytest.mark.parametrize(
    "kind", [tarfile.DIRTYPE, tarfile.CONTTYPE, tarfile.GNUTYPE_SPARSE, tarfile.GNUTYPE_LONGNAME, tarfile.XGLTYPE, b"Z"]
)
def test_member_that_is_no_plain_file(kind: bytes) -> None:
    assert (
        refusal_of(bundle(manifest_of({"app": b""}), foreign_member(type=kind, name="app"))) == "BUNDLE_FILE_MISMATCH"
    )


# Amounts


def zeros_frame(promised_bytes: int, blocks: int) -> bytes:
    """A real zstd frame whose every 4 bytes unpack to 128 KiB of zeros (RFC 8878, RLE blocks), made without unpacking it."""
    header = zstandard.FRAME_HEADER + bytes([0b1100_0100, 0x38]) + promised_bytes.to_bytes(8, "little")
    block = (128 * 1024 << 3 | 1 << 1).to_bytes(3, "little") + b"\0"
    last = (128 * 1024 << 3 | 1 << 1 | 1).to_bytes(3, "little") + b"\0"
    return header + block * (blocks - 1) + last + b"\0\0\0\0"


TEN_GB_BLOCKS = 10 * 1024**3 // (128 * 1024)


def test_bomb_of_ten_gigabytes_that_says_so() -> None:
    data = zeros_frame(10 * 1024**3, TEN_GB_BLOCKS)
    assert zstandard.frame_content_size(data) == 10 * 1024**3
    assert zstandard.ZstdDecompressor().stream_reader(data).read(2**20) == bytes(2**20)  # the bomb is live
    source = CountedSource(data)
    with pytest.raises(ProtocolRefused, match="BUNDLE_TOO_LARGE"):
        Bundle(source)
    assert source.taken < 64


@pytest.mark.parametrize("promised_mib", [4, 500])
def test_bomb_of_ten_gigabytes_behind_a_small_promise(promised_mib: int) -> None:
    announced = manifest_json([{**listed("zeros", b""), "size": 300 * 1024**2}])
    header = tarheader.header(File(path="zeros", size=300 * 1024**2, sha256="", mode="0644"))
    head = member("manifest.json", announced) + header
    manifest_block = (len(head) << 3).to_bytes(3, "little") + head
    zeros = zeros_frame(promised_mib * 1024**2, TEN_GB_BLOCKS)
    source = CountedSource(zeros[:14] + manifest_block + zeros[14:])
    with pytest.raises(ProtocolRefused, match="BUNDLE_BOMB"):
        for _ in Bundle(source).members():
            pass
    assert source.taken < 8 * 1024


def test_bomb_within_the_size_limit() -> None:
    zeros = bytes(64 * 1024 * 1024)
    assert refusal_of(good_bundle({"zeros": zeros})) == "BUNDLE_BOMB"


def test_bomb_of_empty_blocks() -> None:
    data = zeros_frame(500 * 1024**2, 1)[:14] + b"\0\0\0" * 3_000_000
    assert refusal_of(data) == "BUNDLE_CORRUPT"


def test_small_bundle_may_compress_well() -> None:
    assert contents_of(good_bundle({"blank.bmp": bytes(300_000)})) == {"blank.bmp": bytes(300_000)}


def test_twenty_thousand_files_are_fine() -> None:
    contents = {f"{number % 100:02}/{number:05}": b"%d" % number**9 for number in range(20_000)}
    ordered = {path: contents[path] for path in sorted(contents)}
    assert contents_of(good_bundle(ordered)) == contents


def test_too_many_files() -> None:
    files = [listed(f"{number:05}", b"") for number in range(20_001)]
    assert refusal_of(bundle(manifest_json(files))) == "BUNDLE_TOO_MANY_FILES"


def test_too_many_folders() -> None:
    files = [listed(f"{number:04}/" + "/".join("abcdefghijklmno"), b"") for number in range(2_000)]
    assert refusal_of(bundle(manifest_json(files))) == "BUNDLE_TOO_MANY_FILES"


def test_manifest_that_promises_more_than_half_a_gigabyte() -> None:
    files = [{**listed("a", b""), "size": 2**29 - 1}, {**listed("b", b""), "size": 2}]
    assert refusal_of(bundle(manifest_json(files))) == "BUNDLE_TOO_LARGE"


@pytest.mark.parametrize(("size", "tar_format"), [(8**11 - 1, tarfile.USTAR_FORMAT), (2**62, tarfile.GNU_FORMAT)])
def test_huge_size_in_a_header(size: int, tar_format: TarFormat) -> None:
    huge = foreign_member(name="app", size=size, tar_format=tar_format)
    assert refusal_of(bundle(manifest_of({"app": b"x"}), huge)) == "BUNDLE_TOO_LARGE"


def test_huge_size_in_the_header_of_the_manifest() -> None:
    huge = tarheader.header(File(path="manifest.json", size=8**11 - 1, sha256="", mode="0644"))
    assert refusal_of(frame(huge + bytes(1024))) == "BUNDLE_TOO_LARGE"


def test_negative_size_in_a_header() -> None:
    negative = foreign_member(name="app", size=-1, tar_format=tarfile.GNU_FORMAT)
    assert refusal_of(bundle(manifest_of({"app": b"x"}), negative)) == "BUNDLE_FILE_MISMATCH"


def test_manifest_of_nine_megabytes() -> None:
    assert refusal_of(bundle(manifest_of({}) + b" " * 9_000_000)) in {"BUNDLE_TOO_LARGE", "BUNDLE_BOMB"}


def test_window_that_would_eat_the_terminals_memory() -> None:
    wide = zstandard.ZstdCompressionParameters(window_log=27, write_checksum=True, write_content_size=True)
    writer = zstandard.ZstdCompressor(compression_params=wide).compressobj(size=200 * 1024 * 1024)
    assert (
        refusal_of(writer.compress(b"x" * 1000) + writer.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)) == "BUNDLE_TOO_LARGE"
    )


# The frame


@pytest.mark.parametrize("offset", range(0, len(GOOD), 3))
def test_truncated_bundle(offset: int) -> None:
    assert refusal_of(GOOD[:offset]) == "BUNDLE_TRUNCATED"


@given(position=st.integers(0, len(GOOD) * 8 - 1))
def test_flipped_bit_never_delivers_anything_else(position: int) -> None:
    damaged = bytearray(GOOD)
    damaged[position // 8] ^= 1 << position % 8
    try:
        delivered = contents_of(bytes(damaged))
    except ProtocolRefused:
        return
    assert delivered == CONTENTS


@given(position=st.integers(0, len(GOOD) - 1), junk=st.binary(min_size=1, max_size=40))
def test_overwritten_bytes_never_deliver_anything_else(position: int, junk: bytes) -> None:
    damaged = GOOD[:position] + junk + GOOD[position + len(junk) :]
    try:
        delivered = contents_of(damaged)
    except ProtocolRefused:
        return
    assert delivered == CONTENTS


@given(st.binary(max_size=200))
def test_rubbish_is_refused(data: bytes) -> None:
    assert refusal_of(data) in {"BUNDLE_TRUNCATED", "BUNDLE_CORRUPT"}
    assert refusal_of(zstandard.FRAME_HEADER + data).startswith("BUNDLE_")
    assert refusal_of(frame(data)).startswith("BUNDLE_")


@pytest.mark.parametrize("junk", [b"\0", b"x", b"PK\x03\x04 a zip file", bytes(4096)])
def test_trailing_data(junk: bytes) -> None:
    assert refusal_of(GOOD + junk) == "BUNDLE_TRAILING_DATA"


@pytest.mark.parametrize(
    "second", [GOOD, frame(b""), b"\x50\x2a\x4d\x18\x00\x00\x00\x00"], ids=["bundle", "empty", "skippable"]
)
def test_second_frame(second: bytes) -> None:
    assert refusal_of(GOOD + second) == "BUNDLE_TRAILING_DATA"


def test_skippable_frame_in_front() -> None:
    assert refusal_of(b"\x50\x2a\x4d\x18\x04\x00\x00\x00evil" + GOOD) == "BUNDLE_CORRUPT"


@pytest.mark.parametrize(("checksum", "content_size"), [(True, False), (False, True), (False, False)])
def test_frame_without_checksum_or_content_size(*, checksum: bool, content_size: bool) -> None:
    compressor = zstandard.ZstdCompressor(write_checksum=checksum, write_content_size=content_size)
    assert refusal_of(compressor.compress(zstandard.decompress(GOOD))) == "BUNDLE_CORRUPT"


def test_frame_that_needs_a_dictionary() -> None:
    samples: list[bytes | bytearray | memoryview] = [
        f"sale {number} of {number * 7} fen".encode() * 20 for number in range(200)
    ]
    dictionary = zstandard.train_dictionary(4096, samples)
    compressor = zstandard.ZstdCompressor(dict_data=dictionary, write_checksum=True, write_content_size=True)
    assert refusal_of(compressor.compress(zstandard.decompress(GOOD))) == "BUNDLE_CORRUPT"


def test_frame_that_holds_more_than_it_promises() -> None:
    content = good_bundle({"noise": os.urandom(3_000_000)})
    header_bytes = zstandard.frame_header_size(content)
    # With a window smaller than the promise, libzstd itself would notice only at the end.
    small = zstandard.FRAME_HEADER + bytes([0b1100_0100, 0x38]) + (1_000_000).to_bytes(8, "little")
    source = CountedSource(small + content[header_bytes:])
    with pytest.raises(ProtocolRefused, match="BUNDLE_CORRUPT"):
        for _ in Bundle(source).members():
            pass
    assert source.taken < 1_300_000


def test_frame_that_holds_less_than_it_promises() -> None:
    header_bytes = zstandard.frame_header_size(GOOD)
    large = zstandard.FRAME_HEADER + bytes([0b1100_0100, 0x60]) + (400_000).to_bytes(8, "little")
    assert refusal_of(large + GOOD[header_bytes:]) == "BUNDLE_CORRUPT"


@pytest.mark.parametrize("data", [b"MZ this is a program", gzip.compress(GOOD), zstandard.decompress(GOOD)])
def test_something_that_is_no_bundle(data: bytes) -> None:
    assert refusal_of(data) == "BUNDLE_CORRUPT"


# Archive against manifest

AB = {"a": b"first", "b": b"second"}


def test_duplicate_member() -> None:
    first = member("a", AB["a"])
    assert refusal_of(bundle(manifest_of(AB), first, first, member("b", AB["b"]))) == "BUNDLE_DUPLICATE"
    assert refusal_of(bundle(manifest_of(AB), first, member("b", AB["b"]), first)) == "BUNDLE_DUPLICATE"


def test_second_manifest() -> None:
    other = member("manifest.json", manifest_of({}))
    assert refusal_of(bundle(manifest_of(AB), other, member("a", AB["a"]))) == "BUNDLE_DUPLICATE"


def test_missing_file() -> None:
    assert refusal_of(bundle(manifest_of(AB), member("a", AB["a"]))) == "BUNDLE_FILE_MISMATCH"
    assert refusal_of(bundle(manifest_of(AB), member("b", AB["b"]))) == "BUNDLE_FILE_MISMATCH"


def test_extra_file() -> None:
    members = [member(path, content) for path, content in {**AB, "c": b"evil"}.items()]
    assert refusal_of(bundle(manifest_of(AB), *members)) == "BUNDLE_FILE_MISMATCH"


def test_other_order() -> None:
    assert refusal_of(bundle(manifest_of(AB), member("b", AB["b"]), member("a", AB["a"]))) == "BUNDLE_FILE_MISMATCH"
    files = [listed("b", AB["b"]), listed("a", AB["a"])]
    assert refusal_of(bundle(manifest_json(files), member("b", AB["b"]), member("a", AB["a"]))) == "MANIFEST_INVALID"


def test_swapped_content() -> None:
    assert refusal_of(bundle(manifest_of(AB), member("a", b"evil!"), member("b", AB["b"]))) == "BUNDLE_FILE_MISMATCH"


@pytest.mark.parametrize(
    "change",
    [{"mode": 0o755}, {"mode": 0o4755}, {"uid": 1}, {"mtime": 1}, {"uname": "root"}, {"size": 4}, {"name": "A"}],
)
def test_header_that_says_something_else(change: dict[str, Any]) -> None:
    fields: dict[str, Any] = {"name": "a", "mode": 0o644, "size": 5, **change}
    assert (
        refusal_of(bundle(manifest_of(AB), foreign_member(AB["a"], **fields), member("b", AB["b"])))
        == "BUNDLE_FILE_MISMATCH"
    )


def test_data_hidden_behind_a_file() -> None:
    hidden = bytearray(member("a", AB["a"]))
    hidden[-1] = 1
    assert refusal_of(bundle(manifest_of(AB), bytes(hidden), member("b", AB["b"]))) == "BUNDLE_FILE_MISMATCH"


def test_data_hidden_behind_the_manifest() -> None:
    hidden = bytearray(member("manifest.json", manifest_of({})))
    hidden[-1] = 1
    assert refusal_of(frame(bytes(hidden) + tarheader.END)) == "BUNDLE_FILE_MISMATCH"


@pytest.mark.parametrize("end", [bytes(1536), bytes(512) + b"evil".ljust(512, b"\0"), bytes(10240)])
def test_data_hidden_behind_the_end(end: bytes) -> None:
    assert (
        refusal_of(bundle(manifest_of(AB), *(member(*each) for each in AB.items()), end=end)) == "BUNDLE_TRAILING_DATA"
    )


@pytest.mark.parametrize("end", [b"", bytes(512), bytes(1023)])
def test_archive_without_its_end(end: bytes) -> None:
    assert refusal_of(bundle(manifest_of(AB), *(member(*each) for each in AB.items()), end=end)) == "BUNDLE_TRUNCATED"


@pytest.mark.parametrize("junk", [b"", bytes(100)])
def test_archive_that_goes_on_in_a_second_frame(junk: bytes) -> None:
    whole = member("manifest.json", manifest_of({})) + tarheader.END
    assert refusal_of(frame(whole[:1024]) + junk + frame(whole[1024:])) == "BUNDLE_TRUNCATED"


def test_manifest_that_is_not_the_first_member() -> None:
    assert refusal_of(frame(member("a", AB["a"]) + member("manifest.json", manifest_of(AB)))) == "BUNDLE_FILE_MISMATCH"


def test_caller_that_stops_reading_a_file_still_learns_of_its_damage() -> None:
    damaged = bundle(manifest_of(AB), member("a", b"evil!"), member("b", AB["b"]))
    with pytest.raises(ProtocolRefused, match="BUNDLE_FILE_MISMATCH"):
        for _ in Bundle(io.BytesIO(damaged)).members():
            pass
