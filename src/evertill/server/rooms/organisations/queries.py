"""Reading the tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

from evertill.server.rooms.organisations.errors import NodeUnknown
from evertill.server.rooms.organisations.models import Node
from evertill.server.rooms.organisations.rules import DEFAULT_TIME_ZONE, Kind

if TYPE_CHECKING:
    from django.db.models import QuerySet


def operator_or_none() -> Node | None:
    return Node.objects.filter(depth=1).first()


def operator() -> Node:
    """The root. Raises `NodeUnknown` before `evertill init`."""
    root = operator_or_none()
    if root is None:
        raise NodeUnknown(address="/")
    return root


def by_address(address: str) -> Node:
    """Raises `NodeUnknown`."""
    node = Node.objects.filter(address=address.strip("/")).first()
    if node is None:
        raise NodeUnknown(address=address)
    return node


def by_id(node_id: int) -> Node:
    """Raises `NodeUnknown`."""
    node = Node.objects.filter(pk=node_id).first()
    if node is None:
        raise NodeUnknown(address=str(node_id))
    return node


def chain(node: Node) -> list[Node]:
    """The node and everything above it, root first."""
    return [*node.get_ancestors(), node]


def children(node: Node) -> QuerySet[Node]:
    return Node.objects.filter(path__startswith=node.path, depth=node.depth + 1).order_by("slug")


def subtree(node: Node) -> QuerySet[Node]:
    """The node and everything below it."""
    return Node.objects.filter(path__startswith=node.path).order_by("path")


def contains(node: Node, other: Node) -> bool:
    return bool(other.path.startswith(node.path))


def time_zone_of(node: Node) -> str:
    """The node's own zone, else the nearest above it."""
    zones = [each.time_zone for each in reversed(chain(node)) if each.time_zone]
    return zones[0] if zones else DEFAULT_TIME_ZONE


def merchant_of(node: Node) -> Node | None:
    """The merchant this node is or belongs to."""
    return next((each for each in chain(node) if each.kind == Kind.MERCHANT), None)


def lock(node: Node) -> None:
    """Holds the node's row until the transaction ends."""
    Node.objects.select_for_update().get(pk=node.pk)


def is_node(thing: object) -> TypeGuard[Node]:
    """For rooms above, which do not import tables."""
    return isinstance(thing, Node)
