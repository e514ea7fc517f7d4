"""What the server's tests stand on: a fixed moment, an operator, people. Rows are rolled back after each test."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from evertill.server import composition
from evertill.server.rooms.accounts.rules import Role
from evertill.server.rooms.audit.actor import Actor
from evertill.server.rooms.organisations import service as tree
from evertill.server.rooms.organisations.service import NodeNames
from tests.server.people import make_person

if TYPE_CHECKING:
    from evertill.server.rooms.accounts.access import Identity
    from evertill.server.rooms.organisations.models import Node


@pytest.fixture(autouse=True, scope="session")
def composed() -> None:
    composition.compose()


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 11, 20, 6, 30, tzinfo=UTC)


@pytest.fixture
def operator(db: None, now: datetime) -> Node:
    """The root of the tree, named as the test installation's operator."""
    return tree.create_operator("DEFAULT", NodeNames("演示收单机构", "Demo operator"), Actor.system("test"), now)


@pytest.fixture
def admin(operator: Node, now: datetime) -> Identity:
    """Somebody who may do everything but *never*."""
    return make_person("demo-admin", Role.OPERATOR_ADMIN, operator, now)
