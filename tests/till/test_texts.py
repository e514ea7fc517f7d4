import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from tests.till.driver import REPOSITORY
from till.catalogues import CatalogueError, read_po, write_mo
from till.pages.signing import ROLES

TILL = REPOSITORY / "till"
CORE = TILL / "locale" / "zh_Hans.po"
FEATURES = {path.parents[1].name: path for path in sorted(TILL.glob("*/locale/zh_Hans.po"))}


def texts_of(path: Path) -> Iterator[str]:
    """English texts that a module shows: what it says, and the words of its refusals."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        shown = {"say": node.args[:1], "Words": node.args[1:3]}.get(name, [])
        yield from (
            part.value
            for part in shown
            if isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value
        )


def shown_in(feature: str | None) -> set[str]:
    """What the modules of a feature show; None: those of the core."""
    elsewhere = {"faults", *FEATURES} - {feature}
    found = (path for path in TILL.rglob("*.py") if not elsewhere & set(path.parts))
    modules = (path for path in found if feature is None or feature in path.parts)
    return {text for path in modules for text in texts_of(path)}


def test_every_text_has_its_chinese_and_no_translation_is_left_over() -> None:
    core = read_po(CORE.read_text(encoding="utf-8"))
    assert shown_in(None) | set(ROLES.values()) == core.keys()
    assert FEATURES.keys() == {"discounts", "shifts", "devices"}
    for feature, catalogue in FEATURES.items():
        own = read_po(catalogue.read_text(encoding="utf-8"))
        assert shown_in(feature) <= (core | own).keys()
        assert own.keys() <= shown_in(feature)


@pytest.mark.parametrize("catalogue", [CORE, *FEATURES.values()], ids=["core", *FEATURES])
def test_a_translation_names_the_same_facts(catalogue: Path) -> None:
    for text, translation in read_po(catalogue.read_text(encoding="utf-8")).items():
        facts = [{name for _, name, _, _ in Formatter().parse(one) if name} for one in (text, translation)]
        assert facts[1] <= facts[0], text


def test_every_refusal_has_words(tmp_path: Path) -> None:
    raised = {
        str(node.args[0].value)
        for path in TILL.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Refused"
        if node.args and isinstance(node.args[0], ast.Constant)
    }
    from till.edition import FEATURES as EDITION
    from till.pages.reasons import WORDS

    commands_only = {
        *("JOURNAL_DAMAGED", "SCHEMA_TOO_NEW", "SCHEMA_NEEDS_MIGRATION", "SCHEMA_UNKNOWN", "DATA_LOCKED"),
        *("DATA_FOLDER_UNUSABLE", "RUN_FOLDER_UNSAFE", "PIN_FILE_WRONG", "PIN_ALREADY_SET"),
    }
    assert raised - commands_only <= WORDS.keys() | {code for feature in EDITION for code in feature.words}
    contract = (TILL / "CONTRACT.md").read_text(encoding="utf-8")
    assert [code for code in commands_only if f"`{code}`" not in contract] == []


def test_catalogues_are_read_as_gettext_reads_them(tmp_path: Path) -> None:
    ours = write_mo(read_po(CORE.read_text(encoding="utf-8")))
    (tmp_path / "ours.mo").write_bytes(ours)
    try:
        done = subprocess.run(
            ["msgunfmt", tmp_path / "ours.mo"], capture_output=True, text=True, check=True, timeout=20
        )
    except FileNotFoundError:
        pytest.fail("msgunfmt is missing: install gettext")
    assert read_po(done.stdout) == read_po(CORE.read_text(encoding="utf-8"))


def test_a_broken_catalogue_says_where() -> None:
    with pytest.raises(CatalogueError, match="line 3"):
        read_po('msgid "a"\nmsgstr "b"\nnonsense\n')
    with pytest.raises(CatalogueError, match="twice"):
        read_po('msgid "a"\nmsgstr "b"\n\nmsgid "a"\nmsgstr "c"\n')
