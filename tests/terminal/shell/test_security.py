"""Whoever else talks to the screen's port: other pages, other names, other programs, and requests that mean two things."""

import pytest

from tests.terminal.shell.scene import PIN, Browser, Scene, offer, usual


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def get(scene: Scene, path: str = "/", *headers: str, host: str = "") -> bytes:
    lines = [f"GET {path} HTTP/1.1", f"Host: {host or scene.host}", "Connection: close", *headers]
    return scene.raw("\r\n".join(lines).encode() + b"\r\n\r\n")


def test_own_browser_gets_the_menu(scene: Scene) -> None:
    assert status_of(get(scene)) == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1:1", "127.0.0.1", "127.0.0.1.nip.io"])
def test_foreign_host_sees_nothing(scene: Scene, host: str) -> None:
    answer = get(scene, host=host)
    assert status_of(answer) == 421
    assert b"HOST_FOREIGN" in answer


def test_name_rebound_to_this_machine_sees_nothing(scene: Scene) -> None:
    answer = get(scene, host=f"rebind.evil.example:{scene.port}")
    assert status_of(answer) == 421
    assert b"T-0001" not in answer


def test_two_hosts_are_none(scene: Scene) -> None:
    assert status_of(get(scene, "/", "Host: evil.example")) in {400, 421}


def test_request_that_names_no_host_sees_nothing(scene: Scene) -> None:
    assert status_of(scene.raw(b"GET / HTTP/1.0\r\n\r\n")) == 421


def test_absolute_address_of_another_place_is_refused(scene: Scene) -> None:
    assert status_of(get(scene, "http://evil.example/")) == 421


def test_foreign_origin_may_not_read(scene: Scene) -> None:
    assert status_of(get(scene, "/", "Origin: http://evil.example")) == 403


def test_foreign_origin_may_not_write(scene: Scene, browser: Browser) -> None:
    token = browser.token()
    answer = browser.post("/theme", data={"token": token, "to": "dark"}, headers={"Origin": "http://evil.example"})
    assert answer.status_code == 403
    assert "ORIGIN_FOREIGN" in answer.text


def test_write_without_an_origin_is_refused(scene: Scene, browser: Browser) -> None:
    token = browser.token()
    del browser.headers["Origin"]
    assert browser.post("/theme", data={"token": token, "to": "dark"}).status_code == 403


def test_page_of_another_site_may_not_lead_here(scene: Scene) -> None:
    assert status_of(get(scene, "/update", "Sec-Fetch-Site: cross-site")) == 403


def test_missing_token_writes_nothing(scene: Scene, browser: Browser) -> None:
    browser.get("/")
    answer = browser.post("/update/mode/never", data={"person": "owner", "pin": PIN, "go": "1"})
    assert answer.status_code == 403
    assert "TOKEN_WRONG" in answer.text
    assert scene.agent.orders == []


def test_token_of_another_session_writes_nothing(scene: Scene, browser: Browser) -> None:
    with scene.browser() as other:
        stolen = other.token()
    browser.get("/")
    assert browser.post("/update/mode/never", data={"token": stolen, "pin": PIN, "go": "1"}).status_code == 403
    assert scene.agent.orders == []


def test_write_without_a_session_writes_nothing(scene: Scene, browser: Browser) -> None:
    token = browser.token()
    browser.cookies.clear()
    answer = browser.post("/update/check", data={"token": token})
    assert answer.status_code == 403
    assert "SESSION_MISSING" in answer.text
    assert scene.agent.orders == []


def test_refused_write_has_a_way_on(scene: Scene, browser: Browser) -> None:
    page = browser.post("/update/check", data={}).text
    assert 'href="/till/"' in page


def test_oversized_body_is_refused(scene: Scene, browser: Browser) -> None:
    answer = browser.post("/update/check", content=b"x" * 20_000)
    assert answer.status_code == 413
    assert scene.agent.orders == []


