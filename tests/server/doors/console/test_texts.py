"""Nothing is shown in the wrong language: every string has its Chinese, and no template says anything that is not a string."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from allauth.account.adapter import get_adapter
from django.contrib.auth.password_validation import CommonPasswordValidator, MinimumLengthValidator
from django.core.exceptions import ValidationError
from django.forms import CharField, ChoiceField, IntegerField
from django.utils import translation

from evertill.server.doors.console import words
from evertill.server.rooms.policies.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Callable

SERVER = Path(__file__).parents[4] / "src/evertill/server"
CATALOGUE = SERVER / "locale/zh_Hans/LC_MESSAGES/django.po"
TEMPLATES = sorted((SERVER / "templates").rglob("*.html"))
HAN = re.compile(r"[\u4e00-\u9fff]")
# What is the same in both languages.
NAMES = {"Evertill"}
_PLACEHOLDER = re.compile(r"%\((\w+)\)s")
_SAID_TWICE = re.compile(r"{% (?:comment|blocktranslate).*?%}.*?{% end(?:comment|blocktranslate) %}", re.DOTALL)
_MARKUP = re.compile(r"{%.*?%}|{{.*?}}|{#.*?#}|<(code|script|style|title|svg)\b.*?</\1>|<[^>]*>", re.DOTALL)
_ATTRIBUTE = re.compile(r'\b(?:aria-label|placeholder|title|alt)="([^"{]*[A-Za-z]{2}[^"{]*)"')
_LETTERS = re.compile(r"[A-Za-z\u4e00-\u9fff]{2,}")


class Entry(NamedTuple):
    said: str
    plural: str
    translated: str
    flags: str


@cache
def entries(catalogue: Path) -> dict[str, Entry]:
    """The catalogue by msgid, without its header."""
    found = {}
    for block in catalogue.read_text(encoding="utf-8").split("\n\n")[1:]:
        lines = [line for line in block.splitlines() if line and not line.startswith("#")]
        flags = " ".join(line for line in block.splitlines() if line.startswith("#,"))
        fields: dict[str, str] = {}
        name = ""
        for line in lines:
            head = re.match(r'(msgid_plural|msgid|msgstr(?:\[\d\])?) (".*")', line)
            name, text = (head[1], head[2]) if head else (name, line)
            fields[name] = fields.get(name, "") + text[1:-1]
        if fields.get("msgid"):
            said = fields.get("msgstr", fields.get("msgstr[0]", ""))
            found[fields["msgid"]] = Entry(fields["msgid"], fields.get("msgid_plural", ""), said, flags)
    return found


def test_every_string_is_translated() -> None:
    missing = [said for said, entry in entries(CATALOGUE).items() if not entry.translated or "fuzzy" in entry.flags]
    assert missing == []
    assert len(entries(CATALOGUE)) > 500


def test_every_translation_is_chinese() -> None:
    english = [
        said for said, entry in entries(CATALOGUE).items() if not HAN.search(entry.translated) and said not in NAMES
    ]
    assert [said for said in english if _LETTERS.search(_PLACEHOLDER.sub("", said))] == []


def test_every_translation_names_the_same_facts() -> None:
    different = [
        said
        for said, entry in entries(CATALOGUE).items()
        if set(_PLACEHOLDER.findall(entry.plural or said)) != set(_PLACEHOLDER.findall(entry.translated))
    ]
    assert different == []


def test_chinese_uses_its_own_punctuation() -> None:
    wrong = re.compile(
        r"[\u4e00-\u9fff][,;:!?]|[\u4e00-\u9fff]\.(?:\s|$)|[\u4e00-\u9fff][A-Z0-9%]|[A-Za-z0-9][\u4e00-\u9fff]"
    )
    tags = re.compile(r"<[^>]*>|\\\"")
    found = [
        entry.translated
        for entry in entries(CATALOGUE).values()
        if wrong.search(_PLACEHOLDER.sub("", tags.sub("", entry.translated)))
    ]
    assert found == []


def test_catalogue_has_exactly_the_strings_of_the_code(tmp_path: Path) -> None:
    copy = tmp_path / "server"
    shutil.copytree(SERVER, copy, ignore=shutil.ignore_patterns("*.mo", "__pycache__", "static", "vendor"))
    command = [sys.executable, "-m", "django", "makemessages", "-l", "zh_Hans", "--no-location", "--no-wrap"]
    without_settings = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    subprocess.run(command, cwd=copy, check=True, capture_output=True, env=without_settings)
    fresh = copy / "locale/zh_Hans/LC_MESSAGES/django.po"
    assert set(entries(fresh)) == set(entries(CATALOGUE)), "run makemessages and translate what is new"


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(SERVER / "templates")))
def test_template_says_nothing_that_cannot_be_translated(template: Path) -> None:
    text = template.read_text(encoding="utf-8")
    bare = _MARKUP.sub(" ", _SAID_TWICE.sub(" ", text))
    allowed = {"Evertill", "中文", "English", "sha256", "doctype"}
    assert [word for word in _LETTERS.findall(bare) if word not in allowed] == []
    shown = [label for label in _ATTRIBUTE.findall(text) if label not in {"terminal", "DEMO-0002"}]
    assert shown == []


def _refusal(refuse: Callable[[], object]) -> str:
    try:
        refuse()
    except ValidationError as refused:
        return " ".join(refused.messages)
    raise AssertionError("it was not refused")


THIRD_PARTIES: dict[str, Callable[[], str]] = {
    "wrong password": lambda: str(get_adapter().error_messages["username_password_mismatch"]),
    "too many attempts": lambda: str(get_adapter().error_messages["too_many_login_attempts"]),
    "empty field": lambda: _refusal(lambda: CharField().clean("")),
    "no number": lambda: _refusal(lambda: IntegerField().clean("x")),
    "too small": lambda: _refusal(lambda: IntegerField(min_value=1).clean("0")),
    "too large": lambda: _refusal(lambda: IntegerField(max_value=1).clean("2")),
    "too long": lambda: _refusal(lambda: CharField(max_length=1).clean("xx")),
    "no choice": lambda: _refusal(lambda: ChoiceField(choices=[("a", "a")]).clean("b")),
    "short password": lambda: _refusal(lambda: MinimumLengthValidator(10).validate("x")),
    "common password": lambda: _refusal(lambda: CommonPasswordValidator().validate("password")),
}


@pytest.mark.parametrize("name", THIRD_PARTIES)
def test_strings_of_libraries_that_are_shown_are_chinese_too(name: str) -> None:
    with translation.override("zh-hans"):
        assert HAN.search(THIRD_PARTIES[name]())
    with translation.override("en"):
        assert not HAN.search(THIRD_PARTIES[name]())


def test_every_rule_of_a_decision_has_a_name() -> None:
    assert {rule.name for rule in RULES} == set(words.RULES)
