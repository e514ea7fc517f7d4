"""`evertill action`: one terminal, one release."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertill.server.doors.command.line import Answer, Parser, Verbs, number

if TYPE_CHECKING:
    import argparse

    from evertill.server.doors.command.line import Call


def declare(noun: str, nouns: argparse._SubParsersAction[Parser]) -> None:
    parser = nouns.add_parser(noun, help="actions")
    verbs = Verbs(noun, parser.add_subparsers(required=True, metavar="VERB", parser_class=Parser))
    verbs.add("show", "its state and history, newest first", show).add_argument("id", type=number, metavar="ID")
    cancel_verb = verbs.add("cancel", "take it back; a device that has it is asked first", cancel)
    cancel_verb.add_argument("id", type=number, metavar="ID")
    cancel_verb.add_argument("--force", action="store_true", help="close it without the device's answer")


def show(call: Call) -> Answer:
    from evertill.server.rooms.accounts import access
    from evertill.server.rooms.accounts.rules import Operation
    from evertill.server.rooms.rollouts import queries
    from evertill.server.rooms.rollouts.states import State

    action = queries.by_id(call.words.id)
    access.require(call.by, Operation.VIEW, action.terminal.node)
    history = [{"type": row.type, "messages": row.messages, "at": row.at} for row in queries.history(action.pk)]
    data = {
        "id": action.pk,
        "terminal": action.terminal.serial,
        "release": action.release_id,
        "state": action.state,
        "verified": action.verified_at is not None,
        "verified_at": action.verified_at,
        "history": history,
        "recovery": action.release.recovery,
    }
    lines = [f"action {action.pk}: {action.terminal.serial}, release {action.release_id}, {action.state}"]
    lines += [
        f"{row['at']:%Y-%m-%d %H:%M:%S}  {row['type']:22} {'; '.join(map(str, row['messages']))}" for row in history
    ]
    if action.state == State.ERROR:
        lines += [f"if it goes wrong ({code}): {text}" for code, text in action.release.recovery.items()]
    return Answer(data, lines)


def cancel(call: Call) -> Answer:
    from evertill.server.rooms.rollouts import service

    action = service.cancel(call.words.id, call.by, call.now, force=call.words.force)
    return Answer({"id": action.pk, "state": action.state}, [f"Action {action.pk} is {action.state}."])
