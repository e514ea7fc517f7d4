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


def main(argv: list[str] | None = None) -> None:
    words = sys.argv[1:] if argv is None else argv
    sys.exit(run(words))


def run(words: list[str]) -> int:
    """One command. Answers its exit code."""
    parser = Parser(prog="evertill", description="An open terminal management system for payment terminals.")
    nouns = parser.add_subparsers(dest="noun", required=True, metavar="|".join(NOUNS), parser_class=Parser)
    named = words[0] if words and words[0] in NOUNS else None
    for noun, module in NOUNS.items():
        if named in {None, noun}:
            importlib.import_module(f"evertill.server.doors.command.{module}").declare(noun, nouns)
    call = Call(parser.parse_args(words))
    try:
        return _answer(call)
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except RefusedError as refused:
        return say_refusal(refused.code, str(refused), refused.next_step)


def _answer(call: Call) -> int:
    if call.words.needs is Needs.INSTALLATION:
        call.open()
    elif call.words.needs is Needs.NOTHING:
        call.open_nothing()
    from evertill.server.rooms.kernel.errors import Refused

    try:
        say(call.words.run(call), as_json=call.words.json)
    except Refused as refused:
        return say_refusal(refused.code, str(refused), refused.todo)
    return 0
