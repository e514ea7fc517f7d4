"""Every text of the screen exists in both languages, with the same facts in it."""

import ast
import re
from gettext import GNUTranslations
from pathlib import Path

from evertill.terminal import shell
from evertill.terminal.shell.texts import CATALOGUE

FOLDER = Path(shell.__file__ or "").parent
IN_TEMPLATES = re.compile(r'\b_\(\s*"((?:[^"\\]|\\.)*)"')
FACT = re.compile(r"\{(\w+)")


def texts() -> set[str]:
    """What templates and modules say: `_("…")` and `say("…")`."""
    found = {text for file in FOLDER.rglob("*.html") for text in IN_TEMPLATES.findall(file.read_text(encoding="utf-8"))}
    for file in FOLDER.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"say", "self"}:
                found |= {arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant)}
    return found


def catalogue() -> dict[str, str]:
    """From the source: the compiled file is made of it."""
    lines = CATALOGUE.with_suffix(".po").read_text(encoding="utf-8")
    pairs = re.findall(r'^msgid ("(?:[^"\\]|\\.)*")\nmsgstr ("(?:[^"\\]|\\.)*")$', lines, re.MULTILINE)
    return {ast.literal_eval(text): ast.literal_eval(translated) for text, translated in pairs}


def test_there_are_texts() -> None:
    assert len(texts()) > 100


def test_every_text_is_translated() -> None:
    translated = catalogue()
    assert sorted(text for text in texts() if not translated.get(text)) == []


def test_no_translation_is_left_over() -> None:
    assert sorted(catalogue().keys() - texts()) == [""]


def test_both_languages_name_the_same_facts() -> None:
    translated = catalogue()
    assert [text for text in texts() if set(FACT.findall(translated[text])) != set(FACT.findall(text))] == []


def test_compiled_catalogue_is_the_source() -> None:
    with CATALOGUE.open("rb") as stream:
        compiled = GNUTranslations(stream)
    assert [text for text, said in catalogue().items() if text and compiled.gettext(text) != said] == []
