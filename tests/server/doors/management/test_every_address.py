"""Every address of the management API × method × what can be wrong with a request: a clear status and code, and nothing changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from django.apps import apps
from django.test import Client

from evertill.server.doors.management.api import api
from evertill.server.rooms.accounts import service as accounts
from evertill.server.rooms.accounts.rules import SCOPES, Role
from evertill.server.rooms.audit import queries as audit
from evertill.server.rooms.kernel.clock import system_clock
from evertill.server.rooms.rollouts.service import assigning
from tests.server.people import make_person
from tests.server.shop import Shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from evertill.server.rooms.accounts.access import Identity
    from evertill.server.rooms.organisations.models import Node

METHODS = ("get", "post", "put", "patch", "delete")
UNKNOWN = {"serial": "NOBODY-1", "action_id": "999999"}
RUBBISH = {
    "serial": ["a%00b", "%2e%2e%2fx", "x" * 300, "%f0%9f%92%b3"],
    "action_id": ["0", "-1", "x", "1e3", str(10**40)],
}


def addresses() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every address of the description, with its methods."""
    yield from api.get_openapi_schema()["paths"].items()


ALL = [path for path, _methods in addresses()]
OFFERED = [(path, method) for path, methods in addresses() for method in methods]
NOT_OFFERED = [(path, method) for path, methods in addresses() for method in METHODS if method not in methods]
WITH_NAMES = [(path, method, name) for path, method in OFFERED for name in UNKNOWN if f"{{{name}}}" in path]


def at(path: str, **names: str) -> str:
    return path.format(**(UNKNOWN | names))


def token_of(login: str, scope: str, by: Identity) -> dict[str, str]:
    return {"Authorization": f"Bearer {accounts.create_token(login, scope, by, system_clock())}"}


def ask(
    method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"", kind: str = "application/json"
) -> Any:
    return Client(raise_request_exception=False).generic(
        method.upper(), path, body, content_type=kind, headers={"Accept-Language": "en", **(headers or {})}
    )


def said(answer: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer.content)
    assert set(found) == {"code", "message", "next_step", "params"}
    assert b"Traceback" not in answer.content
    return found


def counts() -> dict[str, int]:
    """How many rows each of our tables has, the record of refusals left out."""
    models = [model for model in apps.get_models() if model.__module__.startswith("evertill.")]
    return {
        model.__name__: model._default_manager.count()
        for model in models
        if model.__name__ not in {"AuditEvent", "AnonymousRefusal"}
    }


@pytest.fixture
def now() -> datetime:
    return system_clock()


@pytest.fixture
def known(admin: Identity) -> dict[str, str]:
    """The headers of somebody who may do everything there is to do here."""
    return token_of("demo-admin", "releases", admin)


def test_api_offers_what_its_description_says() -> None:
    assert sorted(OFFERED) == [
        ("/api/v1/actions/{action_id}", "get"),
        ("/api/v1/artifacts", "post"),
        ("/api/v1/terminals", "get"),
        ("/api/v1/terminals/{serial}/explanation", "get"),
    ]


@pytest.mark.parametrize(("path", "method"), NOT_OFFERED)
def test_wrong_method_is_a_json_405_with_what_is_allowed(path: str, method: str, known: dict[str, str]) -> None:
    before = counts()
    answer = ask(method, at(path), known, b"{}")
    assert answer.status_code == 405
    assert said(answer)["code"] == "METHOD_NOT_ALLOWED"
    assert answer["Allow"]
    assert counts() == before


@pytest.mark.parametrize(
    "shown", [None, "", "Bearer", "Bearer ", "Bearer invented", "Basic eDp5", "Bearer \u00e9", "bearer x y"]
)
@pytest.mark.parametrize(("path", "method"), OFFERED)
def test_without_a_good_token_nothing_is_said_and_it_is_counted(
    path: str, method: str, shown: str | None, operator: Node
) -> None:
    before = counts()
    answer = ask(method, at(path), {} if shown is None else {"Authorization": shown}, b"x")
    assert (answer.status_code, said(answer)["code"]) == (401, "TOKEN_REFUSED")
    assert counts() == before
    assert audit.anonymous_count(system_clock().date(), "management") == 1


@pytest.mark.parametrize("scope", sorted(scope for scope in SCOPES if scope not in {"artifacts", "releases"}))
def test_token_of_another_scope_writes_nothing_and_is_in_the_record(scope: str, admin: Identity) -> None:
    headers = token_of("demo-admin", scope, admin)
    before = counts()
    answer = ask("post", "/api/v1/artifacts", headers, b"x", "application/octet-stream")
    assert (answer.status_code, said(answer)["code"]) == (403, "NOT_ALLOWED")
    assert counts() == before
    assert audit.page()[0].refused == "NOT_ALLOWED"


@pytest.mark.parametrize(("path", "method", "name"), WITH_NAMES)
def test_unknown_name_is_not_found(path: str, method: str, name: str, known: dict[str, str]) -> None:
    answer = ask(method, at(path), known)
    assert answer.status_code == 404
    assert said(answer)["code"].endswith("_UNKNOWN")


