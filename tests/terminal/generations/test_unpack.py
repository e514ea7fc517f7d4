"""Unpacking into a slot: everything or nothing, nothing outside, whatever the disk, a link or a kill does."""

from __future__ import annotations

import errno
import io
import os
import signal
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING

import pytest

from evertill.protocol.errors import ProtocolRefused
from evertill.terminal.generations.unpack import unpack
from tests.protocol.bundles import (
    bundle,
    contents_of,
    foreign_member,
    good_bundle,
    listed,
    manifest_json,
    manifest_of,
    member,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CONTENTS = {
    "app/deep/deeper/main.py": b"print('till')\n",
    "app/receipt.txt": b"thank you\n" * 30_000,
    "app/收据.txt": b"",
    "run.sh": b"#!/bin/sh\n",
}
FILES = [listed(path, content, "0755" if path == "run.sh" else "0644") for path, content in CONTENTS.items()]
MEMBERS = [member(path, content, "0755" if path == "run.sh" else "0644") for path, content in CONTENTS.items()]
BUNDLE = bundle(manifest_json(FILES), *MEMBERS)


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if not path.is_dir()}


def test_slot_holds_the_component_and_its_manifest(tmp_path: Path) -> None:
    manifest = unpack(io.BytesIO(BUNDLE), tmp_path / "slot")
    assert manifest.bundle_name == "till-1.0.0.evb"
    assert tree(tmp_path / "slot") == {**CONTENTS, "manifest.json": manifest_json(FILES)}


def test_modes_are_the_manifests_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        unpack(io.BytesIO(BUNDLE), tmp_path / "slot")
    finally:
        os.umask(before)
    modes = {str(path.relative_to(tmp_path)): path.stat().st_mode & 0o7777 for path in tmp_path.rglob("*")}
    assert {path for path, mode in modes.items() if mode == 0o755} == {
        "slot",
        "slot/app",
        "slot/app/deep",
        "slot/app/deep/deeper",
        "slot/run.sh",
    }
    assert set(modes.values()) == {0o755, 0o644}


def test_everything_is_flushed_and_the_manifest_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[int] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        flushed.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    unpack(io.BytesIO(BUNDLE), tmp_path / "slot")
    slot = tmp_path / "slot"
    assert set(flushed) == {path.stat().st_ino for path in [slot, *slot.rglob("*")]}
    assert flushed[-2:] == [(slot / "manifest.json").stat().st_ino, slot.stat().st_ino]


def test_folder_that_is_already_there_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "slot").mkdir()
    (tmp_path / "slot" / "running").write_text("till")
    with pytest.raises(FileExistsError):
        unpack(io.BytesIO(BUNDLE), tmp_path / "slot")
    assert tree(tmp_path) == {"slot/running": b"till"}


def test_link_in_place_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").mkdir()
    (tmp_path / "slot").symlink_to("victim")
    with pytest.raises(FileExistsError):
        unpack(io.BytesIO(BUNDLE), tmp_path / "slot")
    assert list((tmp_path / "victim").iterdir()) == []


def folder_replaced(slot: Path, victim: Path) -> bool:
    """A link to the victim in place of a folder that we made."""
    if (slot / "z" / "a").exists():
        (slot / "z").rename(slot / "away")
        (slot / "z").symlink_to(victim)
    return (slot / "away").exists()


def link_where_a_folder_belongs(slot: Path, victim: Path) -> bool:
    if slot.is_dir():
        (slot / "z").symlink_to(victim)
    return slot.is_dir()


def link_where_a_file_belongs(slot: Path, victim: Path) -> bool:
    if (slot / "z").is_dir():
        (slot / "z" / "b").symlink_to(victim / "till")
    return (slot / "z").is_dir()


def hard_link_where_a_file_belongs(slot: Path, victim: Path) -> bool:
    if (slot / "z").is_dir():
        (slot / "z" / "b").hardlink_to(victim / "till")
    return (slot / "z").is_dir()


@pytest.mark.parametrize(
    "slip_in", [folder_replaced, link_where_a_folder_belongs, link_where_a_file_belongs, hard_link_where_a_file_belongs]
)
def test_link_slipped_in_while_unpacking_is_not_followed(tmp_path: Path, slip_in: Callable[[Path, Path], bool]) -> None:
    victim, slot = tmp_path / "victim", tmp_path / "slot"
    victim.mkdir()
    (victim / "till").write_text("still selling")

    class Slipping(io.BytesIO):
        done = False

        def read(self, size: int | None = -1, /) -> bytes:
            self.done = self.done or slip_in(slot, victim)
            return super().read(size)

    source = Slipping(good_bundle({"a": os.urandom(300_000), "z/a": os.urandom(300_000), "z/b": os.urandom(300_000)}))
    with pytest.raises(OSError, match=r"exists|symbolic|Not a directory"):
        unpack(source, slot)
    assert source.done
    assert tree(tmp_path) == {"victim/till": b"still selling"}


