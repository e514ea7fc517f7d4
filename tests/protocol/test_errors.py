"""Every refusal of the protocol has its sentences in both languages, and gives them what they name."""

from __future__ import annotations

import ast
import re
import string
from functools import cache
from pathlib import Path

import pytest

import evertill
from evertill.protocol.errors import WORDINGS, ProtocolRefused, Wording

SOURCES = Path(evertill.__file__).parent


def names_in(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


@cache
def raised() -> list[tuple[str, set[str], str]]:
    """Every `ProtocolRefused("CODE", name=…)` of the sources: code, names given, place."""
    found = []
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", "") != "ProtocolRefused" or not node.args:
                continue
            code = node.args[0]
            if isinstance(code, ast.Constant):
                given = {each.arg for each in node.keywords if each.arg}
                found.append((str(code.value), given, f"{path.relative_to(SOURCES)}:{node.lineno}"))
    return found


def test_every_code_raised_has_a_row_and_gives_what_its_sentences_name() -> None:
    assert raised()
    for code, given, place in raised():
        assert code in WORDINGS, place
        assert names_in("".join(WORDINGS[code])) <= given, place


@pytest.mark.parametrize(
    "code", [code for code in WORDINGS if code.startswith(("BUNDLE_", "MANIFEST_", "VERSION_", "REQUIREMENT_"))]
)
def test_every_row_about_bundles_is_raised_somewhere(code: str) -> None:
    assert code in {each for each, _, _ in raised()}


@pytest.mark.parametrize(("code", "wording"), WORDINGS.items())
def test_row_is_complete_in_both_languages(code: str, wording: Wording) -> None:
    assert re.fullmatch(r"[A-Z][A-Z0-9_]+", code)
    for chinese in (wording.zh, wording.next_zh):
        assert re.search(r"[\u4e00-\u9fff]", chinese)
    for english in (wording.en, wording.next_en):
        assert re.search(r"[a-z]{2}", english)
    assert names_in(wording.zh) == names_in(wording.en)
    assert "!" not in "".join(wording)


def test_code_without_a_row_cannot_be_raised() -> None:
    with pytest.raises(KeyError):
        ProtocolRefused("NO_SUCH_CODE")


def test_refusal_speaks_both_languages() -> None:
    refused = ProtocolRefused("BUNDLE_PATH_TOO_LONG", path="a", limit_bytes=240)
    assert refused.text("zh") == "文件名 a 超过 240 字节。"
    assert refused.text("en") == "The file name a is longer than 240 bytes."
    assert refused.next_step("en") == "Shorten the name and build the bundle again."
    assert str(refused) == "The file name a is longer than 240 bytes. (BUNDLE_PATH_TOO_LONG)"


def test_foreign_text_cannot_play_with_a_screen_or_a_log() -> None:
    shown = ProtocolRefused("BUNDLE_PATH_ESCAPES", path="../\x1b[2J\r\n{code}\udcff\u202e" + "x" * 1000).text("en")
    assert shown.isprintable()
    assert "\\x1b" in shown
    assert len(shown) < 300