def test_body_longer_than_it_says_is_refused(scene: Scene) -> None:
    head = f"POST /till/sale HTTP/1.1\r\nHost: {scene.host}\r\nOrigin: {scene.url}\r\n"
    chunked = f"{head}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n1\r\nx\r\n0\r\n\r\n"
    assert status_of(scene.raw(chunked.encode())) == 400
    assert scene.till.seen == []


@pytest.mark.parametrize(
    "lengths",
    [
        "Content-Length: 4\r\nContent-Length: 40",
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Content-Length: +4",
        "Transfer-Encoding: xchunked",
    ],
)
def test_request_with_two_lengths_reaches_nobody(scene: Scene, lengths: str) -> None:
    smuggled = b"GET /till/menu HTTP/1.1\r\nHost: x\r\n\r\n"
    head = f"POST /till/sale HTTP/1.1\r\nHost: {scene.host}\r\nOrigin: {scene.url}\r\n{lengths}\r\n\r\n"
    answer = scene.raw(head.encode() + b"0\r\n\r\n" + smuggled)
    assert status_of(answer) in {400, 411, 501}
    assert scene.till.seen == []


@pytest.mark.parametrize(
    "path",
    [
        "..",
        "../agent.sock",
        "%2e%2e/x",
        "a/b",
        "a%2fb",
        "api/../x",
        "/etc/passwd",
        ".hidden",
        "a%0d%0aX:%20y",
        "a;b",
        "api//state",
    ],
)
def test_path_out_of_the_till_reaches_nobody(scene: Scene, path: str) -> None:
    answer = get(scene, f"/till/{path}")
    assert status_of(answer) == 404
    assert scene.till.seen == []


def test_till_hears_only_what_the_contract_names(scene: Scene) -> None:
    cookie = "Cookie: till_session=a; evertill_session=secret; till_language=en"
    get(scene, "/till/sale?number=7", cookie, "X-Forwarded-Host: evil", "Accept-Language: en")
    (seen,) = scene.till.seen
    assert seen.startswith(b"GET /sale?number=7 HTTP/1.0\r\n")
    assert b"Cookie: till_session=a; till_language=en\r\n" in seen
    assert b"secret" not in seen
    assert b"evil" not in seen


def test_tills_cookie_stays_below_its_pages(scene: Scene) -> None:
    scene.till.page = (
        b"HTTP/1.0 303 See Other\r\nLocation: sale\r\nSet-Cookie: till_session=a; Path=/; HttpOnly\r\n\r\n"
    )
    answer = get(scene, "/till/")
    assert b"Path=/till/\r\n" in answer
    assert answer.count(b"Path=") == 1


@pytest.mark.parametrize("location", ["http://evil.example/", "//evil.example", "/update", "javascript:x"])
def test_redirect_out_of_the_till_is_not_followed(scene: Scene, location: str) -> None:
    scene.till.page = f"HTTP/1.0 303 See Other\r\nLocation: {location}\r\n\r\n".encode()
    answer = get(scene, "/till/")
    assert status_of(answer) == 503
    assert b"evil" not in answer


def test_pages_cannot_be_framed_or_scripted_from_elsewhere(scene: Scene, browser: Browser) -> None:
    headers = browser.get("/").headers
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"


def test_language_never_leads_to_another_site(scene: Scene, browser: Browser) -> None:
    browser.follow_redirects = False
    for back in ("//evil.example", "https://evil.example", "/\\evil.example", "x"):
        assert browser.tap("/language", to="en", back=back).headers["location"] == "/"


def test_pin_is_nowhere_in_an_address_or_a_cookie(scene: Scene, browser: Browser) -> None:
    scene.agent.status = usual(offers=[offer()])
    answer = browser.tap("/update/release/12/agree", person="owner", pin=PIN, go="1")
    assert PIN not in answer.text
    assert all(PIN not in str(each.url) for each in [answer, *answer.history])
    assert all(PIN not in (value or "") for value in browser.cookies.values())
