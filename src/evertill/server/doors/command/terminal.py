"""`evertill terminal`: adding, showing and assigning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.provision import encode_provision, parse_provision
from evertill.server.doors.command.line import Answer, Parser, RefusedError, Verbs, check_writable, number, read_text
from evertill.server.rooms.kernel.storage import write_whole

if TYPE_CHECKING:
    import argparse

    from evertill.server.doors.command.line import Call


def declare(noun: str, nouns: argparse._SubParsersAction[Parser]) -> None:
    parser = nouns.add_parser(noun, help="terminals")
    verbs = Verbs(noun, parser.add_subparsers(required=True, metavar="VERB", parser_class=Parser))
    add = verbs.add("add", "add a terminal; its token is shown once", add_terminal)
    add.add_argument("--serial", required=True, metavar="S")
    add.add_argument("--token", default="", metavar="T", help="else one is made")
    add.add_argument("--model", default="", metavar="M")
    add.add_argument("--hardware-revision", default="", metavar="R")
    add.add_argument("--client", choices=["evertill", "ddi"], default="evertill")
    add.add_argument("--at", default="", metavar="NODE", help="else the operator")
    add.add_argument("--name", default="", metavar="TEXT")
    add.add_argument("--provision", metavar="FILE", help="write what the terminal needs to find and trust its operator")
    add.add_argument("--url", metavar="URL", help="how the terminal reaches this server, for --provision")
    add.add_argument("--ca", metavar="FILE", help="the operator's certificate authority, for --provision")
    add.add_argument(
        "--plain-http", action="store_true", help="the network itself protects the link to this server, for --provision"
    )
    add.add_argument("--power", choices=["none", "systemd"], default="none", help="may the terminal switch itself off?")
    listing = verbs.add("list", "terminals by serial, a page at a time", list_terminals)
    listing.add_argument("--at", default="", metavar="NODE")
    listing.add_argument("--search", default="", metavar="TEXT")
    listing.add_argument("--after", default="", metavar="SERIAL", help="the last serial of the page before")
    for verb, summary, run in (
        ("show", "one terminal: where it is, what it says of itself", show),
        ("rotate-token", "a new token; the old one works for seven more days", rotate_token),
        ("revoke-tokens", "shut the door for it at once", revoke_tokens),
        ("retire", "take it out of service for good", retire),
    ):
        verbs.add(verb, summary, run).add_argument("serial", metavar="SERIAL")
    explaining = verbs.add("explain", "why it is not updating: reason, what to do, when next", explain)
    explaining.add_argument("serial", metavar="SERIAL")
    explaining.add_argument("--zh", action="store_true", help="in 中文, as the merchant reads it")
    assign = verbs.add("assign", "give a terminal a release; prints the action's id", assign_release)
    assign.add_argument("serial", metavar="SERIAL")
    assign.add_argument("release", type=number, metavar="RELEASE")
    assign.add_argument(
        "--type",
        choices=["soft", "forced", "downloadonly"],
        default="soft",
        help="hawkBit's word; forced skips consent, never 永不",
    )


def add_terminal(call: Call) -> Answer:
    from evertill.server.rooms.fleet import service
    from evertill.server.rooms.fleet.rules import Client

    words = call.words
    if words.provision:
        check_writable(words.provision)
        _provision(call, "not-the-token-yet")  # whatever is wrong with it is said before anything is added
    new = service.NewTerminal(
        serial=words.serial,
        at=words.at,
        model=words.model,
        hardware_revision=words.hardware_revision,
        client=Client(words.client),
        name=words.name,
        token=words.token,
    )
    terminal, token = service.add_terminal(new, call.by, call.now)
    if not words.provision:
        return Answer({"serial": terminal.serial, "token": token}, [f"{terminal.serial}: token {token}"])
    write_whole(Path(words.provision), _provision(call, token), mode=0o600)
    said = f"{terminal.serial}: give {words.provision} to the terminal, and to nobody else."
    return Answer({"serial": terminal.serial, "provision": words.provision}, [said])


def _provision(call: Call, token: str) -> bytes:
    """What the terminal must know before its first call. Raises `RefusedError`, `NodeUnknown`, `TrustNotInitialised`."""
    from evertill.server.rooms.catalog import place
    from evertill.server.rooms.organisations import queries as organisations

    words = call.words
    if not (words.url and words.model):
        message = "A provision file says where the server is and what the device is."
        raise RefusedError("PROVISION_INCOMPLETE", message, "Write --url URL --model M.")
    node = organisations.by_address(words.at) if words.at else organisations.operator()
    merchant = organisations.merchant_of(node)
    said = {
        "url": words.url,
        "tenant": organisations.operator().slug,
        "serial": words.serial,
        "token": token,
        "merchant_id": merchant.pk if merchant else None,
        "node": node.address,
        "time_zone": organisations.time_zone_of(node),
        "model": words.model,
        "hardware_revision": words.hardware_revision,
        "ca_pem": read_text(words.ca) if words.ca else None,
        "root": json.loads(place.repository().first_root()),
        "power": words.power,
        "plain_http": words.plain_http,
    }
    try:
        return encode_provision(parse_provision(json.dumps(said).encode()))
    except ProtocolRefused as refused:
        raise RefusedError(refused.code, refused.text("en"), refused.next_step("en")) from None


def list_terminals(call: Call) -> Answer:
    from evertill.server.rooms.accounts import access
    from evertill.server.rooms.fleet import queries
    from evertill.server.rooms.organisations import queries as organisations

    words = call.words
    nodes = access.visible_nodes(call.by)
    if words.at:
        wanted = organisations.by_address(words.at)
        nodes = [wanted] if any(organisations.contains(node, wanted) for node in nodes) else []
    rows = queries.page(nodes, queries.Filters(search=words.search), after_serial=words.after)
    data = [
        {"serial": row.serial, "name": row.name, "node": row.node.address, "client": row.client, "state": row.state}
        for row in rows
    ]
    return Answer(data, [f"{row.serial:24} {row.node.address}  {row.client}  {row.name}" for row in rows])


def show(call: Call) -> Answer:
    from evertill.server.rooms.accounts import access
    from evertill.server.rooms.accounts.rules import Operation
    from evertill.server.rooms.fleet import queries
    from evertill.server.rooms.rollouts import queries as rollouts

    terminal = queries.by_serial(call.words.serial)
    access.require(call.by, Operation.VIEW, terminal.node)
    data: dict[str, Any] = {
        "serial": terminal.serial,
        "name": terminal.name,
        "node": terminal.node.address,
        "client": terminal.client,
        "state": terminal.state,
        "model": terminal.model.name if terminal.model else None,
        "hardware_revision": terminal.hardware_revision,
        "last_seen": queries.last_seen([terminal.pk]).get(terminal.pk),
        "attributes": queries.attributes(terminal.pk),
        "actions": [
            {"id": action.pk, "release": action.release_id, "state": action.state}
            for action in rollouts.actions_of(terminal.pk)
        ],
    }
    lines = [f"{name}: {value}" for name, value in data.items() if not isinstance(value, dict | list)]
    lines += [f"  {key} = {value}" for key, value in data["attributes"].items()]
    lines += [f"action {action['id']}: release {action['release']}, {action['state']}" for action in data["actions"]]
    return Answer(data, lines)


def explain(call: Call) -> Answer:
    from evertill.server.rooms.accounts import access
    from evertill.server.rooms.accounts.rules import Operation
    from evertill.server.rooms.fleet import queries
    from evertill.server.rooms.rollouts.explaining import explain as in_words

    terminal = queries.by_serial(call.words.serial)
    access.require(call.by, Operation.VIEW, terminal.node)
    found = in_words(terminal.serial, call.now, "zh" if call.words.zh else "en")
    data = [
        {
            "release": each.release.pk,
            "version": each.release.version,
            "action": each.action.pk if each.action else None,
            "explanation": msgspec.to_builtins(each.explanation),
            "next_try_at": each.decision.next_try_at,
        }
        for each in found
    ]
    texts = [f"{each.release.name} {each.release.version}: {each.explanation.as_text()}" for each in found]
    return Answer(data, texts or ["There is nothing to install."])


def rotate_token(call: Call) -> Answer:
    from evertill.server.rooms.fleet import service

    token = service.rotate_token(call.words.serial, call.by, call.now)
    return Answer({"serial": call.words.serial, "token": token}, [token])


def revoke_tokens(call: Call) -> Answer:
    from evertill.server.rooms.fleet import service

    service.revoke_tokens(call.words.serial, call.by, call.now)
    return Answer({"serial": call.words.serial}, [f"No token opens the door of {call.words.serial} any more."])


def retire(call: Call) -> Answer:
    from evertill.server.rooms.fleet import service

    service.retire(call.words.serial, call.by, call.now)
    return Answer({"serial": call.words.serial, "state": "retired"}, [f"{call.words.serial} is retired."])


def assign_release(call: Call) -> Answer:
    from evertill.server.rooms.rollouts import service
    from evertill.server.rooms.rollouts.states import Kind

    words = call.words
    options = service.AssignOptions(kind=Kind(words.type))
    action = service.assign(words.serial, words.release, call.by, call.now, options=options)
    return Answer({"action": action.pk}, [str(action.pk)])
