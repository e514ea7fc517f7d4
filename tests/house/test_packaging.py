"""What an installation of only one side holds: a terminal carries no server, and its lock file is enough to run it."""

from __future__ import annotations

import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
SERVER_ONLY = ("django", "granian", "psycopg", "ninja", "unfold", "allauth", "treebeard", "whitenoise")
IMPORT_ALL = """
import importlib, pkgutil
import evertill.terminal
for module in pkgutil.walk_packages(evertill.terminal.__path__, "evertill.terminal."):
    importlib.import_module(module.name)
"""


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean environment with a terminal's dependencies, hash-locked, and the wheel of this tree; its folder of programs."""
    folder = tmp_path_factory.mktemp("terminal")
    venv.create(folder / "venv", with_pip=True)
    programs = folder / "venv/bin"
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, check=True, cwd=TOP, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    pip: list[str | Path] = [programs / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, "--require-hashes", "-r", TOP / "locks/terminal.txt"], check=True)
    subprocess.run([*pip, "--no-deps", wheel], check=True)
    return programs


@pytest.mark.parametrize("package", SERVER_ONLY)
def test_terminal_installs_no_server_dependency(package: str, terminal: Path) -> None:
    done = subprocess.run([terminal / "python", "-c", f"import {package}"], capture_output=True, text=True, check=False)
    assert "ModuleNotFoundError" in done.stderr


def test_every_module_of_the_terminal_finds_what_it_needs(terminal: Path) -> None:
    subprocess.run([terminal / "python", "-c", IMPORT_ALL], check=True)


def test_terminals_command_line_works(terminal: Path, tmp_path: Path) -> None:
    assert subprocess.run([terminal / "evertill-terminal", "--help"], capture_output=True, check=True).stdout
    words: list[str | Path] = [terminal / "evertill-terminal", "status", "--home", tmp_path]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "HOME_NOT_SET_UP" in done.stderr


@pytest.mark.parametrize("extra", ["server", "terminal"])
def test_lock_of_each_side_agrees_with_the_developers_lock(extra: str) -> None:
    def pins(name: str) -> set[str]:
        text = (TOP / f"locks/{name}.txt").read_text(encoding="utf-8")
        return set(re.findall(r"^([a-z0-9.-]+==[^\s;]+)", text, re.MULTILINE))

    assert pins(extra) <= pins("dev")