@pytest.mark.parametrize(
    ("path", "method", "name", "value"), [(*case, value) for case in WITH_NAMES for value in RUBBISH[case[2]]]
)
def test_name_that_can_be_nothing_is_a_clear_refusal(
    path: str, method: str, name: str, value: str, known: dict[str, str]
) -> None:
    before = counts()
    answer = ask(method, at(path, **{name: value}), known)
    assert answer.status_code in {400, 404}
    assert said(answer)["code"] in {"FIELD_INVALID", "NOT_FOUND", "TERMINAL_UNKNOWN", "ACTION_UNKNOWN"}
    assert counts() == before


def test_foreign_name_is_answered_like_an_unknown_one_and_is_in_the_record(admin: Identity, now: datetime) -> None:
    shop = Shop(admin, now)
    mine, theirs = shop.store("mine"), shop.store("theirs")
    make_person("demo-owner", Role.MERCHANT_OWNER, mine.get_parent(), now)
    headers = token_of("demo-owner", "read", admin)
    terminal = shop.terminal("DEMO-1", at=theirs.address)
    action = assigning.assign("DEMO-1", shop.release().pk, admin, now)
    for path, unknown in (
        (f"/api/v1/terminals/{terminal.serial}/explanation", "/api/v1/terminals/NOBODY-1/explanation"),
        (f"/api/v1/actions/{action.pk}", "/api/v1/actions/999999"),
    ):
        foreign, missing = ask("get", path, headers), ask("get", unknown, headers)
        assert foreign.status_code == missing.status_code == 404
        assert said(foreign)["code"] == said(missing)["code"]
        row = audit.page()[0]
        assert (row.act, row.refused, row.ref, row.actor) == ("api.read", "NOT_ALLOWED", path, "demo-owner")
    assert json.loads(ask("get", "/api/v1/terminals", headers).content) == []


@pytest.mark.parametrize("query", ["search=%00", f"search={'x' * 121}", "after=%00", f"after={'x' * 121}"])
def test_word_that_cannot_be_looked_for_is_refused(query: str, known: dict[str, str]) -> None:
    answer = ask("get", f"/api/v1/terminals?{query}", known)
    assert (answer.status_code, said(answer)["code"]) == (400, "FIELD_INVALID")


@pytest.mark.parametrize("search", ["%25", "_", "'", '"', "%5C", "%F0%9F%92%B3"])
def test_search_takes_signs_as_signs(search: str, known: dict[str, str], admin: Identity, now: datetime) -> None:
    Shop(admin, now).terminal("DEMO-1")
    answer = ask("get", f"/api/v1/terminals?search={search}", known)
    assert (answer.status_code, json.loads(answer.content)) == (200, [])


PART = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\nhalf\r\n'
BOARD = "type=os&name=board&version=2&filename=board-2.swu"


@pytest.mark.parametrize(
    ("query", "body", "kind", "status", "code"),
    [
        ("", b"", "application/octet-stream", 400, "BUNDLE_TRUNCATED"),
        ("", b"<html><p>Sign in</p>", "application/octet-stream", 400, "BUNDLE_CORRUPT"),
        ("", b'{"file": 1}', "application/json", 400, "BUNDLE_CORRUPT"),
        ("", b"x", "multipart/form-data; boundary=edge", 400, "FIELD_INVALID"),
        ("", PART + PART + b"--edge--\r\n", "multipart/form-data; boundary=edge", 400, "FIELD_INVALID"),
        ("", b"x", "multipart/form-data", 400, "BODY_INVALID"),
        ("type=os", b"x", "application/octet-stream", 400, "FIELD_INVALID"),
        (BOARD.replace("os", "spaceship"), b"x", "application/octet-stream", 400, "FIELD_INVALID"),
        (BOARD.replace("board-2.swu", "..%2Fx"), b"x", "application/octet-stream", 400, "FIELD_INVALID"),
        (BOARD.replace("board-2.swu", "%00"), b"x", "application/octet-stream", 400, "FIELD_INVALID"),
        (BOARD.replace("name=board", "name=%00"), b"x", "application/octet-stream", 400, "FIELD_INVALID"),
        (BOARD.replace("version=2", f"version={'2' * 300}"), b"x", "application/octet-stream", 400, "FIELD_INVALID"),
    ],
)
def test_upload_that_is_wrong_is_refused_and_leaves_no_row(
    query: str, body: bytes, kind: str, status: int, code: str, known: dict[str, str]
) -> None:
    before = counts()
    answer = ask("post", f"/api/v1/artifacts?{query}", known, body, kind)
    assert answer.status_code == status
    assert said(answer)["code"] == code
    assert counts() == before


def test_upload_sent_twice_is_one_artifact_and_another_under_its_name_is_refused(known: dict[str, str]) -> None:
    address = f"/api/v1/artifacts?{BOARD}"
    first, again = (ask("post", address, known, b"opaque", "application/octet-stream") for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert json.loads(first.content) == json.loads(again.content)
    other = ask("post", address, known, b"other", "application/octet-stream")
    assert (other.status_code, said(other)["code"]) == (409, "ARTIFACT_NAME_TAKEN")


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v2/terminals", "/rest/v1/targets", "/api/v1/terminals/"])
@pytest.mark.parametrize("method", METHODS)
def test_address_that_is_not_there_is_a_json_404(path: str, method: str, known: dict[str, str]) -> None:
    answer = ask(method, path, known)
    assert (answer.status_code, said(answer)["code"]) == (404, "NOT_FOUND")
