"""People, grants and tokens, and the guarded changes to the tree (the tree itself lies below and knows no people)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from evertill.server.rooms.accounts import tokens
from evertill.server.rooms.accounts.commands import command
from evertill.server.rooms.accounts.errors import (
    LastAdmin,
    PasswordWeak,
    PersonExists,
    PersonUnknown,
    ScopeUnknown,
    TokenRefused,
    TokenUnknown,
)
from evertill.server.rooms.accounts.models import ApiToken, Grant, Person
from evertill.server.rooms.accounts.rules import SCOPES, Operation, Role, is_login
from evertill.server.rooms.audit import service as audit
from evertill.server.rooms.audit.actor import Actor
from evertill.server.rooms.kernel.errors import FieldInvalid
from evertill.server.rooms.organisations import queries as organisations
from evertill.server.rooms.organisations import service as tree

if TYPE_CHECKING:
    from datetime import datetime

    from evertill.server.rooms.accounts.access import Identity
    from evertill.server.rooms.organisations.models import Node
    from evertill.server.rooms.organisations.rules import Kind
    from evertill.server.rooms.organisations.service import NodeNames

TOKEN_LIFETIME = timedelta(days=90)


def add_person(login: str, password: str, role: Role, at: str, by: Identity, now: datetime) -> Person:
    """A new person with one role at the node `at`.

    Raises `PersonExists`, `PasswordWeak`, `FieldInvalid`, `NodeUnknown`, `NotAllowed`.
    """
    with command(by, "person.add", kind="person", ref=login, now=now) as act:
        node = organisations.by_address(at)
        act.require(Operation.PEOPLE_EDIT, node)
        if not is_login(login):
            raise FieldInvalid(
                field="login", problem=_("use 2 to 64 small letters, digits, dots, hyphens or underscores")
            )
        if Person.objects.filter(login=login).exists():
            raise PersonExists(login=login)
        person = Person(login=login, joined_at=now)
        _set_password(person, password)
        person.save()
        Grant.objects.create(person=person, node=node, role=role, granted_by=by.actor.name, granted_at=now)
        act.details["role"] = role.value
    return person


def grant(login: str, role: Role, at: str, by: Identity, now: datetime) -> None:
    """One more role for a person; granting it twice changes nothing. Raises `PersonUnknown`, `NodeUnknown`, `NotAllowed`."""
    with command(by, "person.grant", kind="person", ref=login, now=now) as act:
        node = organisations.by_address(at)
        act.require(Operation.PEOPLE_EDIT, node)
        person = find_person(login)
        Grant.objects.get_or_create(
            person=person, node=node, role=role, defaults={"granted_by": by.actor.name, "granted_at": now}
        )
        act.details["role"] = role.value


def close_person(login: str, by: Identity, now: datetime) -> None:
    """Somebody leaves: no sign-in, no token and no role of theirs counts any more. Raises `PersonUnknown`, `LastAdmin`, `NotAllowed`."""
    with command(by, "person.close", kind="person", ref=login, now=now) as act:
        act.require(Operation.PEOPLE_EDIT, organisations.operator())
        person = find_person(login)
        admins = Grant.objects.filter(role=Role.OPERATOR_ADMIN, person__is_active=True, node=organisations.operator())
        if not admins.exclude(person=person).exists():
            raise LastAdmin(login=person.login)
        Person.objects.filter(pk=person.pk).update(is_active=False)


def set_password(login: str, password: str, by: Identity, now: datetime) -> None:
    """Ends every session of that person. Raises `PersonUnknown`, `PasswordWeak`, `NotAllowed`."""
    with command(by, "person.password", kind="person", ref=login, now=now) as act:
        act.require(Operation.PEOPLE_EDIT, organisations.operator())
        person = find_person(login)
        _set_password(person, password)
        person.save(update_fields=["password"])


@transaction.atomic
def note_sign_in(person: Person, now: datetime) -> None:
    """Somebody came in with the right password."""
    audit.record(Actor("person", person.login), "person.sign-in", kind="person", ref=person.login, now=now)


def find_person(login: str) -> Person:
    """An active person. Raises `PersonUnknown`."""
    person = Person.objects.filter(login=login.lower(), is_active=True).first()
    if person is None:
        raise PersonUnknown(login=login)
    return person


def create_token(login: str, scope: str, by: Identity, now: datetime) -> str:
    """A token in `login`'s name, shown this once. Raises `ScopeUnknown`, `PersonUnknown`, `NotAllowed`."""
    with command(by, "token.create", kind="person", ref=login, now=now) as act:
        act.require(Operation.TOKENS_EDIT, organisations.operator())
        if scope not in SCOPES:
            raise ScopeUnknown(scope=scope, known=", ".join(SCOPES))
        person = find_person(login)
        token = tokens.fresh()
        ApiToken.objects.create(
            person=person, digest=tokens.digest(token), scope=scope, made_at=now, expires_at=now + TOKEN_LIFETIME
        )
        act.details["scope"] = scope
    return token


def revoke_token(token_id: int, by: Identity, now: datetime) -> None:
    """Shuts the door for this token at once. Raises `TokenUnknown` (also when it is revoked already), `NotAllowed`."""
    with command(by, "token.revoke", kind="token", ref=str(token_id), now=now) as act:
        act.require(Operation.TOKENS_EDIT, organisations.operator())
        if not ApiToken.objects.filter(pk=token_id, revoked_at=None).update(revoked_at=now):
            raise TokenUnknown(token=token_id)


def token_shown(token: str, now: datetime) -> ApiToken:
    """The usable token that was shown at a door. Raises `TokenRefused`."""
    found = ApiToken.objects.select_related("person").filter(digest=tokens.digest(token)).first()
    if found is None or not found.usable(now):
        raise TokenRefused
    return found


def add_node(
    address: str,
    kind: Kind,
    names: NodeNames,
    by: Identity,
    now: datetime,
    *,
    time_zone: str = "",
    merchant_no: str = "",
) -> Node:
    """A new organisation, by somebody whose role covers its parent. Raises as `organisations.service.add_node`, and `NotAllowed`."""
    with command(by, "node.add", kind="node", ref=address, now=now) as act:
        act.require(Operation.TREE_EDIT, organisations.by_address(address.rpartition("/")[0]))
        node = tree.add_node(address, kind, names, time_zone=time_zone, merchant_no=merchant_no)
        act.node, act.details["kind"] = node.address, kind.value
    return node


def _set_password(person: Person, password: str) -> None:
    try:
        validate_password(password, person)
    except ValidationError as weak:
        raise PasswordWeak(problem=" ".join(weak.messages)) from None
    person.set_password(password)
