"""The one place that decides whether somebody may do something somewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evertill.server.rooms.accounts.errors import NeverNeedsMerchant, NotAllowed
from evertill.server.rooms.accounts.models import Grant
from evertill.server.rooms.accounts.rules import PERMITS, SCOPES, Operation
from evertill.server.rooms.audit.actor import Actor
from evertill.server.rooms.organisations import queries as organisations

if TYPE_CHECKING:
    from evertill.server.rooms.accounts.models import ApiToken, Person
    from evertill.server.rooms.organisations.models import Node


@dataclass(frozen=True)
class Identity:
    """Who stands at a door: an actor, and for people the operations a token leaves them (None: all their roles give)."""

    actor: Actor
    person_id: int | None = None
    within: frozenset[Operation] | None = None

    @classmethod
    def of_person(cls, person: Person, os_user: str = "") -> Identity:
        return cls(Actor("person", person.login, os_user), person.pk)

    @classmethod
    def of_token(cls, token: ApiToken) -> Identity:
        return cls(Actor("token", token.person.login), token.person_id, SCOPES[token.scope])

    @classmethod
    def system(cls, job: str) -> Identity:
        return cls(Actor.system(job))

    @classmethod
    def terminal(cls, serial: str) -> Identity:
        return cls(Actor.terminal(serial))


def may(by: Identity, operation: Operation, node: Node) -> bool:
    """Whether `by` may do `operation` at `node`. The system may do all but *never*; terminals act through their own services."""
    if by.actor.kind == "system":
        return operation is not Operation.NEVER_SET
    if by.person_id is None or (by.within is not None and operation not in by.within):
        return False
    above = [each.pk for each in organisations.chain(node)]
    roles = [role.value for role in PERMITS[operation]]
    return Grant.objects.filter(
        person_id=by.person_id, person__is_active=True, node_id__in=above, role__in=roles
    ).exists()


def require(by: Identity, operation: Operation, node: Node) -> None:
    """Raises `NotAllowed`, or `NeverNeedsMerchant` where only a merchant may."""
    if may(by, operation, node):
        return
    if operation is Operation.NEVER_SET:
        raise NeverNeedsMerchant(who=by.actor.name)
    raise NotAllowed(who=by.actor.name, node=node.address, operation=operation.value)


def visible_nodes(by: Identity) -> list[Node]:
    """The topmost nodes whose subtrees this identity may see."""
    return nodes_where(by, Operation.VIEW)


def nodes_where(by: Identity, operation: Operation) -> list[Node]:
    """The topmost nodes below which this identity may do `operation`."""
    if by.actor.kind == "system":
        return [organisations.operator()]
    if by.person_id is None or (by.within is not None and operation not in by.within):
        return []
    roles = [role.value for role in PERMITS[operation]]
    grants = Grant.objects.filter(person_id=by.person_id, person__is_active=True, role__in=roles).select_related("node")
    nodes = sorted({grant.node for grant in grants}, key=lambda node: str(node.path))
    top: list[Node] = []
    for node in nodes:
        if not any(organisations.contains(above, node) for above in top):
            top.append(node)
    return top
