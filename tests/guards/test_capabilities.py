"""Each promise of docs/capabilities.md names tests that exist."""

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs/capabilities.md").read_text(encoding="utf-8")
ROWS: Final = re.findall(r"^\| (\d+) \| (.+?) \| (.+) \|$", PAGE, re.MULTILINE)
PROOFS: Final = sorted(set(re.findall(r"`(tests/[\w/.]+)::(\w+)`", PAGE)))


def test_there_are_promises() -> None:
    assert len(ROWS) >= 24
    assert len(PROOFS) > 70


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"row {row[0]}")
def test_each_promise_has_a_proof_and_nothing_but_proofs_behind_it(row: tuple[str, str, str]) -> None:
    proofs = re.sub(r"`tests/[\w/.]+::\w+` ?", "", row[2])
    assert proofs == ""


@pytest.mark.parametrize(("file", "name"), PROOFS, ids=str)
def test_each_proof_is_a_test(file: str, name: str) -> None:
    source = (ROOT / file).read_text(encoding="utf-8")
    assert re.search(rf"^(?:    )?(?:def {name}\(|class {name}\b|{name} = )", source, re.MULTILINE), f"{file}::{name}"
