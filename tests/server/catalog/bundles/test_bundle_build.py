"""Building a component: what goes in, what is refused, what is left behind."""

from __future__ import annotations

import hashlib
import marshal
import os
import shutil
import socket
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import zstandard

from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.manifest import File
from evertill.server.rooms.catalog.bundles import build, inspect
from evertill.server.rooms.catalog.bundles.build import _unchanged
from evertill.server.rooms.catalog.bundles.compiled import check_python, compiled
from evertill.server.rooms.catalog.bundles.source import SourceFile
from evertill.terminal.generations.unpack import unpack

DESCRIPTION = """
format = 1
component = "till"
type = "app"
version = "1.1.1+bad1"
python = "cp311"
rollback_index = 1
minutes = 2

[entry_points]
start = ["{python}", "-I", "-B", "{slot}/till/main.py"]
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A small component as a publisher has it."""
    root = tmp_path / "component"
    (root / "till" / "empty").mkdir(parents=True)
    (root / "component.toml").write_text(DESCRIPTION)
    (root / "till" / "main.py").write_text("import sys\nimport change\nprint(change.due(500, 420))\n")
    (root / "till" / "change.py").write_text("def due(tendered, total):\n    return tendered - total\n")
    (root / "till" / "收据.txt").write_text("谢谢惠顾\n")
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o700)
    return root


def refusal(source: Path, out: Path) -> ProtocolRefused:
    with pytest.raises(ProtocolRefused) as refused:
        build(source, out)
    assert not out.exists() or list(out.iterdir()) == []
    return refused.value


def test_bundle_holds_exactly_the_component(source: Path, tmp_path: Path) -> None:
    built = build(source, tmp_path / "out")
    assert built.path == tmp_path / "out" / "till-1.1.1+bad1.evb"
    assert [(each.path, each.mode) for each in built.manifest.files] == [
        ("run.sh", "0755"),
        ("till/__pycache__/change.cpython-311.pyc", "0644"),
        ("till/__pycache__/main.cpython-311.pyc", "0644"),
        ("till/change.py", "0644"),
        ("till/main.py", "0644"),
        ("till/收据.txt", "0644"),
    ]
    assert built.sha256 == hashlib.sha256(built.path.read_bytes()).hexdigest()
    assert built.size == built.path.stat().st_size
    assert inspect(built.path) == built.manifest
    assert list(built.path.parent.iterdir()) == [built.path]


def test_result_can_be_printed_as_json(source: Path, tmp_path: Path) -> None:
    built = build(source, tmp_path / "out")
    assert built.as_json() == {
        "path": str(built.path),
        "component": "till",
        "type": "app",
        "version": "1.1.1+bad1",
        "sha256": built.sha256,
        "size": built.size,
    }


def test_any_tar_reads_a_bundle(source: Path, tmp_path: Path) -> None:
    built = build(source, tmp_path / "out")
    (tmp_path / "plain.tar").write_bytes(zstandard.decompress(built.path.read_bytes()))
    with tarfile.open(tmp_path / "plain.tar") as archive:
        names = archive.getnames()
        owners = {(each.uid, each.gid, each.uname, each.gname, each.mtime) for each in archive}
    assert names == ["manifest.json", *(each.path for each in built.manifest.files)]
    assert owners == {(0, 0, "", "", 0)}
    listing = subprocess.run(
        ["tar", "--quoting-style=literal", "-tf", tmp_path / "plain.tar"], check=True, capture_output=True, text=True
    )
    assert (listing.stdout.splitlines(), listing.stderr) == (names, "")


def test_frame_states_its_size_and_checksum(source: Path, tmp_path: Path) -> None:
    data = build(source, tmp_path / "out").path.read_bytes()
    parameters = zstandard.get_frame_parameters(data)
    assert parameters.content_size == len(zstandard.decompress(data))
    assert parameters.has_checksum


