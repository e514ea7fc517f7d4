"""Every command of the tree, whatever it is: wrong words are one sentence, a refusal goes to stderr, reads can answer in JSON."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.apps import apps
from django.conf import settings
from django.utils import translation

from evertill import cli
from evertill.server.doors.command.line import Needs
from evertill.server.rooms.accounts.rules import Role
from evertill.server.rooms.audit import queries as audit
from tests.server.people import make_person

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from evertill.server.rooms.accounts.access import Identity
    from evertill.server.rooms.organisations.models import Node

# Values that fit, by what the usage calls them; a word not listed here gets "x".
FITTING = {
    "NAME": "root-1",
    "N": "1",
    "R": "1",
    "ID": "1",
    "RELEASE": "1",
    "DATE": "2026-11-20",
    "PERCENT": "50",
    "PERCENT,…": "100",
    "CIDR": "10.0.0.0/8",
    "NODE": "DEFAULT",
    "TARGET": "DEFAULT",
}


def leaves(
    parser: argparse.ArgumentParser, words: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    """Every command with the words that name it."""
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not below:
        yield words, parser
    for action in below:
        for name, child in action.choices.items():
            yield from leaves(child, (*words, name))


def value_for(action: argparse.Action) -> str:
    if action.choices:
        return str(next(iter(action.choices)))
    return FITTING.get(str(action.metavar), "x")


def owed(parser: argparse.ArgumentParser) -> dict[argparse.Action, list[str]]:
    """What must be typed: each owed argument with the words that fit it."""
    actions = [action for action in parser._actions if action.required and action.nargs not in ("?", "*")]
    actions += [group._group_actions[0] for group in parser._mutually_exclusive_groups if group.required]
    return {action: [*action.option_strings[:1], value_for(action)] for action in actions}


def fitting(words: tuple[str, ...], **without: argparse.Action) -> list[str]:
    """A command's owed words, all of them or all but one."""
    return [word for action, each in owed(COMMANDS[words]).items() if action not in without.values() for word in each]


