"""Every address of the screen × every wrong way to call it: a clear page with the right status, and nothing is done.

The list is the application's own table, so a page that is added is walked too.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import httpx
import pytest

from evertill.terminal.errors import TerminalRefused
from evertill.terminal.shell.app import PAGES
from tests.terminal.shell.scene import PIN, Browser, Scene, offer, past, running, usual

# What stands in the places of an address; the first is there, the second is not.
PLACES = {
    "matter": ("power", "nothing"),
    "mode": ("never", "always"),
    "release:int": ("12", "99"),
    "act": ("agree", "steal"),
    "journey": ("action-4", "action-0"),
    "choice": ("off", "never"),
    "what": ("settings", "everything"),
}
HOSTILE = {"person": "owner", "pin": PIN, "go": "1", "choice": "1", "to": "en", "back": "/", "tick": "1"}


class Call(NamedTuple):
    method: str
    path: str


def filled(path: str, which: int) -> str:
    return re.sub(r"\{([^}]+)\}", lambda found: PLACES[found[1]][which], path)


CALLS = [Call(method, filled(path, 0)) for path, methods, _ in PAGES for method in methods]
WRITES = [call for call in CALLS if call.method == "POST"]
READS = [call for call in CALLS if call.method == "GET"]
ONLY_SHOWN = [call for call in READS if Call("POST", call.path) not in WRITES]
# Their acts need a PIN. The others are open to whoever stands there, as the design wants: they install nothing that was not agreed.
WITH_PIN = ("/update/mode/never", "/update/release/12/agree", "/update/back")
every_write = pytest.mark.parametrize("call", WRITES, ids=lambda call: call.path)
every_read = pytest.mark.parametrize("call", READS, ids=lambda call: call.path)
every_call = pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.method} {call.path}")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """One screen for all of them: what a call left behind would be seen by the next."""
    with running(tmp_path_factory.mktemp("walked")) as made:
        (made.home / "state").mkdir()
        yield made


@pytest.fixture
def scene(stage: Scene) -> Scene:
    """A terminal on which each of these addresses has something to do."""
    stage.agent.status = usual(offers=[offer()], history=[past()])
    stage.agent.orders.clear()
    stage.agent.refuses = None
    (stage.home / "state" / "closing.json").unlink(missing_ok=True)
    return stage


def untouched(scene: Scene) -> bool:
    return scene.agent.orders == [] and not (scene.home / "state" / "closing.json").exists()


def says_what_now(answer: httpx.Response) -> bool:
    """Words for a person with a way back, and no innards."""
    return 'href="/' in answer.text and "Traceback" not in answer.text


def send(browser: Browser, call: Call, **headers: str) -> httpx.Response:
    """As complete as an attacker could make it, with a token where there is one to be had."""
    browser.follow_redirects = False
    form = {"token": browser.token(), **HOSTILE} if call.method == "POST" else None
    return browser.request(call.method, call.path, data=form, headers=headers)


def test_the_table_is_walked_whole() -> None:
    assert len(CALLS) >= 22
    assert not [call for call in CALLS if "{" in call.path]


@every_call
def test_no_address_answers_under_another_name(scene: Scene, browser: Browser, call: Call) -> None:
    answer = send(browser, call, Host=f"evil.example:{scene.port}")
    assert answer.status_code == 421
    assert says_what_now(answer)
    assert "T-0001" not in answer.text
    assert untouched(scene)


@every_call
def test_no_address_answers_another_site(scene: Scene, browser: Browser, call: Call) -> None:
    for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = send(browser, call, **headers)
        assert answer.status_code == 403
        assert says_what_now(answer)
        assert "T-0001" not in answer.text
    assert untouched(scene)


@every_write
def test_no_write_without_its_own_token(scene: Scene, browser: Browser, call: Call) -> None:
    with scene.browser() as other:
        stolen = other.token()
    browser.get("/")
    for form in (HOSTILE, {**HOSTILE, "token": stolen}, {**HOSTILE, "token": ""}):
        answer = browser.post(call.path, data=form)
        assert answer.status_code == 403
        assert says_what_now(answer)
    assert untouched(scene)


@every_write
def test_no_write_without_a_session_or_an_origin(scene: Scene, browser: Browser, call: Call) -> None:
    token = browser.token()
    with httpx.Client(base_url=scene.url) as stranger:
        nobody = stranger.post(call.path, data={**HOSTILE, "token": token}, headers={"Origin": scene.url})
        stranger.cookies.update(browser.cookies)
        nowhere = stranger.post(call.path, data={**HOSTILE, "token": token})
    assert (nobody.status_code, nowhere.status_code) == (403, 403)
    assert says_what_now(nobody)
    assert untouched(scene)


@every_write
def test_looking_writes_nothing(scene: Scene, browser: Browser, call: Call) -> None:
    token, browser.follow_redirects = browser.token(), False
    answer = browser.get(call.path, params={**HOSTILE, "token": token})
    assert answer.status_code in {200, 303, 405}
    assert answer.status_code == 303 or says_what_now(answer)
    assert untouched(scene)


@pytest.mark.parametrize("call", ONLY_SHOWN, ids=lambda call: call.path)
def test_posting_to_a_page_that_only_shows_does_nothing(scene: Scene, browser: Browser, call: Call) -> None:
    answer = send(browser, Call("POST", call.path))
    assert answer.status_code == 405
    assert "POST" not in answer.headers["allow"]
    assert says_what_now(answer)
    assert untouched(scene)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
@every_read
def test_no_other_method_is_known(scene: Scene, browser: Browser, call: Call, method: str) -> None:
    answer = browser.request(method, call.path, data=HOSTILE)
    assert answer.status_code == 405
    assert says_what_now(answer)
    assert untouched(scene)


@pytest.mark.parametrize("path", WITH_PIN)
def test_without_the_right_pin_nothing_is_changed(scene: Scene, browser: Browser, path: str) -> None:
    scene.agent.refuses = TerminalRefused("PIN_WRONG", tries_left=4)
    token = browser.token()
    for pin in ("", "000000", "4829O6", "9" * 64, "9" * 10_000, "' OR 1=1", "\x00"):
        answer = browser.post(path, data={"token": token, "person": "owner", "pin": pin, "go": "1"})
        assert answer.status_code == 409
        assert "PIN_WRONG" in answer.text
        assert says_what_now(answer)


@pytest.mark.parametrize("path", [filled(path, 1) for path, _, _ in PAGES if "{" in path])
def test_what_is_not_there_leads_to_what_is(scene: Scene, browser: Browser, path: str) -> None:
    for answer in (browser.get(path), browser.tap(path, **{**HOSTILE, "back": "/nowhere"})):
        assert answer.status_code in {200, 404, 405, 409}
        assert says_what_now(answer) or answer.content == b""
    assert untouched(scene)


@pytest.mark.parametrize(
    "path",
    [
        "/update/release/-1/now",
        "/update/release/1e9/now",
        f"/update/release/{'9' * 400}/now",
        "/update/release/12/now/more",
        "/update/../etc/passwd",
        "/look/..%2fapp.py",
        "/look/app.py",
        f"/{'a' * 4000}",
        "/%00",
        "/update/history/%2e%2e",
        "//evil.example/",
    ],
)
def test_strange_addresses_are_no_pages(scene: Scene, browser: Browser, path: str) -> None:
    answer = browser.get(f"{scene.url}{path}")
    assert answer.status_code in {200, 404}
    assert "Traceback" not in answer.text
    assert "import " not in answer.text
    assert untouched(scene)


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe\x00",
        b"&" * 16_000,
        b"&".join(b"f%d=1" % number for number in range(2_000)),
        b"token=%",
        b'{"token": 1}',
        b"",
    ],
    ids=["no text", "only ampersands", "too many fields", "half an escape", "json", "nothing"],
)
@every_write
def test_forms_that_are_none_do_nothing(scene: Scene, browser: Browser, call: Call, body: bytes) -> None:
    browser.get("/")
    answer = browser.post(call.path, content=body)
    assert answer.status_code == 403
    assert says_what_now(answer)
    assert untouched(scene)


@every_write
def test_half_a_form_is_none(scene: Scene, browser: Browser, call: Call) -> None:
    """A connection that breaks in the middle: what came is never taken for the whole."""
    body = "&".join(f"{name}={value}" for name, value in {"token": browser.token(), **HOSTILE}.items())
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    head = f"POST {call.path} HTTP/1.1\r\nHost: {scene.host}\r\nOrigin: {scene.url}\r\nCookie: {cookies}\r\n"
    form = "Content-Type: application/x-www-form-urlencoded\r\n"
    answer = scene.cut_off(f"{head}{form}Content-Length: {len(body) + 9}\r\n\r\n{body}".encode())
    assert answer == b""
    assert untouched(scene)
