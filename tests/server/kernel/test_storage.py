"""Files that are whole or absent."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evertill.server.rooms.kernel import storage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class CutOffError(Exception):
    """The sender went away."""


def cut_off() -> Iterator[bytes]:
    yield b"half"
    raise CutOffError


def test_file_that_could_not_be_finished_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "settings"
    storage.write_whole(path, b"old")
    with pytest.raises(CutOffError), storage.whole_file(path) as file:
        file.write(b"new, but")
        raise CutOffError
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_mode_is_right_from_the_first_byte(tmp_path: Path) -> None:
    with storage.whole_file(tmp_path / "secret", mode=0o600):
        (beside,) = tmp_path.iterdir()
        assert beside.stat().st_mode & 0o777 == 0o600


def test_stream_cut_off_half_way_stores_nothing(tmp_path: Path) -> None:
    with pytest.raises(CutOffError):
        storage.store(tmp_path, cut_off())
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@given(chunks=st.lists(st.binary(max_size=100), max_size=10))
def test_stored_file_is_found_under_its_hash_with_all_digests(
    chunks: list[bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("store")
    whole = b"".join(chunks)
    digests = storage.store(folder, chunks)
    assert storage.address(folder, digests.sha256).read_bytes() == whole
    for name in ("md5", "sha1", "sha256", "sha512"):
        assert getattr(digests, name) == hashlib.new(name, whole).hexdigest()
    assert digests.size_bytes == len(whole)


def test_same_bytes_twice_are_one_file(tmp_path: Path) -> None:
    first = storage.store(tmp_path, [b"same"])
    assert storage.store(tmp_path, [b"sa", b"me"]) == first
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1
