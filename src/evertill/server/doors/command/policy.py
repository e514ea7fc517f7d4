"""`evertill policy`: when and whether, at a node of the tree or one terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from evertill.server.doors.command.keys import moment
from evertill.server.doors.command.line import Answer, Parser, Verbs

if TYPE_CHECKING:
    import argparse

    from evertill.server.doors.command.line import Call
    from evertill.server.rooms.fleet.models import Terminal
    from evertill.server.rooms.organisations.models import Node

TARGET = "TARGET"
TARGET_HELP = "a terminal's serial, or a node: OPERATOR/agent/merchant/store"


def declare(noun: str, nouns: argparse._SubParsersAction[Parser]) -> None:
    parser = nouns.add_parser(noun, help="policies")
    verbs = Verbs(noun, parser.add_subparsers(required=True, metavar="VERB", parser_class=Parser))
    verbs.add("show", "every field in force there, and where it comes from", show).add_argument(
        "target", metavar=TARGET, help=TARGET_HELP
    )
    set_verb = verbs.add("set", "set one field there", set_field)
    set_verb.add_argument("target", metavar=TARGET, help=TARGET_HELP)
    set_verb.add_argument("field", metavar="FIELD")
    set_verb.add_argument("value", metavar="VALUE", help="JSON; a plain word is taken as text")
    set_verb.add_argument("--mandated", action="store_true", help="nobody below can set it otherwise")
    unset = verbs.add("unset", "back to what is inherited", unset_field)
    unset.add_argument("target", metavar=TARGET, help=TARGET_HELP)
    unset.add_argument("field", metavar="FIELD")
    off = verbs.add("off", "automatic updates off (永不): the merchant's own switch", switch_off)
    on = verbs.add("on", "automatic updates on again", switch_on)
    for verb in (off, on):
        verb.add_argument("target", metavar=TARGET, help=TARGET_HELP)
    for verb in (set_verb, unset, off, on):
        verb.add_argument("--reason", default="", metavar="TEXT")
    for verb in (set_verb, off):
        verb.add_argument("--until", type=moment, metavar="DATE", help="then it falls back to what is inherited")


def show(call: Call) -> Answer:
    from evertill.server.rooms.accounts import access
    from evertill.server.rooms.accounts.rules import Operation
    from evertill.server.rooms.policies.targets import Target

    target = Target.of(_where(call.words.target))
    access.require(call.by, Operation.VIEW, target.node)
    fields = target.effective(call.now).fields
    data = {
        name: {"value": each.value, "origin": each.origin, "mandated": each.mandated}
        for name, each in sorted(fields.items())
    }
    lines = [
        f"{name:24} {_short(each['value']):32} {each['origin']}{', mandated' if each['mandated'] else ''}"
        for name, each in data.items()
    ]
    return Answer({"target": target.ref, "fields": data}, lines)


def set_field(call: Call) -> Answer:
    words = call.words
    return _set(call, words.field, _value(words.value), mandated=words.mandated)


def unset_field(call: Call) -> Answer:
    from evertill.server.rooms.policies import service

    words = call.words
    service.unset_field(_where(words.target), words.field, call.by, call.now, reason=words.reason)
    return Answer(
        {"target": words.target, "field": words.field}, [f"{words.field} of {words.target} is inherited again."]
    )


def switch_off(call: Call) -> Answer:
    return _set(call, "mode", "never")


def switch_on(call: Call) -> Answer:
    return _set(call, "mode", "automatic")


def _set(call: Call, field: str, value: Any, *, mandated: bool = False) -> Answer:
    from evertill.server.rooms.policies import service

    words = call.words
    service.set_field(
        _where(words.target),
        field,
        value,
        call.by,
        call.now,
        reason=words.reason,
        mandated=mandated,
        ends_at=getattr(words, "until", None),
    )
    return Answer(
        {"target": words.target, "field": field, "value": value}, [f"{field} of {words.target} is {_short(value)}."]
    )


def _where(target: str) -> Node | Terminal:
    """A node by its address, else a terminal by its serial. Raises `NodeUnknown`, `TerminalUnknown`."""
    from evertill.server.rooms.fleet import queries as fleet
    from evertill.server.rooms.organisations import queries as organisations

    if "/" in target or target == organisations.operator().address:
        return organisations.by_address(target)
    return fleet.by_serial(target)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
