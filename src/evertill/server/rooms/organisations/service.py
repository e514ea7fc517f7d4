"""Changing the tree. The root is made by `evertill init`; people add to it through `accounts.service`, which checks and records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from evertill.server.rooms.audit import service as audit
from evertill.server.rooms.kernel.errors import FieldInvalid
from evertill.server.rooms.kernel.rows import check_texts
from evertill.server.rooms.organisations import queries
from evertill.server.rooms.organisations.errors import NodeExists, NodeMisplaced, OperatorExists
from evertill.server.rooms.organisations.models import Node
from evertill.server.rooms.organisations.rules import DEFAULT_TIME_ZONE, Kind, is_slug, is_time_zone, may_stand_below

if TYPE_CHECKING:
    from datetime import datetime

    from evertill.server.rooms.audit.actor import Actor


@dataclass(frozen=True)
class NodeNames:
    """What an organisation is called."""

    zh: str
    en: str


@transaction.atomic
def create_operator(
    slug: str, names: NodeNames, actor: Actor, now: datetime, time_zone: str = DEFAULT_TIME_ZONE
) -> Node:
    """The root, once per installation. Raises `OperatorExists` when there is one."""
    _check(slug, time_zone)
    root = queries.operator_or_none()
    if root is not None:
        raise OperatorExists(address=root.address)
    said = {
        "slug": slug,
        "address": slug,
        "kind": Kind.OPERATOR,
        "name_zh": names.zh,
        "name_en": names.en,
        "time_zone": time_zone,
    }
    check_texts(Node(**said), set_later="path")
    node = Node.add_root(**said)
    audit.record(actor, "node.add", kind="node", ref=slug, node=slug, now=now, details={"kind": Kind.OPERATOR})
    return _as_node(node)


@transaction.atomic
def add_node(address: str, kind: Kind, names: NodeNames, *, time_zone: str = "", merchant_no: str = "") -> Node:
    """A new organisation at `address`, below the node its address names. Whether the caller may, and the record of it, is `accounts.service.add_node`'s.

    Raises `NodeUnknown` when there is no such parent, `NodeExists`, `NodeMisplaced`, `FieldInvalid`.
    """
    parent_address, _slash, slug = address.rpartition("/")
    _check(slug, time_zone or DEFAULT_TIME_ZONE)
    parent = queries.by_address(parent_address)
    if not may_stand_below(kind, Kind(parent.kind)):
        raise NodeMisplaced(kind=kind.value, parent=parent.kind)
    full = f"{parent.address}/{slug}"
    if Node.objects.filter(address=full).exists():
        raise NodeExists(address=full)
    said = {
        "slug": slug,
        "address": full,
        "kind": kind,
        "name_zh": names.zh,
        "name_en": names.en,
        "time_zone": time_zone,
        "merchant_no": merchant_no,
    }
    check_texts(Node(**said), set_later="path")
    return _as_node(parent.add_child(**said))


def _as_node(node: object) -> Node:
    assert isinstance(node, Node)  # noqa: S101 - treebeard has no types
    return node


def _check(slug: str, time_zone: str) -> None:
    if not is_slug(slug):
        raise FieldInvalid(
            field="slug",
            problem=_("use 1 to 40 letters, digits, dots, hyphens or underscores, starting with a letter or digit"),
        )
    if not is_time_zone(time_zone):
        raise FieldInvalid(field="time_zone", problem=_("write a zone name such as Asia/Shanghai"))