def test_unpacked_component_runs_from_its_compiled_code(source: Path, tmp_path: Path) -> None:
    built = build(source, tmp_path / "out")
    with built.path.open("rb") as file:
        unpack(file, tmp_path / "slot")
    (tmp_path / "slot" / "till" / "change.py").write_text("raise SystemExit('the source was compiled again')\n")
    program = "import sys; sys.path.insert(0, sys.argv[1]); import main, change; print(change.due.__code__.co_filename)"
    ran = subprocess.run(
        [sys.executable, "-I", "-B", "-c", program, tmp_path / "slot" / "till"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert ran.stdout.splitlines() == ["80", str(tmp_path / "slot" / "till" / "change.py")]


def test_compiled_code_names_files_relative_to_the_component() -> None:
    code = marshal.loads(compiled("till/change.py", b"def due(): pass\n")[16:])
    assert code.co_filename == "till/change.py"
    assert {each.co_filename for each in code.co_consts if hasattr(each, "co_filename")} == {"till/change.py"}


def test_publishers_own_compiled_code_is_left_out(source: Path, tmp_path: Path) -> None:
    clean = build(source, tmp_path / "clean").sha256
    cache = source / "till" / "__pycache__"
    cache.mkdir()
    (cache / "main.cpython-311.pyc").write_bytes(b"evil")
    (cache / "left.cpython-310.pyc").write_bytes(b"old")
    assert build(source, tmp_path / "again").sha256 == clean


def test_component_without_python_is_not_compiled(source: Path, tmp_path: Path) -> None:
    lines = [line for line in DESCRIPTION.splitlines() if not line.startswith(("python", "start"))]
    (source / "component.toml").write_text("\n".join(lines))
    manifest = build(source, tmp_path / "out").manifest
    assert not [each for each in manifest.files if each.path.endswith(".pyc")]


def test_older_bundle_of_that_name_is_replaced(source: Path, tmp_path: Path) -> None:
    first = build(source, tmp_path / "out")
    (source / "more.txt").write_text("more")
    second = build(source, tmp_path / "out")
    assert first.path == second.path
    assert inspect(second.path) == second.manifest != first.manifest


def test_refused_build_leaves_the_older_bundle_alone(source: Path, tmp_path: Path) -> None:
    first = build(source, tmp_path / "out")
    (source / "link").symlink_to("run.sh")
    with pytest.raises(ProtocolRefused):
        build(source, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == [first.path]
    assert inspect(first.path) == first.manifest


# What a source may not contain


@pytest.mark.parametrize("target", ["/etc/passwd", "../../outside", "run.sh", "till", "nowhere"])
def test_symlink_in_the_source(source: Path, tmp_path: Path, target: str) -> None:
    (source / "till" / "link").symlink_to(target)
    assert refusal(source, tmp_path / "out").code == "BUNDLE_LINK"


def test_pipe_in_the_source(source: Path, tmp_path: Path) -> None:
    os.mkfifo(source / "pipe")
    assert refusal(source, tmp_path / "out").code == "BUNDLE_DEVICE"


def test_socket_in_the_source(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(source)  # a socket's name is at most 107 bytes
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        assert refusal(source, tmp_path / "out").code == "BUNDLE_DEVICE"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
def test_device_in_the_source(source: Path, tmp_path: Path) -> None:
    os.mknod(source / "null", 0o020644, os.makedev(1, 3))
    assert refusal(source, tmp_path / "out").code == "BUNDLE_DEVICE"


@pytest.mark.parametrize("mode", [0o4755, 0o2755, 0o1644])
def test_setuid_in_the_source(source: Path, tmp_path: Path, mode: int) -> None:
    (source / "run.sh").chmod(mode)
    assert refusal(source, tmp_path / "out").code == "BUNDLE_SETUID"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        (b"a\\b", "BUNDLE_PATH_ESCAPES"),
        (b"a\nb", "BUNDLE_PATH_INVALID"),
        (b"\xff\xfe", "BUNDLE_PATH_INVALID"),
        ("cafe\u0301".encode(), "BUNDLE_PATH_INVALID"),
        (b"RUN.sh", "BUNDLE_DUPLICATE"),
        (b"manifest.json", "BUNDLE_DUPLICATE"),
        (b"old.pyc", "BUNDLE_COMPILED"),
        (b"x" * 241, "BUNDLE_PATH_TOO_LONG"),
    ],
)
def test_name_in_the_source_that_no_bundle_may_carry(source: Path, tmp_path: Path, name: bytes, code: str) -> None:
    (source / os.fsdecode(name)).write_text("x")
    assert refusal(source, tmp_path / "out").code == code


def test_folders_deeper_than_any_name_may_be(source: Path, tmp_path: Path) -> None:
    (source / ("d/" * 130)).mkdir(parents=True)
    assert refusal(source, tmp_path / "out").code == "BUNDLE_PATH_TOO_LONG"


def test_too_many_files_in_the_source(source: Path, tmp_path: Path) -> None:
    (source / "many").mkdir()
    for number in range(20_001):
        os.close(os.open(source / "many" / str(number), os.O_CREAT | os.O_WRONLY))
    assert refusal(source, tmp_path / "out").code == "BUNDLE_TOO_MANY_FILES"


def read_so_far_bytes() -> int:
    counters = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(counters["rchar"])


def test_source_that_is_too_large_is_refused_before_it_is_read(source: Path, tmp_path: Path) -> None:
    with (source / "huge").open("wb") as sparse:
        sparse.truncate(600 * 1024**2)
    before = read_so_far_bytes()
    assert refusal(source, tmp_path / "out").code == "BUNDLE_TOO_LARGE"
    assert read_so_far_bytes() - before < 1024**2


def test_source_that_would_make_a_bomb(source: Path, tmp_path: Path) -> None:
    with (source / "zeros").open("wb") as sparse:
        sparse.truncate(40 * 1024**2)
    assert refusal(source, tmp_path / "out").code == "BUNDLE_BOMB"


@pytest.mark.parametrize("text", ["def due(:\n", "x = '\n", "\0", "# coding: nonsense\n", "é = '\n"])
def test_source_that_does_not_compile(source: Path, tmp_path: Path, text: str) -> None:
    (source / "till" / "change.py").write_text(text)
    refused = refusal(source, tmp_path / "out")
    assert (refused.code, refused.params["path"]) == ("BUNDLE_SOURCE_BROKEN", "till/change.py")


def test_style_warning_of_a_source_does_not_stop_the_build(source: Path, tmp_path: Path) -> None:
    (source / "till" / "change.py").write_text("def due(a, b):\n    assert (a, 'always true')\n    return '\\d' is a\n")
    assert build(source, tmp_path / "out").size > 0


def test_file_that_changes_during_the_build(source: Path) -> None:
    measured = File(path="run.sh", size=10, sha256=hashlib.sha256(b"#!/bin/sh\n").hexdigest(), mode="0755")
    for changed in (b"#!/bin/ba\n", b"#!/bin/s", b"#!/bin/sh"):
        (source / "run.sh").write_bytes(changed)
        with pytest.raises(ProtocolRefused, match="BUNDLE_SOURCE_CHANGED"):
            list(_unchanged(measured, SourceFile("run.sh", source / "run.sh", executable=True)))


def test_folder_without_description(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nothing", tmp_path / "out").code == "BUNDLE_SOURCE_UNREADABLE"


def test_description_that_is_a_link(source: Path, tmp_path: Path) -> None:
    (source / "component.toml").rename(tmp_path / "elsewhere.toml")
    (source / "component.toml").symlink_to(tmp_path / "elsewhere.toml")
    assert refusal(source, tmp_path / "out").code == "BUNDLE_SOURCE_UNREADABLE"


def test_description_with_a_mistake_names_the_field(source: Path, tmp_path: Path) -> None:
    (source / "component.toml").write_text(DESCRIPTION.replace("minutes = 2", "minutes = 'two'"))
    refused = refusal(source, tmp_path / "out")
    assert (refused.code, refused.params["field"]) == ("MANIFEST_INVALID", "minutes")


def test_entry_point_that_is_not_in_the_component(source: Path, tmp_path: Path) -> None:
    (source / "till" / "main.py").unlink()
    refused = refusal(source, tmp_path / "out")
    assert (refused.code, refused.params["field"]) == ("MANIFEST_INVALID", "entry_points.start")


@pytest.mark.parametrize("wanted", ["cp310", "cp312"])
def test_other_python_than_the_component_asks_for(source: Path, tmp_path: Path, wanted: str) -> None:
    (source / "component.toml").write_text(DESCRIPTION.replace("cp311", wanted))
    assert refusal(source, tmp_path / "out").code == "BUNDLE_PYTHON_MISMATCH"


def test_python_that_leaves_out_column_numbers_is_another_python() -> None:
    program = f"from {check_python.__module__} import check_python; check_python('cp311')"
    environment = {**os.environ, "PYTHONNODEBUGRANGES": "1"}
    ran = subprocess.run([sys.executable, "-c", program], env=environment, check=False, capture_output=True, text=True)
    assert "BUNDLE_PYTHON_MISMATCH" in ran.stderr


def test_output_folder_inside_the_source(source: Path) -> None:
    with pytest.raises(ProtocolRefused, match="BUNDLE_OUT_INSIDE_SOURCE"):
        build(source, source / "out")
    assert not (source / "out").exists()


def test_publisher_needs_no_django() -> None:
    program = (
        "import sys, evertill.server.rooms.catalog.bundles; print([m for m in sys.modules if m.startswith('django')])"
    )
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert ran.stdout.strip() == "[]"


def test_damaged_bundle_is_not_inspected(source: Path, tmp_path: Path) -> None:
    built = build(source, tmp_path / "out")
    damaged = bytearray(built.path.read_bytes())
    damaged[-1] ^= 1
    built.path.write_bytes(damaged)
    with pytest.raises(ProtocolRefused, match="BUNDLE_CORRUPT"):
        inspect(built.path)


def test_files_that_share_an_inode_are_ordinary_files(source: Path, tmp_path: Path) -> None:
    os.link(source / "run.sh", source / "also.sh")
    paths = [each.path for each in build(source, tmp_path / "out").manifest.files]
    assert {"run.sh", "also.sh"} <= set(paths)


def test_component_at_another_place_gives_the_same_bundle(source: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "a much longer name of a folder" / "x"
    shutil.copytree(source, elsewhere)
    assert build(source, tmp_path / "one").sha256 == build(elsewhere, tmp_path / "two").sha256
