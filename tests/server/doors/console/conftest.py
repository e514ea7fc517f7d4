"""A small fleet seen through the console, by people who are signed in. Moments are the machine's: pages ask the clock themselves."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.utils import translation

from evertill.server.rooms.accounts.rules import Role
from evertill.server.rooms.accounts.service import find_person
from evertill.server.rooms.kernel.clock import system_clock
from tests.server.people import make_person
from tests.server.shop import Shop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from evertill.server.rooms.accounts.access import Identity
    from evertill.server.rooms.organisations.models import Node

CATALOGUE = Path(__file__).parents[4] / "src/evertill/server/locale/zh_Hans/LC_MESSAGES/django.po"


@pytest.fixture(autouse=True, scope="session")
def compiled() -> None:
    """What `make messages` leaves, made here where it is missing or old."""
    made = CATALOGUE.with_suffix(".mo")
    if not made.exists() or made.stat().st_mtime < CATALOGUE.stat().st_mtime:
        fresh = made.with_suffix(f".{os.getpid()}")
        subprocess.run(["msgfmt", "-o", str(fresh), str(CATALOGUE)], check=True)
        fresh.replace(made)


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Tests read English unless they ask for another language."""
    with translation.override("en"):
        yield


@pytest.fixture
def now() -> datetime:
    return system_clock()


@pytest.fixture
def shop(admin: Identity, now: datetime) -> Shop:
    return Shop(admin, now)


@pytest.fixture
def owner(shop: Shop, now: datetime) -> Identity:
    """The owner of the merchant that `shop.store()` makes."""
    return make_person("demo-owner", Role.MERCHANT_OWNER, shop.store().get_parent(), now)


@pytest.fixture
def signed_in(operator: Node, now: datetime) -> Callable[..., Client]:
    """A browser of somebody with this role at this node (the operator), made where there is no such person yet."""

    def enter(role: Role = Role.FLEET_MANAGER, at: Node | None = None, language: str = "en") -> Client:
        login = f"demo-{role.value.replace('_', '-')}"
        make_person(login, role, at or operator, now)
        client = Client()
        client.force_login(find_person(login), backend="allauth.account.auth_backends.AuthenticationBackend")
        client.cookies["django_language"] = language
        return client

    return enter


@pytest.fixture
def console(signed_in: Callable[..., Client]) -> Client:
    """A fleet manager of the operator, in English."""
    return signed_in()
