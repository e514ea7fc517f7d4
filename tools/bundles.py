"""Builds every version of the till that till/versions.toml names: python tools/bundles.py FOLDER.

A bundle that is there already is built again only when something of the till changed; the builder is reproducible, so that is a matter of time only.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from evertill.server.rooms.catalog.bundles import build

TOP = Path(__file__).parents[1]


def newest_source() -> float:
    return max(path.stat().st_mtime for path in (TOP / "till").rglob("*") if path.is_file() and path.suffix != ".pyc")


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    versions = tomllib.loads((TOP / "till/versions.toml").read_text(encoding="utf-8"))
    changed = newest_source()
    for version in versions["versions"]:
        bundle = folder / f"till-{version}.evb"
        if bundle.exists() and bundle.stat().st_mtime > changed:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            staged = Path(scratch) / "till"
            subprocess.run([sys.executable, str(TOP / "till/stage.py"), version, str(staged)], check=True)
            built = build(staged, folder)
        print(f"{built.path.name}  {built.size} bytes  sha256 {built.sha256}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
