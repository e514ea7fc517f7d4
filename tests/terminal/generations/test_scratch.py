"""Throw-away copies: in memory where they fit, gone afterwards, never somebody else's folder."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from evertill.terminal.generations.scratch import clear, scratch


@pytest.fixture
def in_memory(tmp_path: Path) -> Iterator[Path]:
    """Where the copy for this test's folder goes when it fits."""
    known = tmp_path.stat()
    place = Path(f"/dev/shm/evertill-{known.st_dev:x}-{known.st_ino:x}")
    yield place
    shutil.rmtree(place, ignore_errors=True)
    place.unlink(missing_ok=True)


def test_small_copy_lies_in_memory_and_is_ours_alone(tmp_path: Path, in_memory: Path) -> None:
    with scratch(tmp_path, 1000) as copy:
        assert copy == in_memory / "data"
        assert in_memory.stat().st_mode & 0o777 == 0o700
        assert not copy.exists()
        copy.mkdir()
    assert not in_memory.exists()


def test_copy_that_does_not_fit_easily_lies_on_the_disk(tmp_path: Path, in_memory: Path) -> None:
    with scratch(tmp_path, 10**15) as copy:
        assert copy == tmp_path / "scratch" / "data"
        copy.mkdir()
    assert not list(tmp_path.iterdir())
    assert not in_memory.exists()


def test_copy_left_by_a_crash_is_taken_away(tmp_path: Path, in_memory: Path) -> None:
    for need_bytes in (0, 10**15):
        (in_memory / "data" / "old").mkdir(parents=True)
        (tmp_path / "scratch" / "data" / "old").mkdir(parents=True)
        with scratch(tmp_path, need_bytes) as copy:
            assert not copy.exists()
    (in_memory / "data").mkdir(parents=True)
    clear(tmp_path)
    assert not in_memory.exists()


def test_link_laid_in_memory_is_not_followed(tmp_path: Path, in_memory: Path) -> None:
    (tmp_path / "precious").mkdir()
    in_memory.symlink_to(tmp_path / "precious")
    with scratch(tmp_path, 0) as copy:
        copy.mkdir()
        (copy / "journal.db").write_text("")
    assert not list((tmp_path / "precious").iterdir())


def test_failure_inside_leaves_nothing(tmp_path: Path, in_memory: Path) -> None:
    with pytest.raises(ZeroDivisionError), scratch(tmp_path, 0) as copy:
        copy.mkdir()
        raise ZeroDivisionError
    assert not in_memory.exists()
