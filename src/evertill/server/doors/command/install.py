"""`evertill init` and `evertill serve`: laying out an installation and running it."""

from __future__ import annotations

import ipaddress
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from evertill.server import configuration
from evertill.server.doors.command.line import Answer, Needs, RefusedError, read_secret_file, shared_words

if TYPE_CHECKING:
    import argparse

    from evertill.server.doors.command.line import Call, Parser


def declare(noun: str, nouns: argparse._SubParsersAction[Parser]) -> None:
    {"init": _declare_init, "serve": _declare_serve}[noun](nouns)


def _declare_init(nouns: argparse._SubParsersAction[Parser]) -> None:
    parser = nouns.add_parser(
        "init", help="lay out an installation", description="Lay out an installation for one operator."
    )
    shared_words(parser)
    parser.add_argument(
        "--operator", required=True, metavar="SLUG", help="short name; it stands in every device's address"
    )
    parser.add_argument("--admin", required=True, metavar="USER", help="login of the first person")
    parser.add_argument("--password-file", required=True, metavar="FILE")
    parser.add_argument("--name-zh", default="", metavar="TEXT")
    parser.add_argument("--name-en", default="", metavar="TEXT")
    parser.add_argument("--with-keys", metavar="DIR", help="also make signing keys there, for a trial")
    parser.add_argument("--solo", action="store_true", help="one offline key instead of three: for trials only")
    parser.set_defaults(run=init, needs=Needs.EMPTY_FOLDER)


def _declare_serve(nouns: argparse._SubParsersAction[Parser]) -> None:
    parser = nouns.add_parser("serve", help="run the server", description="Run the web process and the worker.")
    shared_words(parser)
    parser.add_argument("--port", type=int, required=True, metavar="N")
    parser.add_argument("--host", default="127.0.0.1", metavar="H")
    parser.add_argument("--tls-cert", metavar="F")
    parser.add_argument("--tls-key", metavar="F")
    parser.add_argument("--insecure", action="store_true", help="allow plain HTTP beyond this machine")
    parser.add_argument("--only", choices=["device", "console", "worker"], default="")
    parser.add_argument(
        "--trusted-proxy", action="append", default=[], metavar="CIDR", help="whose X-Forwarded headers count"
    )
    parser.set_defaults(run=serve, needs=Needs.INSTALLATION)


def init(call: Call) -> Answer:
    words = call.words
    password = read_secret_file(words.password_file)
    try:
        configuration.create(call.data, words.operator, admin=words.admin)
    except configuration.AlreadyInstalledError as exists:
        raise RefusedError("ALREADY_INSTALLED", str(exists)) from None
    try:
        call.open()
        _fill(call, password)
        if words.with_keys:
            _make_keys(call)
    except BaseException:
        configuration.remove(call.data)
        raise
    return Answer(
        {"data": str(call.data), "operator": words.operator}, [f"{words.operator} is laid out in {call.data}."]
    )


def _fill(call: Call, password: str) -> None:
    from django.core.management import call_command
    from django.db import transaction

    from evertill.server.rooms.accounts import service as accounts
    from evertill.server.rooms.accounts.access import Identity
    from evertill.server.rooms.accounts.rules import Role
    from evertill.server.rooms.audit.actor import Actor, os_user
    from evertill.server.rooms.kernel.errors import Refused
    from evertill.server.rooms.organisations import service as tree

    words, now = call.words, call.now
    call_command("migrate", verbosity=0)
    installer = Identity(Actor("system", "init", os_user()))
    names = tree.NodeNames(words.name_zh or words.operator, words.name_en or words.operator)
    try:
        with transaction.atomic():
            tree.create_operator(words.operator, names, installer.actor, now)
            accounts.add_person(words.admin, password, Role.OPERATOR_ADMIN, words.operator, installer, now)
    except Refused as refused:
        raise RefusedError(refused.code, str(refused), refused.todo) from None


def _make_keys(call: Call) -> None:
    from evertill.server.doors.command.keys import make_keys
    from evertill.server.rooms.kernel.errors import Refused

    try:
        make_keys(call, Path(call.words.with_keys), solo=call.words.solo)
    except Refused as refused:
        raise RefusedError(refused.code, str(refused), refused.todo) from None


def serve(call: Call) -> None:
    from django.core.management import call_command

    from evertill.server.processes import serve as watching

    words = call.words
    if bool(words.tls_cert) != bool(words.tls_key):
        raise RefusedError(
            "TLS_HALF", "A certificate and its key come together.", "Write --tls-cert FILE --tls-key FILE."
        )
    if not (words.tls_cert or words.insecure or _is_loopback(words.host)):
        message = f"Plain HTTP on {words.host} would carry tokens in the clear."
        raise RefusedError("PLAIN_HTTP", message, "Give --tls-cert and --tls-key, or --insecure if you know why.")
    _refuse_keys_at_hand(call.data)
    os.environ["EVERTILL_TRUSTED_PROXIES"] = " ".join(str(ipaddress.ip_network(cidr)) for cidr in words.trusted_proxy)
    call_command("migrate", verbosity=0)
    tls = (words.tls_cert, words.tls_key) if words.tls_cert else None
    watching.watch(watching.children(words.host, words.port, words.only, tls))


def _is_loopback(host: str) -> bool:
    try:
        addresses = {info[4][0] for info in socket.getaddrinfo(host, None)}
    except socket.gaierror:
        raise RefusedError(
            "HOST_UNKNOWN", f"{host} is no address of this machine.", "Write --host 127.0.0.1."
        ) from None
    return all(ipaddress.ip_address(address).is_loopback for address in addresses)


def _refuse_keys_at_hand(data: Path) -> None:
    """Offline keys on the server would make a stolen server able to sign (design §5)."""
    from evertill.server.rooms.catalog.trust.keys import offline_keys_under

    found = offline_keys_under(data)
    if found:
        message = f"Offline signing keys lie in the data folder: {found[0].parent}."
        raise RefusedError("KEYS_ON_SERVER", message, "Move them away; the server must never hold them.")
