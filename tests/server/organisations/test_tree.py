"""The tree of organisations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from evertill.server.rooms.accounts import service
from evertill.server.rooms.audit.actor import Actor
from evertill.server.rooms.kernel.errors import FieldInvalid
from evertill.server.rooms.organisations import queries
from evertill.server.rooms.organisations import service as tree
from evertill.server.rooms.organisations.errors import NodeExists, NodeMisplaced, NodeUnknown, OperatorExists
from evertill.server.rooms.organisations.models import Node
from evertill.server.rooms.organisations.rules import Kind
from evertill.server.rooms.organisations.service import NodeNames

if TYPE_CHECKING:
    from datetime import datetime

    from evertill.server.rooms.accounts.access import Identity

NAMES = NodeNames("演示", "Demo")


@pytest.fixture
def store(admin: Identity, now: datetime) -> Node:
    service.add_node("DEFAULT/agent", Kind.AGENT, NAMES, admin, now)
    service.add_node("DEFAULT/agent/shop", Kind.MERCHANT, NAMES, admin, now, time_zone="Asia/Urumqi")
    return service.add_node("DEFAULT/agent/shop/store", Kind.STORE, NAMES, admin, now)


def test_installation_serves_one_operator(operator: Node, now: datetime) -> None:
    with pytest.raises(OperatorExists):
        tree.create_operator("OTHER", NAMES, Actor.system("test"), now)


def test_node_is_found_by_its_address_and_knows_what_is_above(store: Node) -> None:
    found = queries.by_address("DEFAULT/agent/shop/store")
    assert [node.slug for node in queries.chain(found)] == ["DEFAULT", "agent", "shop", "store"]
    merchant = queries.merchant_of(found)
    assert merchant is not None
    assert merchant.slug == "shop"


def test_time_zone_comes_from_the_nearest_node_that_has_one(store: Node, operator: Node) -> None:
    assert queries.time_zone_of(store) == "Asia/Urumqi"
    assert queries.time_zone_of(operator) == "Asia/Shanghai"


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("DEFAULT/store", Kind.STORE),
        ("DEFAULT/agent/shop/agent", Kind.AGENT),
        ("DEFAULT/agent/shop/store/store", Kind.STORE),
        ("DEFAULT/operator", Kind.OPERATOR),
    ],
)
def test_misplaced_node_is_refused(address: str, kind: Kind, store: Node, admin: Identity, now: datetime) -> None:
    with pytest.raises(NodeMisplaced):
        service.add_node(address, kind, NAMES, admin, now)
    assert not Node.objects.filter(address=address).exists()


def test_second_node_of_the_same_address_is_refused(store: Node, admin: Identity, now: datetime) -> None:
    with pytest.raises(NodeExists):
        service.add_node(store.address, Kind.STORE, NAMES, admin, now)


def test_node_below_nothing_is_refused(admin: Identity, now: datetime) -> None:
    with pytest.raises(NodeUnknown):
        service.add_node("DEFAULT/missing/store", Kind.STORE, NAMES, admin, now)


@pytest.mark.parametrize("slug", ["", "-x", "a b", "a" * 41, "门店", "a'b"])
def test_slug_that_would_break_an_address_is_refused(slug: str, admin: Identity, now: datetime) -> None:
    with pytest.raises(FieldInvalid, match="slug"):
        service.add_node(f"DEFAULT/{slug}", Kind.AGENT, NAMES, admin, now)


def test_invented_time_zone_is_refused(admin: Identity, now: datetime) -> None:
    with pytest.raises(FieldInvalid, match="time_zone"):
        service.add_node("DEFAULT/agent", Kind.AGENT, NAMES, admin, now, time_zone="Asia/Nowhere")
