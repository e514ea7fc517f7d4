"""The reference till goes through it all: staged, built, unpacked, started from its slot."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from evertill.server.rooms.catalog.bundles import BuiltBundle, build
from evertill.terminal.generations.unpack import unpack

STAGE = Path(__file__).parents[4] / "till" / "stage.py"


def bundle_of_the_till(folder: Path) -> BuiltBundle:
    subprocess.run([sys.executable, STAGE, "1.0.0", folder / "tree"], check=True)
    return build(folder / "tree", folder)


def test_staged_till_gives_the_same_bundle_each_time(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    assert bundle_of_the_till(tmp_path / "one").sha256 == bundle_of_the_till(tmp_path / "two").sha256


def test_till_runs_from_its_slot(tmp_path: Path) -> None:
    built = bundle_of_the_till(tmp_path)
    slot, data = tmp_path / "slot", tmp_path / "shop"
    data.mkdir()
    with built.path.open("rb") as source:
        manifest = unpack(source, slot)
    places = {"{python}": sys.executable, "{slot}": str(slot), "{data}": str(data)}
    argv = list(manifest.entry_points["schema"])
    for placeholder, place in places.items():
        argv = [argument.replace(placeholder, place) for argument in argv]
    ran = subprocess.run(argv, check=True, capture_output=True, text=True)
    assert json.loads(ran.stdout) == {"schema": 0, "integrity": "ok"}
