"""Through the running server, as people and systems reach it: a form, a large upload, and every door's answer to what it does not know."""

from __future__ import annotations

import json
import re
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, Request, build_opener

import pytest

from tests.journeys.office import Office

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.journey
FIFTY_MB = 50 * 1024 * 1024


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with Office(tmp_path_factory.mktemp("office")) as office:
        yield office


@pytest.fixture
def browser() -> OpenerDirector:
    return build_opener(HTTPCookieProcessor(CookieJar()))


def fetch(office: Office, request: Request | str, browser: OpenerDirector | None = None) -> tuple[int, bytes]:
    """Status and body, whatever the status."""
    if isinstance(request, str):
        request = Request(f"http://127.0.0.1:{office.port}{request}")
    try:
        with (browser or build_opener()).open(request, timeout=60) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        return error.code, error.read()


def post_form(office: Office, browser: OpenerDirector, path: str, **fields: str) -> tuple[int, bytes]:
    _status, page = fetch(office, path, browser)
    found = re.search(rb'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert found, page[:500]
    body = urlencode(fields | {"csrfmiddlewaretoken": found[1].decode()}).encode()
    address = f"http://127.0.0.1:{office.port}{path}"
    return fetch(office, Request(address, body, {"Referer": address}), browser)


def test_sign_in_form_lets_a_person_in(office: Office, browser: OpenerDirector) -> None:
    status, page = post_form(office, browser, "/sign-in/", login="demo-admin", password="plainly-a-demo-password")
    assert status == 200
    assert b'name="password"' not in page


def test_wrong_password_stays_at_the_door(office: Office, browser: OpenerDirector) -> None:
    status, page = post_form(office, browser, "/sign-in/", login="demo-admin", password="something else")
    assert status == 200
    assert b'role="alert"' in page


def test_form_without_its_token_is_refused(office: Office, browser: OpenerDirector) -> None:
    body = urlencode({"login": "demo-admin", "password": "plainly-a-demo-password"}).encode()
    status, _page = fetch(office, Request(f"http://127.0.0.1:{office.port}/sign-in/", body), browser)
    assert status == 403


def test_nobody_can_sign_up(office: Office) -> None:
    for path in ("/sign-up/", "/accounts/signup/", "/signup/", "/admin/login/"):
        assert fetch(office, path)[0] == 404


def test_fifty_megabytes_are_taken_in_as_a_form_and_as_a_plain_body(office: Office) -> None:
    token = office.say("token", "create", "--scope", "artifacts").strip()
    content = bytes(range(256)) * (FIFTY_MB // 256)
    query = urlencode({"type": "os", "name": "board", "version": "50", "filename": "board-50.swu"})
    address = f"http://127.0.0.1:{office.port}/api/v1/artifacts?{query}"
    headers = {"Authorization": f"Bearer {token}"}
    status, plain = fetch(office, Request(address, content, headers | {"Content-Type": "application/octet-stream"}))
    assert status == 201, plain
    assert json.loads(plain)["size_bytes"] == FIFTY_MB
    frame = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n%b\r\n--edge--\r\n'
    form = {"Content-Type": "multipart/form-data; boundary=edge"}
    status, formed = fetch(office, Request(address, frame % content, headers | form))
    assert status == 201, formed
    assert json.loads(formed)["sha256"] == json.loads(plain)["sha256"]


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "TOKEN_REFUSED"),
        ({"Authorization": "Bearer invented"}, 401, "TOKEN_REFUSED"),
        ({"Authorization": "Basic eDp5"}, 401, "TOKEN_REFUSED"),
    ],
)
def test_stranger_uploads_nothing(headers: dict[str, str], status: int, code: str, office: Office) -> None:
    request = Request(f"http://127.0.0.1:{office.port}/api/v1/artifacts", b"x", headers)
    got, body = fetch(office, request)
    assert (got, json.loads(body)["code"]) == (status, code)


def test_token_of_a_narrow_scope_uploads_nothing(office: Office) -> None:
    token = office.say("token", "create", "--scope", "read").strip()
    request = Request(f"http://127.0.0.1:{office.port}/api/v1/artifacts", b"x", {"Authorization": f"Bearer {token}"})
    status, body = fetch(office, request)
    assert (status, json.loads(body)["code"]) == (403, "NOT_ALLOWED")


def test_rubbish_instead_of_a_bundle_is_refused_with_its_code(office: Office) -> None:
    token = office.say("token", "create", "--scope", "artifacts").strip()
    request = Request(
        f"http://127.0.0.1:{office.port}/api/v1/artifacts", b"<html>", {"Authorization": f"Bearer {token}"}
    )
    status, body = fetch(office, request)
    said = json.loads(body)
    assert status == 400
    assert said["code"].startswith("BUNDLE_")
    assert said["next_step"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/nothing",
        "/api/v2/x",
        "/rest/v1/targets",
        "/DEFAULT/controller/v2/x",
        "/DEFAULT/tuf/metadata/no.json",
        "/OTHER/tuf/metadata/timestamp.json",
    ],
)
def test_unknown_address_below_an_api_is_a_json_404(path: str, office: Office) -> None:
    status, body = fetch(office, path)
    assert status == 404
    assert isinstance(json.loads(body), dict)


@pytest.mark.parametrize(
    "path",
    [
        "/DEFAULT/tuf/metadata/../online/snapshot-1.pem",
        "/DEFAULT/tuf/metadata/..%2fonline%2fsnapshot-1.pem",
        "/DEFAULT/tuf/online/snapshot-1.pem",
        "/DEFAULT/tuf/targets/%2e%2e/lock",
        "/DEFAULT/tuf/metadata/",
        "/static/../evertill.db",
    ],
)
def test_no_path_leads_out_of_what_is_public(path: str, office: Office) -> None:
    status, body = fetch(office, path)
    assert status == 404
    assert b"PRIVATE KEY" not in body


def test_signed_metadata_is_public_and_read_only(office: Office) -> None:
    status, body = fetch(office, "/default/tuf/metadata/timestamp.json")
    assert status == 200
    assert json.loads(body)["signed"]["_type"] == "timestamp"
    address = f"http://127.0.0.1:{office.port}/DEFAULT/tuf/metadata/timestamp.json"
    assert fetch(office, Request(address, b"x", method="PUT"))[0] == 405
