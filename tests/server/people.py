"""People for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertill.server.rooms.accounts.access import Identity
from evertill.server.rooms.accounts.models import Grant, Person

if TYPE_CHECKING:
    from datetime import datetime

    from evertill.server.rooms.accounts.rules import Role
    from evertill.server.rooms.organisations.models import Node

PASSWORD = "plainly-a-demo-password"


def make_person(login: str, role: Role, node: Node, now: datetime) -> Identity:
    """A person with one role, ready to act."""
    person = Person(login=login, joined_at=now)
    person.set_password(PASSWORD)
    person.save()
    Grant.objects.create(person=person, node=node, role=role, granted_by="test", granted_at=now)
    return Identity.of_person(person)
