"""Writes that are whole, and locks that are exclusive."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from evertill.terminal.durable import discard, point_link, prepare_link, remove, sweep, write_atomic
from evertill.terminal.locks import FileLock


def test_content_is_replaced_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "state"
    write_atomic(path, b"old")
    write_atomic(path, b"new" * 100_000)
    assert path.read_bytes() == b"new" * 100_000
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_part_left_by_a_crash_is_taken_over(tmp_path: Path) -> None:
    (tmp_path / ".state.part").write_bytes(b"half of something long")
    write_atomic(tmp_path / "state", b"x")
    assert (tmp_path / "state").read_bytes() == b"x"
    assert not (tmp_path / ".state.part").exists()


def test_part_is_never_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "victim").write_bytes(b"precious")
    (tmp_path / ".state.part").symlink_to("victim")
    with pytest.raises(OSError, match="symbolic"):
        write_atomic(tmp_path / "state", b"x")
    assert (tmp_path / "victim").read_bytes() == b"precious"


def test_failed_write_leaves_the_old_content(tmp_path: Path) -> None:
    write_atomic(tmp_path / "state", b"old")
    (tmp_path / ".state.part").mkdir()
    with pytest.raises(OSError, match="state"):
        write_atomic(tmp_path / "state", b"new")
    assert (tmp_path / "state").read_bytes() == b"old"


def test_link_moves_in_one_step_whatever_a_crash_left(tmp_path: Path) -> None:
    link = tmp_path / "current"
    point_link(link, "1")
    prepare_link(link, "2")
    prepare_link(link, "2")
    point_link(link, "2")
    assert link.readlink() == Path("2")
    assert [entry.name for entry in tmp_path.iterdir()] == ["current"]


def test_removing_what_is_absent_is_fine(tmp_path: Path) -> None:
    remove(tmp_path / "nothing")
    discard(tmp_path / "nothing")


def test_sweep_finishes_what_a_crash_interrupted(tmp_path: Path) -> None:
    (tmp_path / ".7.doomed" / "slot").mkdir(parents=True)
    (tmp_path / "8").mkdir()
    sweep(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["8"]


def test_lock_excludes_others_until_it_is_released(tmp_path: Path) -> None:
    mine, other = FileLock(tmp_path / "sale.lock"), FileLock(tmp_path / "sale.lock")
    assert mine.take_exclusive()
    assert not other.take_exclusive()
    assert not other.take_shared()
    mine.release()
    mine.release()
    assert other.take_shared()
    third = FileLock(tmp_path / "sale.lock")
    assert third.take_shared()
    assert not mine.take_exclusive()
    third.release()
    other.release()


def test_lock_is_never_upgraded(tmp_path: Path) -> None:
    with FileLock(tmp_path / "sale.lock") as lock:
        assert lock.take_shared()
        with pytest.raises(RuntimeError, match="never upgraded"):
            lock.take_exclusive()


def test_lock_dies_with_its_process_and_is_not_inherited(tmp_path: Path) -> None:
    program = (
        "import subprocess, sys; from pathlib import Path; from evertill.terminal.locks import FileLock;"
        f"lock = FileLock(Path({str(tmp_path / 'sale.lock')!r})); assert lock.take_exclusive();"
        "child = subprocess.Popen([sys.executable, '-I', '-S', '-c', 'input()'], stdin=subprocess.PIPE, close_fds=False);"
        "print(child.pid, flush=True); input()"
    )
    holder = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdin is not None
    child = int(holder.stdout.readline())
    with FileLock(tmp_path / "sale.lock") as lock:
        assert not lock.take_exclusive()
        holder.kill()
        holder.wait()
        assert Path(f"/proc/{child}").exists()
        assert lock.take_exclusive()
    holder.stdin.close()
    holder.stdout.close()
    os.kill(child, 9)