def checked(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Arguments that not every word fits."""
    anything = {None, str, Path}
    return [action for action in parser._actions if action.choices or action.type not in anything]


COMMANDS = dict(leaves(cli.parser_for([])))
EVERY = pytest.mark.parametrize("words", COMMANDS, ids=" ".join)


def typed(words: tuple[str, ...], *more: str) -> int:
    try:
        return cli.run([*words, *more])
    except SystemExit as ended:
        return int(ended.code or 0)


def assert_one_sentence(capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.strip().splitlines()) == 1
    assert f"write: evertill {' '.join(words)}" in said.err


@EVERY
def test_unknown_option_is_one_sentence_saying_what_to_write(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed(words, *fitting(words), "--no-such-option") == 2
    # argparse judges what nobody took at the top of the tree
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.strip().splitlines()) == 1
    assert "write: evertill" in said.err


@EVERY
def test_each_missing_word_is_one_sentence_saying_what_to_write(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    for action in owed(COMMANDS[words]):
        assert typed(words, *fitting(words, without=action)) == 2
        assert_one_sentence(capsys, words)


@EVERY
def test_each_value_of_the_wrong_kind_is_one_sentence_saying_what_to_write(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    for action in checked(COMMANDS[words]):
        wrong = [*action.option_strings[:1], "two words :: nonsense"]
        assert typed(words, *fitting(words, without=action), *wrong) == 2
        assert_one_sentence(capsys, words)


@EVERY
def test_word_that_is_not_utf_8_is_said(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert typed(words, "\udcff") == 2
    assert "UTF-8" in capsys.readouterr().err


@EVERY
def test_command_says_what_it_does(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert COMMANDS[words].description
    assert typed(words, "--help") == 0
    assert str(COMMANDS[words].description).split()[0] in capsys.readouterr().out


@EVERY
def test_command_on_data_takes_the_folder_the_person_and_json(words: tuple[str, ...]) -> None:
    options = {option for action in COMMANDS[words]._actions for option in action.option_strings}
    if words != ("demo",):
        assert {"--data", "--json", "--as", "--database"} <= options


@pytest.mark.parametrize(
    "words",
    [words for words, parser in COMMANDS.items() if parser.get_default("needs") is Needs.INSTALLATION],
    ids=" ".join,
)
def test_command_without_an_installation_is_refused_on_stderr(
    words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed(words, *fitting(words), "--data", str(tmp_path / "nowhere"), "--json") == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("NOT_INSTALLED: ")
    assert "evertill init" in said.err


ON_DATA = [
    words
    for words, parser in COMMANDS.items()
    if parser.get_default("needs") is Needs.INSTALLATION and words != ("serve",)
]
HOSTILE = {
    "long": "x" * 5000,
    "climbing": "../../../etc/passwd",
    "emoji": "💳\u202e",
    "blank": " ",
    "empty": "",
}


@pytest.fixture
def in_english() -> Iterator[None]:
    """A command speaks English in its own process; here the language is given back."""
    with translation.override("en"):
        yield


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("words", ON_DATA, ids=" ".join)
def test_hostile_words_are_done_or_refused_in_one_line(
    words: tuple[str, ...],
    value: str,
    admin: Identity,
    in_english: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVERTILL_PASSPHRASE", "plainly a demo passphrase")
    given = [
        word
        for flag_and_value in owed(COMMANDS[words]).values()
        for word in [*flag_and_value[:-1], value if flag_and_value[-1] == "x" else flag_and_value[-1]]
    ]
    ended = typed(words, *given, "--data", str(settings.INSTALLATION.data), "--as", "demo-admin")
    said = capsys.readouterr()
    assert ended in {0, 1, 2}
    assert "Traceback" not in said.err
    if ended:
        assert said.out == ""
        assert len(said.err.strip().splitlines()) == 1
    if ended == 1:
        assert re.match(r"[A-Z][A-Z_]+: .", said.err)


LONG = "x" * 700
UNKEEPABLE = {
    "model add nothing": [" "],
    "gateway-token create nothing": [""],
    "node add nothing": ["DEFAULT/shop", "--kind", "merchant", "--name-zh", "演示", "--name-en", " "],
    "node add": ["DEFAULT/shop", "--kind", "merchant", "--name-zh", LONG, "--name-en", "Demo"],
    "node add number": [
        "DEFAULT/shop",
        "--kind",
        "merchant",
        "--name-zh",
        "演示",
        "--name-en",
        "x",
        "--merchant-no",
        LONG,
    ],
    "model add": [LONG],
    "model add proof": ["D20", "--proof", f"attribute:{LONG}"],
    "model add hardware": ["D20", "--hardware", LONG],
    "terminal add": ["--serial", "DEMO-9", "--name", LONG],
    "terminal add revision": ["--serial", "DEMO-9", "--hardware-revision", LONG],
    "gateway-token create": [LONG],
    "rollout create": ["--release", "1", "--at", "DEFAULT", "--name", LONG],
}


@pytest.mark.parametrize("case", UNKEEPABLE)
def test_text_that_no_row_can_hold_is_refused_on_either_database(
    case: str, admin: Identity, in_english: None, capsys: pytest.CaptureFixture[str]
) -> None:
    words = tuple(case.split()[:2])
    ended = typed(words, *UNKEEPABLE[case], "--data", str(settings.INSTALLATION.data), "--as", "demo-admin")
    assert ended == 1
    assert "_" in capsys.readouterr().err.partition(":")[0]


@pytest.mark.parametrize("words", ON_DATA, ids=" ".join)
def test_nobody_acts_without_a_name(
    words: tuple[str, ...], operator: Node, in_english: None, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Whoever is named must be known; then each act is allowed or refused by the services, as at every door."""
    before = audit.page()
    ended = typed(words, *fitting(words), "--data", str(settings.INSTALLATION.data), "--as", "nobody")
    assert ended in {0, 1}
    assert "Traceback" not in capsys.readouterr().err
    assert [row.act for row in audit.page()] == [row.act for row in before]


READS = {"show", "list", "explain", "status", "export"}
# What the door itself refuses, before anybody's act begins: a file, a folder, a word.
BEFORE_THE_ACT = {"FILE_UNREADABLE", "FILE_UNWRITABLE", "KEYS_UNNAMED", "NOTHING_TO_IMPORT", "TRUST_NOT_INITIALISED"}


@pytest.mark.parametrize("words", [words for words in ON_DATA if words[-1] not in READS], ids=" ".join)
def test_auditor_changes_nothing_and_each_attempt_is_in_the_record(
    words: tuple[str, ...],
    operator: Node,
    now: datetime,
    in_english: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EVERTILL_KEYS", raising=False)
    (tmp_path / "x").write_text("plainly-a-demo-password\n", encoding="ascii")
    make_person("demo-auditor", Role.AUDITOR, operator, now)
    before = counts()

    assert typed(words, *fitting(words), "--data", str(settings.INSTALLATION.data), "--as", "demo-auditor") == 1

    code = capsys.readouterr().err.partition(":")[0]
    assert counts() == before
    if code not in BEFORE_THE_ACT:
        row = audit.page()[0]
        assert (row.actor, row.refused) == ("demo-auditor", code)
        assert row.os_user


def counts() -> dict[str, int]:
    models = [model for model in apps.get_models() if model.__module__.startswith("evertill.")]
    return {model.__name__: model._default_manager.count() for model in models if model.__name__ != "AuditEvent"}


def test_commands_of_the_house_are_all_there() -> None:
    """Names are a contract: what may be typed never changes silently."""
    assert sorted(" ".join(words) for words in COMMANDS) == NAMES


NAMES = [
    "action cancel",
    "action show",
    "bundle build",
    "bundle inspect",
    "demo",
    "door registration",
    "gateway-token create",
    "gateway-token revoke",
    "init",
    "keys import",
    "keys init",
    "keys renew",
    "keys rotate",
    "keys sign",
    "keys status",
    "model add",
    "node add",
    "node list",
    "person add",
    "person close",
    "person grant",
    "person list",
    "person password",
    "policy off",
    "policy on",
    "policy set",
    "policy show",
    "policy unset",
    "release create",
    "release export",
    "release list",
    "release publish",
    "release revoke",
    "release show",
    "release withdraw",
    "rollout create",
    "rollout list",
    "rollout pause",
    "rollout resume",
    "rollout show",
    "rollout start",
    "rollout stop",
    "serve",
    "terminal add",
    "terminal assign",
    "terminal explain",
    "terminal list",
    "terminal retire",
    "terminal revoke-tokens",
    "terminal rotate-token",
    "terminal show",
    "token create",
    "token list",
    "token revoke",
]
