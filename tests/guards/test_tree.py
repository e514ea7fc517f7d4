"""What the tree may hold: nothing of one machine, of a package registry, or of card data."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
FILES = sorted(
    TOP / name
    for name in subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=TOP,
        capture_output=True,
        check=True,
        text=True,
    ).stdout.split("\0")
    if name and (TOP / name).is_file() and name != "tests/guards/test_tree.py"
)
REGISTRIES = re.compile(r"pypi\.org|pythonhosted|npmjs|registry\.npm|index-url|\"resolved\":")
HOME_PATHS = re.compile(r"(?<![\w.])/(root|home)/[a-z]")
CARD_NUMBERS = re.compile(r"(?<!\d)(4\d{15}|5[1-5]\d{14}|62\d{14,17})(?!\d)")


def _lines(pattern: re.Pattern[str]) -> list[str]:
    found = []
    for file in FILES:
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [
            f"{file.relative_to(TOP)}:{number}"
            for number, line in enumerate(text.splitlines(), 1)
            if pattern.search(line)
        ]
    return found


@pytest.mark.parametrize(
    "pattern", [REGISTRIES, HOME_PATHS, CARD_NUMBERS], ids=["registries", "home-paths", "card-numbers"]
)
def test_tree_names_no(pattern: re.Pattern[str]) -> None:
    assert _lines(pattern) == []


def test_there_are_files_to_look_at() -> None:
    assert len(FILES) > 50


def test_every_lock_is_hashed() -> None:
    for lock in sorted((TOP / "locks").glob("*.txt")):
        pins = [line for line in lock.read_text(encoding="utf-8").splitlines() if re.match(r"[a-z0-9]", line)]
        assert pins
        assert all(line.endswith("\\") for line in pins), f"{lock.name} has a pin without a hash"
