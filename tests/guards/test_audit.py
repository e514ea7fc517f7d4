"""Whoever acts is named, asked for permission and recorded: no use case takes an identity past `accounts.commands.command`."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOMS = Path(__file__).parents[2] / "src/evertill/server/rooms"
# Here `command` itself is made, and identities are judged.
MACHINERY = {"accounts/access.py", "accounts/commands.py"}
RECORDED = {"command"}
ASKING = {"require", "_begin"}  # the second: what all changes of a policy field begin with
WITHOUT_A_ROLE = {"register"}  # a device, let in by a gateway's token


class UseCase(NamedTuple):
    file: Path
    function: ast.FunctionDef

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOMS)}:{self.function.name}"


def use_cases() -> Iterator[UseCase]:
    """Every public function of a room that is handed an identity as `by`."""
    for file in sorted(ROOMS.rglob("*.py")):
        if str(file.relative_to(ROOMS)) in MACHINERY or file.name == "queries.py":
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
                continue
            if any(
                argument.arg == "by" and "Identity" in ast.unparse(argument.annotation or ast.Constant(None))
                for argument in [*node.args.args, *node.args.kwonlyargs]
            ):
                yield UseCase(file, node)


def called(node: ast.AST) -> str:
    """The last part of the name that a call calls."""
    if not isinstance(node, ast.Call):
        return ""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def commands(function: ast.FunctionDef) -> list[ast.With]:
    return [
        node
        for node in ast.walk(function)
        if isinstance(node, ast.With) and any(called(item.context_expr) in RECORDED for item in node.items)
    ]


ALL = list(use_cases())


def test_there_are_use_cases_to_look_at() -> None:
    assert len(ALL) > 30


@pytest.mark.parametrize("case", ALL, ids=str)
def test_every_use_case_is_recorded_done_or_refused(case: UseCase) -> None:
    assert commands(case.function)


@pytest.mark.parametrize("case", [case for case in ALL if case.function.name not in WITHOUT_A_ROLE], ids=str)
def test_every_recorded_act_asks_for_permission(case: UseCase) -> None:
    assert {called(node) for node in ast.walk(case.function)} & ASKING
