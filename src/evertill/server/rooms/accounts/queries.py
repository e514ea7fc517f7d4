"""Reading people and their tokens."""

from __future__ import annotations

from evertill.server.rooms.accounts.models import ApiToken, Grant, Person


def people() -> list[tuple[Person, list[Grant]]]:
    """Everybody with a login, and what they may do where."""
    grants: dict[int, list[Grant]] = {}
    for grant in Grant.objects.select_related("node").order_by("node__address", "role"):
        grants.setdefault(grant.person_id, []).append(grant)
    return [(person, grants.get(person.pk, [])) for person in Person.objects.order_by("login")]


def tokens() -> list[ApiToken]:
    """Every token that was ever made, the newest first; its secret is not here."""
    return list(ApiToken.objects.select_related("person").order_by("-id"))
