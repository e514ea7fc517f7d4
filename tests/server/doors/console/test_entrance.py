from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client

from evertill.server.rooms.accounts import service as accounts
from evertill.server.rooms.accounts.models import Person
from evertill.server.rooms.accounts.rules import CONSOLE_ROLES, Role
from evertill.server.rooms.audit import queries as audit
from tests.server.doors.console.reading import main, text
from tests.server.people import PASSWORD, make_person

if TYPE_CHECKING:
    from collections.abc import Callable

    from evertill.server.rooms.accounts.access import Identity
    from evertill.server.rooms.organisations.models import Node

PAGES = [
    "/",
    "/terminals/DEMO-1",
    "/terminals/DEMO-1/policy",
    "/terminals/DEMO-1/assign",
    "/actions/1",
    "/actions/1/cancel",
    "/tree",
    "/tree/DEFAULT",
    "/policies",
    "/policies/DEFAULT",
    "/releases",
    "/releases/1",
    "/releases/1/withdraw",
    "/rollouts",
    "/rollouts/new",
    "/rollouts/1",
    "/rollouts/1/live",
    "/rollouts/1/members",
    "/rollouts/1/stop",
    "/audit",
]


@pytest.mark.parametrize("path", PAGES)
def test_stranger_is_sent_to_sign_in_and_back(path: str, operator: Node) -> None:
    answer = Client().get(path)
    assert answer.status_code == 302
    assert answer["Location"] == f"/sign-in/?next={path}"


@pytest.mark.parametrize("path", PAGES)
def test_merchant_is_told_where_his_own_place_is(path: str, signed_in: Callable[..., Client]) -> None:
    answer = signed_in(Role.MERCHANT_OWNER).get(path)
    assert answer.status_code == 403
    assert "NOT_STAFF" in text(answer)
    assert "Settings, Software update" in text(answer)


@pytest.mark.parametrize("role", sorted(CONSOLE_ROLES))
def test_every_role_of_the_console_gets_in(role: Role, signed_in: Callable[..., Client]) -> None:
    assert signed_in(role).get("/").status_code == 200


@pytest.mark.parametrize("path", ["/rollouts/{}", "/releases/{}", "/actions/{}", "/rollouts/{}/members"])
@pytest.mark.parametrize("number", [2**31, 2**63, 10**40])
def test_number_beyond_every_table_is_not_found(path: str, number: int, console: Client) -> None:
    assert console.get(path.format(number)).status_code == 404


@pytest.mark.parametrize("path", ["/terminals/DEMO-1", "/tree/DEFAULT/x", "/releases/1", "/rollouts/1", "/actions/1"])
def test_what_does_not_exist_is_a_page_with_a_way_on(path: str, console: Client) -> None:
    answer = console.get(path)
    assert answer.status_code == 404
    assert "To the terminals" in main(answer)


@pytest.mark.parametrize(
    ("language", "says"), [("en", "There is nothing at this address."), ("zh-hans", "这个地址没有内容。")]
)
def test_unknown_address_is_answered_in_the_readers_language(
    language: str, says: str, signed_in: Callable[..., Client]
) -> None:
    answer = signed_in(language=language).get("/nowhere")
    assert answer.status_code == 404
    assert says in text(answer)


@pytest.mark.parametrize("after", ["https://elsewhere.example/", "//elsewhere.example", "javascript:alert(1)"])
def test_no_switch_leads_to_another_site(after: str, console: Client) -> None:
    for path, field in (("/theme/", {"theme": "dark"}), ("/language/setlang/", {"language": "en"})):
        assert console.post(path, field | {"next": after})["Location"] == "/"


def test_sign_in_leads_to_no_other_site(operator: Node, now: datetime) -> None:
    make_person("demo-fleet", Role.FLEET_MANAGER, operator, now)
    said = {"login": "demo-fleet", "password": PASSWORD, "next": "https://elsewhere.example/"}
    assert Client().post("/sign-in/", said)["Location"] == "/"


def sign_in(client: Client, password: str) -> Any:
    return client.post("/sign-in/", {"login": "demo-fleet", "password": password})


