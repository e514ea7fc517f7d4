import ast
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.till.driver import REPOSITORY
from till.stage import StageError, edition, read_version, stage

Tree = Callable[[str], Path]
VERSIONS = tomllib.loads((REPOSITORY / "till" / "versions.toml").read_text(encoding="utf-8"))


def files(tree: Path) -> dict[str, bytes]:
    return {path.relative_to(tree).as_posix(): path.read_bytes() for path in sorted(tree.rglob("*")) if path.is_file()}


def test_the_first_version_has_no_discount_code_nor_texts(tree: Tree) -> None:
    for path, content in files(tree("1.0.0")).items():
        assert "discount" not in path
        assert b"discount" not in content.lower(), path
        assert "打折".encode() not in content, path
    assert "till/journal/migrations/m0002.py" not in files(tree("1.0.0"))


def test_the_second_version_has_them_and_nothing_of_the_third(tree: Tree) -> None:
    second = files(tree("1.1.0"))
    assert {"till/discounts/feature.py", "till/journal/migrations/m0002.py"} <= second.keys()
    for path, content in second.items():
        assert not path.startswith(("till/shifts", "till/devices")), path
        assert "班次".encode() not in content, path
        assert "打印机".encode() not in content, path
    assert "till/journal/migrations/m0003.py" not in second


def test_the_third_version_has_shifts_and_devices(tree: Tree) -> None:
    third = {"till/shifts/feature.py", "till/devices/feature.py", "till/journal/migrations/m0003.py"}
    assert third <= files(tree("1.2.0")).keys()


@pytest.mark.parametrize("version", VERSIONS["versions"])
def test_a_tree_holds_the_till_and_nothing_of_the_build(tree: Tree, version: str) -> None:
    for path in files(tree(version)):
        assert path == "component.toml" or path.startswith("till/")
        assert not path.endswith((".pyc", ".po", "stage.py", "versions.toml", "CONTRACT.md"))
        assert "faults" not in path


@pytest.mark.parametrize("version", VERSIONS["versions"])
def test_the_manifest_says_what_the_tree_is(tree: Tree, version: str) -> None:
    manifest = tomllib.loads((tree(version) / "component.toml").read_text(encoding="utf-8"))
    schema = VERSIONS["versions"][version]["schema"]
    assert (manifest["component"], manifest["type"], manifest["version"]) == ("till", "app", version)
    assert manifest["data_schema"] == {"written": schema, "readable": [1, schema]}
    assert manifest["needs_empty_batch"] is True
    for command in manifest["entry_points"].values():
        assert command[:4] == ["{python}", "-I", "-B", "{slot}/till/main.py"]


def test_staging_under_another_umask_and_hash_seed_gives_the_same_tree(tree: Tree, tmp_path: Path) -> None:
    command = [sys.executable, str(REPOSITORY / "till" / "stage.py"), "1.1.0", str(tmp_path / "elsewhere" / "out")]
    environment = {"PYTHONHASHSEED": "7", "TZ": "Pacific/Kiritimati", "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run(command, check=True, env=environment, umask=0o077, timeout=60)
    there = tmp_path / "elsewhere" / "out"
    assert files(there) == files(tree("1.1.0"))
    for path in there.rglob("*"):
        twin = tree("1.1.0") / path.relative_to(there)
        assert (path.stat().st_mode, path.stat().st_mtime) == (twin.stat().st_mode, twin.stat().st_mtime)


def test_an_overlay_replaces_files_and_adds_none(tree: Tree) -> None:
    good = files(tree("1.1.0"))
    for version, changed in (("1.1.1+bad1", "till/journal/totals.py"), ("1.1.2+bad2", "till/start_checks.py")):
        bad = files(tree(version))
        different = {path for path in bad if bad[path] != good.get(path)}
        assert different == {"component.toml", "till/edition.py", changed}
        assert bad.keys() == good.keys()


def test_an_unknown_version_or_a_used_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="no version"):
        stage("9.9.9", tmp_path / "out")
    (tmp_path / "mine").touch()
    with pytest.raises(StageError, match="not empty"):
        stage("1.0.0", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_the_source_tree_is_the_newest_version() -> None:
    expected = edition(read_version(VERSIONS["newest"]))
    assert (REPOSITORY / "till" / "edition.py").read_text(encoding="utf-8") == expected


@pytest.mark.parametrize("path", sorted((REPOSITORY / "till").rglob("*.py")), ids=lambda path: path.name)
def test_the_till_imports_only_the_standard_library_and_itself(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            package = name.partition(".")[0]
            assert package == "till" or package in sys.stdlib_module_names, f"{path.name} imports {name}"
