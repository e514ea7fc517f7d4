"""`evertill …`: finds the noun, hands the words to its module, and turns what comes back into output and an exit code."""

from __future__ import annotations

import importlib
import os
import sys

from evertill.server.doors.command.line import Call, Needs, Parser, RefusedError, say, say_refusal

NOUNS = {
    "init": "install",
    "serve": "install",
    "keys": "keys",
    "bundle": "bundle",
    "release": "release",
    "node": "people",
    "person": "people",
    "token": "people",
    "model": "fleet",
    "terminal": "terminal",
    "gateway-token": "fleet",
    "door": "fleet",
    "action": "action",
    "policy": "policy",
    "rollout": "rollout",
    "demo": "demo",
}

INTERRUPTED = 130  # as shells say it: 128 + SIGINT


def main(argv: list[str] | None = None) -> None:
    words = sys.argv[1:] if argv is None else argv
    sys.exit(run(words))


def run(words: list[str]) -> int:
    """One command. Answers its exit code."""
    parser = parser_for(words)
    if any("\udc80" <= sign <= "\udcff" for word in words for sign in word):  # how Python keeps what is not UTF-8
        parser.error("a word is not UTF-8")
    call = Call(parser.parse_args(words))
    try:
        return _answer(call)
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except RefusedError as refused:
        return say_refusal(refused.code, str(refused), refused.next_step)
    except OSError as unusable:
        return say_refusal("FILE_UNUSABLE", f"{unusable.filename or 'The system'}: {unusable.strerror}.", "")
    except EOFError:
        return say_refusal(
            "NOBODY_ANSWERS", "A question was asked and nobody is there to answer it.", "Type it at a terminal."
        )
    except KeyboardInterrupt:
        return INTERRUPTED


def parser_for(words: list[str]) -> Parser:
    """The whole tree of commands; where the words begin with a noun, that branch alone, because importing all of them takes time."""
    parser = Parser(prog="evertill", description="An open terminal management system for payment terminals.")
    nouns = parser.add_subparsers(dest="noun", required=True, metavar="|".join(NOUNS), parser_class=Parser)
    named = words[0] if words and words[0] in NOUNS else None
    for noun, module in NOUNS.items():
        if named in {None, noun}:
            importlib.import_module(f"evertill.server.doors.command.{module}").declare(noun, nouns)
    return parser


def _answer(call: Call) -> int:
    if call.words.needs is Needs.INSTALLATION:
        call.open()
    elif call.words.needs is Needs.NOTHING:
        call.open_nothing()
    from django.db import OperationalError

    from evertill.server.rooms.kernel.errors import Refused

    try:
        say(call.words.run(call), as_json=call.words.json)
    except Refused as refused:
        return say_refusal(refused.code, str(refused), refused.todo)
    except OperationalError as unavailable:
        problem = str(unavailable).strip().partition("\n")[0]
        return say_refusal("DATABASE_UNAVAILABLE", f"The database says: {problem}.", "Try again in a minute.")
    return 0
