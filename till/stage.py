"""Writes the component tree of one version of the till: `python till/stage.py VERSION OUT` (a tool of the build, not
part of the till).

Exactly the files `versions.toml` gives that version: a feature it lacks is absent, as files and as texts. The same
source gives the same bytes, modes and times, whoever stages it and where. OUT must be new or empty.
"""

import argparse
import os
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from till.catalogues import read_po, write_mo  # noqa: E402 (the path comes first)

BUILD_ONLY = {"stage.py", "catalogues.py", "versions.toml", "CONTRACT.md", "edition.py", "faults", "__pycache__"}
PLAIN_FILE, FOLDER = 0o644, 0o755
EPOCH_S = 315_532_800  # 1980-01-01, the earliest date a zip file knows
CATALOGUE = "locale/zh_Hans.po"
START = ["{python}", "-I", "-B", "{slot}/till/main.py"]


class StageError(Exception):
    """This version cannot be staged there."""


@dataclass(frozen=True)
class Version:
    """One version as versions.toml describes it."""

    name: str
    features: tuple[str, ...]
    absent: tuple[str, ...]
    schema: int
    rollback_index: int
    minutes: int
    overlay: str | None


def read_version(name: str) -> Version:
    """Looks a version up.

    Raises:
        StageError: there is no such version.
    """
    table = tomllib.loads((HERE / "versions.toml").read_text(encoding="utf-8"))
    row = table["versions"].get(name)
    if row is None:
        raise StageError(f"no version {name!r}; there are: {', '.join(table['versions'])}")
    features = tuple(row["features"])
    if early := [feature for feature in features if table["features"][feature]["schema"] > row["schema"]]:
        raise StageError(f"{name}: schema {row['schema']} is too low for {', '.join(early)}")
    absent = tuple(feature for feature in table["features"] if feature not in features)
    return Version(name, features, absent, row["schema"], row["rollback_index"], row["minutes"], row.get("overlay"))


def stage(name: str, out: Path) -> None:
    """Writes the tree.

    Raises:
        StageError: no such version, or OUT is not empty.
    """
    version = read_version(name)
    if out.exists() and any(out.iterdir()):
        raise StageError(f"{out} is not empty")
    files = _source(version)
    if version.overlay:
        files |= _overlay(version.overlay, files)
    files["till/edition.py"] = edition(version).encode()
    files["till/locale/zh_Hans.mo"] = write_mo(_translations(version))
    files["component.toml"] = manifest(version).encode()
    for path, content in sorted(files.items()):
        target = out / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    _settle(out)


def edition(version: Version) -> str:
    """The module that says what this version consists of."""
    steps = [f"m{number:04d}" for number in range(1, version.schema + 1)]
    imports = [
        *(f"from till.{feature}.feature import FEATURE as {feature.upper()}" for feature in version.features),
        "from till.features import Feature",
        "from till.journal.migrations import Step, " + ", ".join(steps),
    ]
    lines = [
        '"""What this version of the till consists of. Written by stage.py from versions.toml, never by hand."""',
        "",
        *sorted(imports),
        "",
        f'VERSION = "{version.name}"',
        f"SCHEMA = {version.schema}",
        f"READABLE = (1, {version.schema})",
        f"MIGRATIONS: tuple[Step, ...] = {_tuple([f'{step}.STEP' for step in steps])}",
        f"FEATURES: tuple[Feature, ...] = {_tuple([feature.upper() for feature in version.features])}",
    ]
    return "\n".join(lines) + "\n"


def _tuple(items: list[str]) -> str:
    """A tuple as the formatter writes it."""
    return f"({', '.join(items)}{',' if len(items) == 1 else ''})"


def manifest(version: Version) -> str:
    """component.toml: the bundle's manifest without its list of files."""

    def command(*words: str) -> str:
        return "[" + ", ".join(f'"{word}"' for word in (*START, *words)) + "]"

    return f"""format = 1
component = "till"
type = "app"
version = "{version.name}"
python = "cp311"
models = []
hardware = []
requires = []
rollback_index = {version.rollback_index}
needs_empty_batch = true
minutes = {version.minutes}

[data_schema]
written = {version.schema}
readable = [1, {version.schema}]

[entry_points]
start = {command("start", "--data", "{data}", "--run", "{run}")}
self_test = {command("self-test", "--data", "{data}")}
migrate = {command("migrate", "--data", "{data}")}
schema = {command("schema", "--data", "{data}")}
"""


def _source(version: Version) -> dict[str, bytes]:
    """The source files of a version, by their place in the tree."""
    files = {}
    for path in sorted(HERE.rglob("*")):
        place = path.relative_to(HERE)
        later = place.parent.name == "migrations" and place.stem[1:].isdigit() and int(place.stem[1:]) > version.schema
        if (
            path.is_dir()
            or place.parts[0] in {*BUILD_ONLY, *version.absent}
            or "__pycache__" in place.parts
            or path.suffix == ".po"
            or later
        ):
            continue
        files[f"till/{place.as_posix()}"] = path.read_bytes()
    return files


def _overlay(name: str, base: dict[str, bytes]) -> dict[str, bytes]:
    """A fault's files; each must replace one of the base, or the fault has lost its place."""
    root = HERE / "faults" / name
    files = {f"till/{path.relative_to(root).as_posix()}": path.read_bytes() for path in sorted(root.rglob("*.py"))}
    if not files or not files.keys() <= base.keys():
        raise StageError(f"overlay {name} replaces files that are not there: {sorted(files.keys() - base.keys())}")
    return files


def _translations(version: Version) -> dict[str, str]:
    catalogues = [HERE / CATALOGUE, *(HERE / feature / CATALOGUE for feature in version.features)]
    entries: dict[str, str] = {}
    for catalogue in catalogues:
        entries |= read_po(catalogue.read_text(encoding="utf-8"))
    return entries


def _settle(out: Path) -> None:
    """The same modes and times whatever the umask and the day."""
    for path in [*out.rglob("*"), out]:
        path.chmod(FOLDER if path.is_dir() else PLAIN_FILE)
        os.utime(path, (EPOCH_S, EPOCH_S))


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="stage.py", description=__doc__)
    parser.add_argument("version")
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    try:
        stage(options.version, options.out)
    except StageError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
