"""What the server's tests stand on: a fixed moment, an operator, people. Rows are rolled back after each test."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from django.db import connection

from evertill.server import composition
from evertill.server.rooms.accounts.rules import Role
from evertill.server.rooms.audit.actor import Actor
from evertill.server.rooms.organisations import service as tree
from evertill.server.rooms.organisations.service import NodeNames
from tests.server.people import make_person

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django.plugin import DjangoDbBlocker

    from evertill.server.rooms.accounts.access import Identity
    from evertill.server.rooms.organisations.models import Node

CLOSED_WITHIN_S = 15.0
_OTHERS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


@pytest.fixture(autouse=True, scope="session")
def composed() -> None:
    composition.compose()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The tests' database; at its end, before it is dropped, nobody but this process's own connection may be left in it."""
    yield
    with django_db_blocker.unblock():
        if connection.vendor == "postgresql":
            left = _left_connections()
            with connection.cursor() as cursor:  # or dropping the database would fail too, and say less
                cursor.execute(f"SELECT pg_terminate_backend(pid) {_OTHERS}")
            assert not left, f"tests or what they ran left connections open; application, state, last query: {left}"


def _left_connections() -> list[tuple[str, ...]]:
    """Those still there when the ones that are just closing have had their time. No garbage is collected meanwhile, for that would close them."""
    deadline = time.monotonic() + CLOSED_WITHIN_S
    while True:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT application_name, state, query {_OTHERS}")
            left: list[tuple[str, ...]] = cursor.fetchall()
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.1)


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
