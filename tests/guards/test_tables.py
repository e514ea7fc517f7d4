"""The walls that import-linter cannot see: whose tables may be touched from where, and which way foreign keys point."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from django.apps import apps
from django.db import models

ROOMS_TOP_DOWN = ("rollouts", "policies", "catalog", "fleet", "accounts", "organisations", "audit", "kernel")
ROOMS = Path(__file__).parents[2] / "src/evertill/server/rooms"
DOORS = ROOMS.parent / "doors"
PREFIX = "evertill.server.rooms."


def _imports(file: Path) -> set[str]:
    """Modules a file imports when it runs (imports for type checkers touch nothing)."""
    found: set[str] = set()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    only_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in only_types:
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
    return found


def _foreign_tables(file: Path, room: str) -> list[str]:
    """Rooms, other than its own, whose models a file imports."""
    parts = [module.removeprefix(PREFIX).split(".") for module in _imports(file) if module.startswith(PREFIX)]
    return sorted({part[0] for part in parts if part[1:2] == ["models"] and part[0] != room})


def _is_read(file: Path) -> bool:
    return file.name == "queries.py" or "queries" in file.parent.parts


ROOM_FILES = sorted(
    file for room in ROOMS_TOP_DOWN for file in (ROOMS / room).rglob("*.py") if "migrations" not in file.parts
)
DOOR_FILES = sorted(DOORS.rglob("*.py"))


@pytest.mark.parametrize("file", ROOM_FILES, ids=lambda file: str(file.relative_to(ROOMS)))
def test_only_queries_may_look_into_another_rooms_tables(file: Path) -> None:
    room = file.relative_to(ROOMS).parts[0]
    assert _is_read(file) or _foreign_tables(file, room) == []


@pytest.mark.parametrize("file", DOOR_FILES, ids=lambda file: str(file.relative_to(DOORS)))
def test_doors_touch_no_tables(file: Path) -> None:
    assert _foreign_tables(file, "") == []


def test_every_room_is_in_the_order() -> None:
    there = {folder.name for folder in ROOMS.iterdir() if (folder / "__init__.py").exists()}
    assert there == set(ROOMS_TOP_DOWN)


OURS = [model for model in apps.get_models() if model.__module__.startswith(PREFIX)]
LINKS = [
    (model, field)
    for model in OURS
    for field in model._meta.get_fields()
    if isinstance(field, models.ForeignKey | models.OneToOneField)
]


@pytest.mark.parametrize(
    ("model", "field"), LINKS, ids=lambda part: getattr(part, "__name__", getattr(part, "name", ""))
)
def test_foreign_key_points_down_protects_and_leaves_no_accessor(
    model: type[models.Model], field: models.ForeignKey[models.Model, models.Model]
) -> None:
    target = field.remote_field.model
    assert not isinstance(target, str)
    here, there = (ROOMS_TOP_DOWN.index(each._meta.app_label) for each in (model, target))
    assert here <= there, f"{model.__name__}.{field.name} points up to {target.__name__}"
    assert field.remote_field.on_delete is models.PROTECT
    assert field.remote_field.related_name == "+"


def test_there_are_links_to_guard() -> None:
    assert len(LINKS) > 10
