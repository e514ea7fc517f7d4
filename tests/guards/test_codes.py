"""Every code that a person or a device can meet is met by a test: by the code itself, or by the refusal of that name.

The registries are walked: the reasons, the refusals of protocol and terminal, and every class of the server that carries a code. That each has words and a next step in
both languages is tested beside them.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from evertill.protocol.errors import WORDINGS as OF_THE_PROTOCOL
from evertill.protocol.reasons import TABLE as REASONS
from evertill.terminal.errors import WORDINGS as OF_THE_TERMINAL

ROOT: Final = Path(__file__).parents[2]
HERE: Final = Path(__file__).parent


def of_the_server() -> Iterator[tuple[str, str]]:
    """Code and class name."""
    for file in sorted((ROOT / "src/evertill/server").rglob("*.py")):
        for found in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(found, ast.ClassDef):
                yield from ((code, found.name) for code in _codes(found))


def _codes(found: ast.ClassDef) -> Iterator[str]:
    for line in found.body:
        match line:
            case ast.Assign(targets=[ast.Name(id="code")], value=ast.Constant(value=str(code))) if code:
                yield code


def test_there_are_codes() -> None:
    assert len(REASONS) > 60
    assert len(OF_THE_TERMINAL) > 60
    assert len(list(of_the_server())) > 80


def test_every_code_is_met_by_a_test() -> None:
    tests = "\n".join(
        file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("*.py") if not file.is_relative_to(HERE)
    )
    names: dict[str, tuple[str, ...]] = {code: (code,) for code in (*REASONS, *OF_THE_PROTOCOL, *OF_THE_TERMINAL)}
    names |= {code: (code, kind) for code, kind in of_the_server()}
    assert sorted(code for code, known in names.items() if not any(name in tests for name in known)) == []
