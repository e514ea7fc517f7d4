"""Every address of the console with every method, by everybody who should not: a clear page, the right status, nothing changed, the refusal on record.

The addresses are read from the console's own list: a new one without a row in `PLACES` fails here.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest
from django.apps import apps
from django.test import Client
from django.urls import NoReverseMatch, reverse

from evertill.server.doors.console import urls
from evertill.server.rooms.accounts.rules import Role
from evertill.server.rooms.audit.models import AuditEvent
from evertill.server.rooms.fleet.rules import Client as Updater
from evertill.server.rooms.organisations import queries as tree
from evertill.server.rooms.policies import queries as policy_queries
from evertill.server.rooms.policies import service as policies
from evertill.server.rooms.rollouts import service
from evertill.server.rooms.rollouts.service import NewRollout, groups
from tests.server.doors.console.reading import text
from tests.server.doors.console.test_policies import fork

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from django.http import HttpResponse

    from tests.server.shop import Shop

READ: Final = ("GET", "HEAD")
OTHERS: Final = ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
JUNK: Final = ("-1", "0", "9" * 40, "1.5", "%", "..", "<script>", "\u202e", "💥", "a" * 5000, "DEFAULT//x", "\\")
TELLING: Final = ("-1", "9" * 40, "<script>", "a" * 5000)
QUESTIONS: Final = ("q", "at", "after", "before", "update", "reason", "group", "state", "field", "release")
OVERSIZE: Final = 2 * 1024 * 1024
WORDS: Final = {"reason": "because", "act": "set", "field": "window", "value": "01:00-06:00"}


@dataclass(frozen=True)
class Place:
    """What an address is filled with (names of `World`), what its form sends, and whether it shows one part of the tree only."""

    fills: tuple[str, ...] = ()
    sends: dict[str, str] | None = None
    reads: bool = True
    scoped: bool = False


PLACES: Final[dict[str, Place]] = {
    "home": Place(),
    "terminal": Place(("serial",), scoped=True),
    "terminal_policy": Place(("serial",), WORDS, scoped=True),
    "assign": Place(("serial",), {"release": "{release}", "kind": "soft"}, scoped=True),
    "settle": Place(("conflict",), {"keep": "server", "reason": "because", "serial": "{serial}"}, reads=False),
    "action": Place(("action",), scoped=True),
    "cancel": Place(("action",), {}, scoped=True),
    "tree": Place(),
    "node": Place(("address",), scoped=True),
    "policies": Place(),
    "policy": Place(("address",), WORDS, scoped=True),
    "releases": Place(),
    "release": Place(("release",)),
    "withdraw": Place(("release",), {"reason": "because"}),
    "rollouts": Place(),
    "rollout_new": Place(
        (),
        {
            "release": "{release}",
            "at": "{address}",
            "groups": "100",
            "success": "95",
            "error": "10",
            "timeout_h": "24",
            "kind": "soft",
        },
    ),
    "rollout": Place(("rollout",), scoped=True),
    "rollout_live": Place(("rollout",), scoped=True),
    "rollout_numbers": Place(("rollout",), scoped=True),
    "rollout_members": Place(("rollout",), scoped=True),
    "rollout_act": Place(("rollout", "step"), {}, scoped=True),
    "audit": Place(),
}
FORMS: Final = sorted(name for name, place in PLACES.items() if place.sends is not None)
SCOPED: Final = sorted(name for name, place in PLACES.items() if place.scoped)


@dataclass(frozen=True)
class World:
    """One of everything that an address can name."""

    serial: str
    address: str
    action: int
    release: int
    rollout: int
    conflict: int
    step: str = "stop"

    def at(self, name: str) -> str:
        return reverse(f"console:{name}", args=[getattr(self, word) for word in PLACES[name].fills])

    def sends(self, name: str) -> dict[str, str]:
        return {field: word.format_map(vars(self)) for field, word in (PLACES[name].sends or {}).items()}


@pytest.fixture
def world(shop: Shop, now: datetime) -> World:
    store = shop.store()
    terminal = shop.terminal("DEMO-1", at=store.address)
    release = shop.release()
    policies.set_field(terminal, "download", "unmetered", shop.admin, now)
    fork(terminal, now)
    shop.many_terminals(2, at=store, client=Updater.DDI)
    image = shop.release("2.0.0", passthrough=True, component="board")
    plan = NewRollout(image.pk, at=store.address, serials=["many-000000", "many-000001"])
    rollout = groups.start(groups.create(plan, shop.admin, now).pk, shop.admin, now)
    action = service.assign("DEMO-1", release.pk, shop.admin, now)
    [conflict] = policy_queries.open_conflicts(terminal.pk)
    return World("DEMO-1", store.address, action.pk, release.pk, rollout.pk, conflict.pk)


def rows() -> dict[str, list[Any]]:
    """Everything that is kept but who came and who was turned away."""
    kept = [model for model in apps.get_models() if model._meta.app_label not in {"sessions", "audit", "contenttypes"}]
    return {
        model._meta.label: sorted(map(repr, model._default_manager.order_by().values_list()))
        for model in kept
        if model._meta.label != "accounts.Person"  # its last sign-in
    }


def asks(client: Client, method: str, address: str, sent: dict[str, str] | None = None) -> HttpResponse:
    if method == "POST":
        return client.post(address, sent or {})  # type: ignore[return-value]
    return client.generic(method, address)  # type: ignore[return-value]


def refusals() -> int:
    return AuditEvent.objects.exclude(refused="").count()


def test_every_address_is_tried_here() -> None:
    assert {path.name for path in urls.pages} == set(PLACES)


@pytest.mark.parametrize("name", sorted(PLACES))
def test_stranger_gets_nothing_by_any_method(name: str, world: World) -> None:
    before = rows()
    for method in (*READ, "POST", *OTHERS):
        answer = asks(Client(), method, world.at(name), world.sends(name))
        assert (method, answer.status_code) == (method, 302)
        assert answer["Location"].startswith("/sign-in/")
    assert rows() == before


@pytest.mark.parametrize("name", sorted(PLACES))
def test_method_that_an_address_does_not_take_is_refused(name: str, world: World, console: Client) -> None:
    place, before = PLACES[name], rows()
    refused = [*OTHERS, *([] if place.sends is not None else ["POST"]), *([] if place.reads else READ)]
    for method in refused:
        answer = asks(console, method, world.at(name), WORDS)
        assert (method, answer.status_code) == (method, 405)
        assert method not in answer["Allow"]
        assert method == "HEAD" or "METHOD_NOT_ALLOWED" in text(answer)
    assert rows() == before


@pytest.mark.parametrize("name", FORMS)
def test_staff_without_the_right_change_nothing_and_are_on_record(
    name: str, world: World, signed_in: Callable[..., Client]
) -> None:
    auditor, before, known = signed_in(Role.AUDITOR), rows(), refusals()
    answer = auditor.post(world.at(name), world.sends(name))
    assert answer.status_code == 403
    assert "NOT_ALLOWED" in text(answer)
    assert rows() == before
    assert refusals() == known + 1
    assert AuditEvent.objects.order_by("-pk")[0].actor == "demo-auditor"


@pytest.mark.parametrize("name", sorted(PLACES))
def test_merchant_gets_nothing_and_is_on_record(name: str, world: World, signed_in: Callable[..., Client]) -> None:
    owner, before, known = signed_in(Role.STORE_MANAGER, tree.by_address(world.address)), rows(), refusals()
    for method in ("GET", "POST"):
        answer = asks(owner, method, world.at(name), world.sends(name))
        assert answer.status_code == 403
        assert "NOT_STAFF" in text(answer)
    assert rows() == before
    assert refusals() == known + 2


@pytest.mark.parametrize("name", SCOPED)
def test_part_of_another_organisation_is_answered_like_none_and_on_record(
    name: str, world: World, shop: Shop, signed_in: Callable[..., Client]
) -> None:
    shop.store("mine")
    agent = signed_in(Role.AGENT_STAFF, tree.by_address("DEFAULT/mine-merchant"))
    before, known = rows(), refusals()
    methods = ["GET", *(["POST"] if PLACES[name].sends is not None else [])]
    for method in methods:
        answer = asks(agent, method, world.at(name), world.sends(name))
        assert answer.status_code == 404
        assert "UNKNOWN" in text(answer)
    assert rows() == before
    assert refusals() == known + len(methods)


def test_conflict_of_another_organisation_is_not_settled(
    world: World, shop: Shop, signed_in: Callable[..., Client]
) -> None:
    shop.store("mine")
    agent, before = signed_in(Role.AGENT_STAFF, tree.by_address("DEFAULT/mine-merchant")), rows()
    assert agent.post(world.at("settle"), world.sends("settle")).status_code == 404
    assert rows() == before


@pytest.mark.parametrize("name", FORMS)
def test_form_without_its_token_changes_nothing_and_is_on_record(
    name: str, world: World, signed_in: Callable[..., Client]
) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = signed_in(Role.OPERATOR_ADMIN).cookies
    before, known = rows(), refusals()
    answer = strict.post(world.at(name), world.sends(name))
    assert answer.status_code == 403
    assert "Nothing was changed" in text(answer)
    assert rows() == before
    assert refusals() == known + 1


@pytest.mark.parametrize("name", FORMS)
def test_form_that_is_too_large_changes_nothing(name: str, world: World, console: Client) -> None:
    before = rows()
    for sent in ({"reason": "x" * OVERSIZE}, {f"field-{number}": "x" for number in range(2000)}):
        answer = console.post(world.at(name), world.sends(name) | sent)
        assert answer.status_code == 400
        assert "Nothing was changed" in text(answer)
    assert rows() == before


@pytest.mark.parametrize("name", sorted(name for name, place in PLACES.items() if place.fills))
def test_malformed_names_are_clear_pages(name: str, world: World, console: Client) -> None:
    before = rows()
    for junk in JUNK:
        try:
            address = reverse(f"console:{name}", args=[junk] * len(PLACES[name].fills))
        except NoReverseMatch:  # no such address can be made: it is asked for by hand
            address = f"/{name}/{junk}"
        for method in ("GET", "POST"):
            answer = asks(console, method, address, world.sends(name))
            assert answer.status_code in {400, 404, 405}, (method, address)
            assert "Traceback" not in text(answer)
            assert text(answer)
    assert rows() == before


@pytest.mark.parametrize("name", sorted(name for name, place in PLACES.items() if place.reads))
def test_malformed_questions_are_clear_pages(name: str, world: World, signed_in: Callable[..., Client]) -> None:
    admin, before = signed_in(Role.OPERATOR_ADMIN), rows()
    for field, junk in itertools.product(QUESTIONS, TELLING):
        answer = admin.get(world.at(name), {field: junk})
        assert answer.status_code in {200, 204, 302, 400, 404}, (field, junk)
    assert rows() == before


@pytest.mark.parametrize("name", FORMS)
def test_malformed_forms_change_nothing(name: str, world: World, console: Client) -> None:
    if not world.sends(name):
        return
    before = rows()
    for field in world.sends(name):
        if field == "reason":
            continue  # free text
        for junk in JUNK:
            answer = console.post(world.at(name), world.sends(name) | {field: junk})
            assert answer.status_code in {200, 400, 403, 404, 409}, (field, junk)
    assert rows() == before