@pytest.mark.parametrize(
    ("attack", "code"),
    [
        (bundle(manifest_of({"a": b"x"}), foreign_member(b"x", name="../../escaped")), "BUNDLE_PATH_ESCAPES"),
        (bundle(manifest_json([listed("../escaped", b"x")])), "BUNDLE_PATH_ESCAPES"),
        (
            bundle(manifest_of({"a": b""}), foreign_member(type=tarfile.SYMTYPE, name="a", linkname="/etc")),
            "BUNDLE_LINK",
        ),
        (bundle(manifest_of({"a": b"x"}), member("a", b"y")), "BUNDLE_FILE_MISMATCH"),
        (good_bundle({"zeros": bytes(8 * 1024 * 1024)}), "BUNDLE_BOMB"),
        (BUNDLE[:-1], "BUNDLE_TRUNCATED"),
        (BUNDLE + b"\0", "BUNDLE_TRAILING_DATA"),
    ],
)
def test_hostile_bundle_leaves_nothing(tmp_path: Path, attack: bytes, code: str) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    with pytest.raises(ProtocolRefused) as refused:
        unpack(io.BytesIO(attack), tmp_path / "a" / "b" / "slot")
    assert refused.value.code == code
    assert tree(tmp_path) == {}
    assert list((tmp_path / "a" / "b").iterdir()) == []


def count_calls(monkeypatch: pytest.MonkeyPatch, name: str, fail_at: int, code: int) -> list[int]:
    """Let the system call `name` fail at its n-th use; counts the uses."""
    real = getattr(os, name)
    calls: list[int] = []

    def failing(*args: object, **kwargs: object) -> object:
        calls.append(len(calls))
        if len(calls) - 1 == fail_at:
            raise OSError(code, os.strerror(code))
        return real(*args, **kwargs)

    monkeypatch.setattr(os, name, failing)
    return calls


@pytest.mark.parametrize("name", ["write", "fsync", "mkdir"])
def test_disk_full_at_any_call_leaves_nothing(tmp_path: Path, name: str) -> None:
    with pytest.MonkeyPatch.context() as patched:
        uses = count_calls(patched, name, -1, 0)
        unpack(io.BytesIO(BUNDLE), tmp_path / "complete")
        total = len(uses)
    assert total >= 4
    for fail_at in range(total):
        slot = tmp_path / f"slot-{fail_at}"
        with pytest.MonkeyPatch.context() as patched:
            count_calls(patched, name, fail_at, errno.ENOSPC)
            with pytest.raises((ProtocolRefused, OSError)) as refused:
                unpack(io.BytesIO(BUNDLE), slot)
        assert not slot.exists(), fail_at
        assert getattr(refused.value, "code", "BUNDLE_DISK_FULL") == "BUNDLE_DISK_FULL"
    assert [path.name for path in tmp_path.iterdir()] == ["complete"]


def test_disk_full_is_said_with_the_component(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    count_calls(monkeypatch, "write", 2, errno.EDQUOT)
    with pytest.raises(ProtocolRefused, match=r"Not enough space for till 1\.0\.0"):
        unpack(io.BytesIO(BUNDLE), tmp_path / "slot")


def test_failing_disk_is_not_called_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    count_calls(monkeypatch, "fsync", 2, errno.EIO)
    with pytest.raises(OSError, match="Input/output error"):
        unpack(io.BytesIO(BUNDLE), tmp_path / "slot")
    assert not (tmp_path / "slot").exists()


CHILD = """
import io, os, signal, sys
from pathlib import Path
from evertill.terminal.generations.unpack import unpack
class Deadly(io.BytesIO):
    reads = 0
    def read(self, size=-1, /):
        Deadly.reads += 1
        if Deadly.reads == int(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().read(size)
unpack(Deadly(Path(sys.argv[1]).read_bytes()), Path(sys.argv[2]))
print(Deadly.reads)
"""


def run_child(bundle_file: Path, slot: Path, kill_at: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CHILD, bundle_file, slot, str(kill_at)], check=False, capture_output=True, text=True
    )


def test_killed_unpack_is_never_taken_for_complete(tmp_path: Path) -> None:
    (tmp_path / "bundle").write_bytes(good_bundle({f"{number}": os.urandom(100_000) for number in range(5)}))
    reads = int(run_child(tmp_path / "bundle", tmp_path / "complete", 0).stdout)
    assert (tmp_path / "complete" / "manifest.json").exists()
    for kill_at in [1, *range(4, reads, 3), reads]:
        slot = tmp_path / f"slot-{kill_at}"
        assert run_child(tmp_path / "bundle", slot, kill_at).returncode == -signal.SIGKILL
        assert not (slot / "manifest.json").exists(), kill_at


SMALL_DISK = """
set -e
mkdir "$1/disk"
mount -t tmpfs -o size=200k none "$1/disk"
cd "$1/disk"
set +e
"$2" -c 'import sys; from pathlib import Path; from evertill.terminal.generations.unpack import unpack
unpack(Path(sys.argv[1]).open("rb"), Path("slot"))' "$1/bundle" 2> "$1/stderr"
echo "$? $(ls -A | wc -l)"
"""


def test_really_full_disk(tmp_path: Path) -> None:
    (tmp_path / "bundle").write_bytes(BUNDLE)
    assert len(contents_of(BUNDLE)["app/receipt.txt"]) > 200 * 1024
    ran = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", SMALL_DISK, "sh", tmp_path, sys.executable],
        check=False,
        capture_output=True,
        text=True,
    )
    if "unshare" in ran.stderr or "mount" in ran.stderr:
        pytest.skip("no mount namespaces here")
    assert ran.stdout.split() == ["1", "0"], ran.stderr
    assert "BUNDLE_DISK_FULL" in (tmp_path / "stderr").read_text()
