"""`evertill node|person|token`: the tree, people and API tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertill.server.doors.command.line import Answer, Parser, Verbs, number, read_secret_file

if TYPE_CHECKING:
    import argparse

    from evertill.server.doors.command.line import Call


def declare(noun: str, nouns: argparse._SubParsersAction[Parser]) -> None:
    parser = nouns.add_parser(noun, help=f"{noun}s")
    verbs = Verbs(noun, parser.add_subparsers(required=True, metavar="VERB", parser_class=Parser))
    {"node": _declare_node, "person": _declare_person, "token": _declare_token}[noun](verbs)


def _declare_node(verbs: Verbs) -> None:
    add = verbs.add("add", "add an organisation to the tree", add_node)
    add.add_argument("path", metavar="PATH", help="OPERATOR/agent/merchant/store")
    add.add_argument("--kind", required=True, choices=["agent", "merchant", "store"])
    add.add_argument("--name-zh", required=True, metavar="TEXT")
    add.add_argument("--name-en", required=True, metavar="TEXT")
    add.add_argument("--time-zone", default="", metavar="ZONE")
    add.add_argument("--merchant-no", default="", metavar="NUMBER")
    verbs.add("list", "show the tree", list_nodes)


def _declare_person(verbs: Verbs) -> None:
    from evertill.server.rooms.accounts.rules import Role

    roles = [role.value for role in Role]
    add = verbs.add("add", "add a person with one role", add_person)
    add.add_argument("login", metavar="LOGIN")
    add.add_argument("--role", required=True, choices=roles)
    add.add_argument("--at", required=True, metavar="NODE")
    add.add_argument("--password-file", required=True, metavar="FILE")
    grant = verbs.add("grant", "give a person one more role", grant_role)
    grant.add_argument("login", metavar="LOGIN")
    grant.add_argument("--role", required=True, choices=roles)
    grant.add_argument("--at", required=True, metavar="NODE")
    password = verbs.add("password", "set a new password; it ends every session", set_password)
    password.add_argument("login", metavar="LOGIN")
    password.add_argument("--password-file", required=True, metavar="FILE")
    close = verbs.add("close", "somebody leaves: no sign-in, token or role of theirs counts any more", close_person)
    close.add_argument("login", metavar="LOGIN")
    verbs.add("list", "everybody, and what they may do where", list_people)


def _declare_token(verbs: Verbs) -> None:
    from evertill.server.rooms.accounts.rules import SCOPES

    create = verbs.add("create", "make an API token in a person's name, shown once", create_token)
    create.add_argument("--for", dest="person", metavar="LOGIN", help="whose (else whoever acts)")
    create.add_argument("--scope", required=True, metavar="|".join(SCOPES))
    verbs.add("revoke", "shut the door for a token at once", revoke_token).add_argument("id", type=number, metavar="ID")
    verbs.add("list", "every token, newest first, without its secret", list_tokens)


def add_node(call: Call) -> Answer:
    from evertill.server.rooms.accounts import service
    from evertill.server.rooms.organisations.rules import Kind
    from evertill.server.rooms.organisations.service import NodeNames

    words = call.words
    node = service.add_node(
        words.path,
        Kind(words.kind),
        NodeNames(words.name_zh, words.name_en),
        call.by,
        call.now,
        time_zone=words.time_zone,
        merchant_no=words.merchant_no,
    )
    return Answer({"id": node.pk, "address": node.address}, [f"{node.address} is there."])


def list_nodes(call: Call) -> Answer:
    from evertill.server.rooms.accounts import access
    from evertill.server.rooms.organisations import queries

    nodes = [node for top in access.visible_nodes(call.by) for node in queries.subtree(top)]
    rows = [
        {
            "address": node.address,
            "kind": node.kind,
            "name_zh": node.name_zh,
            "name_en": node.name_en,
            "time_zone": node.time_zone,
        }
        for node in nodes
    ]
    return Answer(
        rows, [f"{'  ' * (node.depth - 1)}{node.slug}  {node.name_zh} / {node.name_en} ({node.kind})" for node in nodes]
    )


def add_person(call: Call) -> Answer:
    from evertill.server.rooms.accounts import service
    from evertill.server.rooms.accounts.rules import Role

    words = call.words
    password = read_secret_file(words.password_file)
    person = service.add_person(words.login, password, Role(words.role), words.at, call.by, call.now)
    return Answer({"login": person.login}, [f"{person.login} may now act as {words.role} at {words.at}."])


def grant_role(call: Call) -> Answer:
    from evertill.server.rooms.accounts import service
    from evertill.server.rooms.accounts.rules import Role

    words = call.words
    service.grant(words.login, Role(words.role), words.at, call.by, call.now)
    return Answer({"login": words.login}, [f"{words.login} may now act as {words.role} at {words.at}."])


def set_password(call: Call) -> Answer:
    from evertill.server.rooms.accounts import service

    words = call.words
    service.set_password(words.login, read_secret_file(words.password_file), call.by, call.now)
    return Answer({"login": words.login}, [f"{words.login} has a new password."])


def close_person(call: Call) -> Answer:
    from evertill.server.rooms.accounts import service

    service.close_person(call.words.login, call.by, call.now)
    return Answer({"login": call.words.login, "active": False}, [f"{call.words.login} may do nothing any more."])


def list_people(call: Call) -> Answer:
    from evertill.server.rooms.accounts import access, queries
    from evertill.server.rooms.accounts.rules import Operation
    from evertill.server.rooms.organisations import queries as organisations

    access.require(call.by, Operation.PEOPLE_EDIT, organisations.operator())
    rows = [
        {
            "login": person.login,
            "active": person.is_active,
            "roles": [{"role": grant.role, "at": grant.node.address} for grant in grants],
        }
        for person, grants in queries.people()
    ]
    lines = [
        f"{person.login}{'' if person.is_active else ' (closed)'}  "
        + ", ".join(f"{grant.role} at {grant.node.address}" for grant in grants)
        for person, grants in queries.people()
    ]
    return Answer(rows, lines)


def revoke_token(call: Call) -> Answer:
    from evertill.server.rooms.accounts import service

    service.revoke_token(call.words.id, call.by, call.now)
    return Answer({"id": call.words.id, "revoked": True}, [f"Token {call.words.id} opens nothing any more."])


def list_tokens(call: Call) -> Answer:
    from evertill.server.rooms.accounts import access, queries
    from evertill.server.rooms.accounts.rules import Operation
    from evertill.server.rooms.organisations import queries as organisations

    access.require(call.by, Operation.TOKENS_EDIT, organisations.operator())
    now = call.now
    rows = [
        {
            "id": token.pk,
            "person": token.person.login,
            "scope": token.scope,
            "made_at": token.made_at,
            "expires_at": token.expires_at,
            "usable": token.usable(now),
        }
        for token in queries.tokens()
    ]
    return Answer(
        rows,
        [
            f"{row['id']:>6}  {row['person']}  {row['scope']}  until {row['expires_at']:%Y-%m-%d}"
            f"{'' if row['usable'] else '  (shut)'}"
            for row in rows
        ],
    )


def create_token(call: Call) -> Answer:
    from evertill.server.rooms.accounts import service

    by = call.by
    token = service.create_token(call.words.person or by.actor.name, call.words.scope, by, call.now)
    return Answer({"token": token}, [token])
