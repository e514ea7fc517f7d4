"""`evertill model|gateway-token|door`: what stands around terminals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertill.server.doors.command.line import Answer, Parser, Verbs

if TYPE_CHECKING:
    import argparse

    from evertill.server.doors.command.line import Call


def declare(noun: str, nouns: argparse._SubParsersAction[Parser]) -> None:
    parser = nouns.add_parser(noun, help=noun)
    verbs = Verbs(noun, parser.add_subparsers(required=True, metavar="VERB", parser_class=Parser))
    declarations = {
        "model": _declare_model,
        "gateway-token": _declare_gateway_token,
        "door": _declare_door,
    }
    declarations[noun](verbs)


def _declare_model(verbs: Verbs) -> None:
    add = verbs.add("add", "add a model of terminal", add_model)
    add.add_argument("name", metavar="NAME")
    add.add_argument("--hardware", nargs="+", default=[], metavar="R", help="known hardware revisions")
    add.add_argument("--proof", default="", metavar="P", help="versions, after_restart, reported or attribute:KEY")


def _declare_gateway_token(verbs: Verbs) -> None:
    for verb, summary, run in (
        ("create", "make a gateway token, shown once", create_gateway_token),
        ("revoke", "end a gateway token", revoke_gateway_token),
    ):
        verbs.add(verb, summary, run).add_argument("name", metavar="NAME")


def _declare_door(verbs: Verbs) -> None:
    registration = verbs.add("registration", "let unknown serials with a gateway token in, or not", set_registration)
    registration.add_argument("switch", choices=["on", "off"])
    registration.add_argument("--at", default="", metavar="NODE", help="where they are put (else the operator)")


def add_model(call: Call) -> Answer:
    from evertill.server.rooms.fleet import service

    model = service.add_model(call.words.name, call.words.hardware, call.by, call.now, call.words.proof)
    return Answer({"name": model.name, "hardware": model.hardware}, [f"Model {model.name} is there."])


def create_gateway_token(call: Call) -> Answer:
    from evertill.server.rooms.fleet import service

    token = service.create_gateway_token(call.words.name, call.by, call.now)
    return Answer({"name": call.words.name, "token": token}, [token])


def revoke_gateway_token(call: Call) -> Answer:
    from evertill.server.rooms.fleet import service

    service.revoke_gateway_token(call.words.name, call.by, call.now)
    return Answer({"name": call.words.name}, [f"{call.words.name} opens nothing any more."])


def set_registration(call: Call) -> Answer:
    from evertill.server.rooms.fleet import service

    allowed = call.words.switch == "on"
    service.set_registration(allowed, call.words.at, call.by, call.now)
    return Answer({"allowed": allowed}, [f"Registration is {call.words.switch}."])
