"""What every command shares: words of the command line, who acts, and how answers and refusals are written.

Exit codes: 0 done; 1 refused, with code, sentence and next step on stderr; 2 wrong usage, with one sentence saying what to write.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from evertill.server import configuration

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from evertill.server.rooms.accounts.access import Identity

REFUSED, WRONG_USAGE = 1, 2
LARGEST_ID = 2**31 - 1


class Needs(Enum):
    """What a command stands on."""

    INSTALLATION = auto()
    NOTHING = auto()
    EMPTY_FOLDER = auto()  # it lays out an installation, and opens it itself


class RefusedError(Exception):
    """A refusal from outside the rooms (a file that is not there, a folder without an installation)."""

    def __init__(self, code: str, message: str, next_step: str = "") -> None:
        super().__init__(message)
        self.code, self.next_step = code, next_step


class Parser(argparse.ArgumentParser):
    """Says in one sentence what was wrong and what to write instead."""

    def error(self, message: str) -> NoReturn:
        usage = " ".join(self.format_usage().removeprefix("usage: ").split())
        self.exit(WRONG_USAGE, f"{self.prog}: {message}; write: {usage}\n")


@dataclass
class Answer:
    """What a read or a command has to say: `data` for --json, `lines` for people."""

    data: Any
    lines: Sequence[str]


@dataclass
class Call:
    """One typed command: its arguments, and the installation it works on once `open` was called."""

    words: argparse.Namespace

    @property
    def data(self) -> Path:
        return Path(self.words.data or configuration.default_data())

    def open(self) -> None:
        """Starts Django for this installation. Raises `RefusedError` where there is none."""
        from evertill.server import composition

        try:
            configuration.load(self.data)
        except configuration.NotInstalledError as missing:
            raise RefusedError("NOT_INSTALLED", str(missing)) from None
        except configuration.SettingsInvalidError as problem:
            raise RefusedError("SETTINGS_INVALID", str(problem)) from None
        from django.core.exceptions import ImproperlyConfigured

        try:
            composition.start(self.data, self.words.database)
        except ImproperlyConfigured as unknown:
            raise RefusedError("DATABASE_URL_INVALID", f"{unknown}.") from None
        from django.utils import translation

        translation.activate("en")

    def open_nothing(self) -> None:
        """Lets rooms' refusals speak where no installation is."""
        from django.conf import settings

        settings.configure(USE_I18N=False)

    @property
    def now(self) -> datetime:
        from evertill.server.rooms.kernel.clock import system_clock

        return system_clock()

    @property
    def by(self) -> Identity:
        """The person named by --as, EVERTILL_AS, or the installation's first admin."""
        from evertill.server.rooms.accounts.access import Identity
        from evertill.server.rooms.accounts.service import find_person
        from evertill.server.rooms.audit.actor import os_user

        login = self.words.as_login or os.environ.get("EVERTILL_AS") or configuration.load(self.data).admin
        return Identity.of_person(find_person(login), os_user())


class Verbs:
    """The verbs of one noun, declared one by one."""

    def __init__(self, noun: str, parsers: argparse._SubParsersAction[Parser]) -> None:
        self._noun, self._parsers = noun, parsers

    def add(
        self, verb: str, summary: str, run: Callable[[Call], Answer | None], needs: Needs = Needs.INSTALLATION
    ) -> Parser:
        """A verb, with the words that every command takes."""
        parser = self._parsers.add_parser(verb, help=summary, description=summary)
        shared_words(parser)
        parser.set_defaults(run=run, needs=needs)
        return parser


def number(text: str) -> int:
    """The id of a release, an action, a rollout or a token, as typed. Raises `ArgumentTypeError`, which the parser turns into a sentence."""
    if not (text.isascii() and text.isdecimal() and 0 < int(text) <= LARGEST_ID):
        raise argparse.ArgumentTypeError(f"{text} is no number of anything")
    return int(text)


def shared_words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", metavar="DIR", help="the installation's folder (else EVERTILL_DATA)")
    parser.add_argument(
        "--database", metavar="URL", help="PostgreSQL instead of the folder's SQLite (else EVERTILL_DATABASE)"
    )
    parser.add_argument(
        "--as", dest="as_login", metavar="LOGIN", help="who acts (else EVERTILL_AS, else the first admin)"
    )
    parser.add_argument("--json", action="store_true", help="answer in JSON")


def say(answer: Answer | None, *, as_json: bool) -> None:
    if answer is None:
        return
    if as_json:
        json.dump(answer.data, sys.stdout, ensure_ascii=False, indent=2, default=str)
        sys.stdout.write("\n")
        return
    for line in answer.lines:
        sys.stdout.write(f"{line}\n")


def say_refusal(code: str, message: str, next_step: str) -> int:
    sys.stderr.write(f"{code}: {message}" + (f" {next_step}" if next_step else "") + "\n")
    return REFUSED


def read_secret_file(path: str) -> str:
    """The first line of a file that holds a password or passphrase. Raises `RefusedError`."""
    return read_text(path).split("\n", 1)[0]


def check_writable(path: str) -> None:
    """Before an act whose result goes into a file: nothing is done that could not be written down. Raises `RefusedError`."""
    folder = Path(path).resolve().parent
    if not (folder.is_dir() and os.access(folder, os.W_OK)):
        raise RefusedError("FILE_UNWRITABLE", f"{path} cannot be written.", "Name a folder that is there and yours.")


def read_text(path: str) -> str:
    """Raises `RefusedError` where the file cannot be read."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as unreadable:
        reason = getattr(unreadable, "strerror", None) or "it is not text"
        raise RefusedError("FILE_UNREADABLE", f"{path} cannot be read: {reason}.") from None