def test_session_cookie_is_out_of_reach_for_scripts_and_other_sites(operator: Node, now: datetime) -> None:
    make_person("demo-fleet", Role.FLEET_MANAGER, operator, now)
    cookies = sign_in(Client(), PASSWORD).cookies
    for name in ("sessionid", "csrftoken"):
        assert cookies[name]["httponly"]
        assert cookies[name]["samesite"] == "Lax"
    assert cookies["sessionid"]["max-age"] == ""  # it ends with the browser, and on the server after a working day
    (session,) = Session.objects.all()
    assert session.expire_date <= datetime.now(UTC) + timedelta(hours=12)


def test_session_changes_at_the_door_so_that_nobody_can_plant_one(operator: Node, now: datetime) -> None:
    make_person("demo-fleet", Role.FLEET_MANAGER, operator, now)
    client = Client()
    client.session["planted"] = True
    planted = client.session.session_key
    sign_in(client, PASSWORD)
    assert client.cookies["sessionid"].value != planted


def test_guessing_a_password_is_stopped_wherever_the_guesses_come_from(operator: Node, now: datetime) -> None:
    cache.clear()
    make_person("demo-fleet", Role.FLEET_MANAGER, operator, now)
    for number in range(5):
        assert sign_in(Client(REMOTE_ADDR=f"203.0.113.{number}"), "wrong").status_code == 200
    right = Client(REMOTE_ADDR="203.0.113.99")
    assert sign_in(right, PASSWORD).status_code == 200
    assert right.get("/").status_code == 302
    cache.clear()
    assert sign_in(right, PASSWORD).status_code == 302


def test_who_comes_in_is_in_the_record_and_who_does_not_is_counted(operator: Node, now: datetime) -> None:
    cache.clear()
    make_person("demo-fleet", Role.FLEET_MANAGER, operator, now)
    sign_in(Client(), "wrong")
    sign_in(Client(), PASSWORD)
    (row,) = audit.page(kind="person", ref="demo-fleet")
    assert (row.act, row.actor) == ("person.sign-in", "demo-fleet")
    assert audit.anonymous_count(row.at.date(), "console") == 1


def test_somebody_who_left_or_has_a_new_password_is_out_at_once(operator: Node, admin: Identity, now: datetime) -> None:
    cache.clear()
    make_person("demo-fleet", Role.FLEET_MANAGER, operator, now)
    client = Client()
    sign_in(client, PASSWORD)
    assert client.get("/").status_code == 200
    accounts.set_password("demo-fleet", "another-demo-password", admin, now)
    assert client.get("/").status_code == 302
    sign_in(client, "another-demo-password")
    assert client.get("/").status_code == 200
    accounts.close_person("demo-fleet", admin, now)
    assert client.get("/").status_code == 302


def test_theme_is_remembered_and_given_back_to_the_system(console: Client) -> None:
    console.post("/theme/", {"theme": "dark", "next": "/releases"})
    assert 'data-theme="dark"' in console.get("/").content.decode()
    console.post("/theme/", {"theme": "system", "next": "/releases"})
    assert "data-theme" not in console.get("/").content.decode()


def test_language_is_switched_on_the_page_itself(console: Client) -> None:
    console.post("/language/setlang/", {"language": "zh-hans", "next": "/"})
    assert "还没有终端。" in text(console.get("/"))


def test_closed_login_is_told_so(operator: Node, now: datetime) -> None:
    make_person("demo-gone", Role.FLEET_MANAGER, operator, now)
    Person.objects.update(is_active=False)
    answer = Client().post("/sign-in/", {"login": "demo-gone", "password": PASSWORD}, follow=True)
    assert answer.status_code == 200
    assert "这个登录名已停用。" in text(answer)


def test_sign_out_asks_and_then_ends_it(console: Client) -> None:
    assert console.get("/sign-out/").status_code == 200
    console.post("/sign-out/")
    assert console.get("/").status_code == 302


def test_form_without_its_token_changes_nothing_and_says_so(signed_in: Callable[..., Client]) -> None:
    inside = signed_in()
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = inside.cookies
    answer = strict.post("/policies/DEFAULT", {"field": "postpone_days", "value": "1", "act": "set"})
    assert answer.status_code == 403
    assert "Nothing was changed" in text(answer)
    assert audit.page(kind="page")[0].refused == "FORM_STALE"
