"""The same source gives the same bytes, whoever builds it, where, when and with which settings."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import evertill

if TYPE_CHECKING:
    from collections.abc import Iterator

DESCRIPTION = """
format = 1
component = "demo"
type = "app"
version = "1.0.0"
python = "cp311"
rollback_index = 1
minutes = 2

[entry_points]
stop = ["{python}", "{slot}/a/main.py", "stop"]
start = ["{python}", "{slot}/a/main.py"]
"""

# Constants that the hash seed, or what else the process has interned, would leave their mark on in an ordinary .pyc.
TREACHEROUS = """
KINDS = frozenset({"sale", "refund", "settlement", 1, None, "结算"})

def is_kind(kind):
    'A docstring, which -OO would drop, and an assertion, which -O would.'
    assert KINDS
    return kind.strip(".") in {"sale", "refund", "settlement", "storno", "-", "é", "", 3.5, b"raw"}

class Entry:
    colour: str = "azurite"
    shared = ("sale", "refund", ("sale", "refund"), "a sentence that nobody interns", 10**30, 1j)
"""

BUILDER = """
import os, sys
from pathlib import Path
source, out, umask, uid, others = sys.argv[1:]
names = [sys.intern(name) for name in others.split()]
if others:
    import argparse, decimal, email, http.client, unittest
from evertill.server.rooms.catalog.bundles import build
os.umask(int(umask, 8))
if int(uid):
    os.setgroups([])
    os.setgid(int(uid))
    os.setuid(int(uid))
print(build(Path(source), Path(out)).sha256)
"""

NOBODY = 65534


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user of the machine can reach, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        path.chmod(0o755)
        yield path


def make_source(root: Path, *, backwards: bool, umask: int, mtime_s: int) -> Path:
    """The same component; its folder entries are created in either order."""
    files = {
        "component.toml": DESCRIPTION,
        "a/main.py": "import kinds\n\ndef main():\n    return kinds.KINDS\n",
        "a/kinds.py": TREACHEROUS,
        "a/__init__.py": "",
        "b/收据.txt": "谢谢\n" * 1000,
        "b/" + "long" * 40 + ".txt": "x",
        "run": "#!/bin/sh\n",
    }
    for path, text in sorted(files.items(), reverse=backwards):
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        place.chmod((0o777 if path == "run" else 0o666) & ~umask)
        os.utime(place, (mtime_s, mtime_s))
    return root


def built(source: Path, out: Path, *, umask: str, uid: int = 0, others: str = "", **environment: str) -> str:
    """The sha256 that a builder in a process of its own reports."""
    # Inherits neither locale nor hash seed, but finds the interpreter's libraries and the sources under test.
    path = os.pathsep.join([str(Path(evertill.__file__).parents[1]), *filter(None, sys.path)])
    ran = subprocess.run(
        [sys.executable, "-c", BUILDER, source, out, umask, str(uid), others],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", **environment},
        cwd=source,
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def test_two_builds_under_different_circumstances_are_equal(open_folder: Path) -> None:
    here = make_source(open_folder / "here", backwards=False, umask=0o022, mtime_s=1_000_000_000)
    there = make_source(open_folder / "there" / "in" / "depth", backwards=True, umask=0o002, mtime_s=1_700_000_000)
    uid = NOBODY if os.geteuid() == 0 else 0
    outs = [open_folder / "out-1", open_folder / "out-2"]
    for out in outs:
        out.mkdir()
        if uid:
            os.chown(out, uid, uid)
    first = built(here, outs[0], umask="022", PYTHONHASHSEED="1", TZ="Asia/Shanghai", LC_ALL="C", USER="root")
    second = built(
        there,
        outs[1],
        umask="077",
        uid=uid,
        others="sale refund azurite storno raw - é .",
        PYTHONHASHSEED="4711",
        TZ="America/New_York",
        LC_ALL="C.UTF-8",
        USER="nobody",
        PYTHONOPTIMIZE="2",
    )
    assert first == second
    name = "demo-1.0.0.evb"
    assert (outs[0] / name).read_bytes() == (outs[1] / name).read_bytes()
    if uid:
        assert (outs[1] / name).stat().st_uid == uid


def test_any_change_of_the_source_changes_the_bundle(tmp_path: Path) -> None:
    source = make_source(tmp_path / "source", backwards=False, umask=0o022, mtime_s=1)
    seen = {built(source, tmp_path / "out", umask="022")}
    (source / "run").chmod(0o644)
    seen.add(built(source, tmp_path / "out", umask="022"))
    (source / "run").write_text("#!/bin/sh \n")
    seen.add(built(source, tmp_path / "out", umask="022"))
    shutil.move(source / "run", source / "run2")
    seen.add(built(source, tmp_path / "out", umask="022"))
    assert len(seen) == 4
