"""What no sane client sends: each has a clear answer, changes nothing, and the door stays open for the others."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evertill.server.rooms.fleet import queries
from tests.server.doors.device.device import TOKEN, Device, raw

if TYPE_CHECKING:
    from collections.abc import Callable

    from evertill.server.rooms.catalog.models import Release
    from evertill.server.rooms.rollouts.models import Action

AUTHORIZATION = f"Authorization: TargetToken {TOKEN}\r\n".encode()


@pytest.fixture(autouse=True)
def unharmed(board: Device) -> object:
    """After each attack the door serves, and what the board said of itself is as it was."""
    board.describe({"kept": "yes"})
    yield
    assert board.get().status_code == 200
    assert queries.attributes(queries.by_serial(board.serial).pk) == {"kept": "yes"}


def put(
    board: Device, body: bytes, *, headers: bytes = b"", length: int | None = None, path: str = "configData"
) -> bytes:
    declared = b"Content-Length: %d\r\n" % (len(body) if length is None else length)
    head = f"PUT {board.path}/{path} HTTP/1.1\r\nHost: a.example\r\nContent-Type: application/json\r\n".encode()
    return raw(board.port, head + AUTHORIZATION + (headers or declared) + b"\r\n" + body)


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize("header", ["Authorization: TargetToken x", "Host: b.example", "Content-Type: text/html"])
def test_a_header_that_stands_twice(board: Device, header: str) -> None:
    answer = put(board, b'{"data":{"a":"b"}}', headers=f"Content-Length: 18\r\n{header}\r\n".encode())
    assert status(answer) == 400


def test_two_lengths(board: Device) -> None:
    assert status(put(board, b'{"data":{"a":"b"}}', headers=b"Content-Length: 18\r\nContent-Length: 3\r\n")) == 400


def test_length_and_chunks_at_once(board: Device) -> None:
    smuggled = b"0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"
    answer = put(board, smuggled, headers=b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n")
    assert status(answer) >= 400


@pytest.mark.parametrize("length", ["-1", "1e3", "٣", "99999999999999999999"])
def test_an_absurd_length(board: Device, length: str) -> None:
    assert status(put(board, b"", headers=f"Content-Length: {length}\r\n".encode())) in {400, 413}


def test_a_declared_giant_is_refused_before_it_is_sent(board: Device) -> None:
    started = time.monotonic()
    answer = put(board, b'{"data":', length=10 << 30)
    assert (status(answer), b"BODY_TOO_LARGE" in answer) == (413, True)
    assert time.monotonic() - started < 2


def test_a_chunked_giant_is_refused_at_the_limit(board: Device) -> None:
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    answer = put(board, chunk * 5, headers=b"Transfer-Encoding: chunked\r\n")
    assert (status(answer), b"BODY_TOO_LARGE" in answer) == (413, True)


def test_a_body_that_never_ends_meets_its_deadline(serve: Callable[..., int], board: Device) -> None:
    impatient = serve(body_within_s=0.3)
    with (
        Device(impatient, board.serial) as other,
        socket.create_connection(("127.0.0.1", impatient), timeout=5) as line,
    ):
        head = f"PUT {other.path}/configData HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n".encode()
        line.sendall(head + AUTHORIZATION + b"\r\n")
        started = time.monotonic()
        for letter in b'{"data":{"a"':
            line.sendall(bytes([letter]))
            time.sleep(0.02)
        answer = line.recv(4096)
    assert (status(answer), b"BODY_TOO_SLOW" in answer) == (408, True)
    assert time.monotonic() - started < 3


def test_a_body_that_is_cut_off(board: Device) -> None:
    with socket.create_connection(("127.0.0.1", board.port)) as line:
        head = f"PUT {board.path}/configData HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n".encode()
        line.sendall(head + AUTHORIZATION + b'\r\n{"data":{"a":"b"}}')


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"data":{"a":"\xff"}}',
        b'{"data":{"a":"\\ud800"}}',
        b'{"data":{"a":"b"}} trailing',
        b'{"data":{"a":"b"},"mode":"destroy"}',
        b'{"data":[["a","b"]]}',
        b'{"data":' + b"[" * 100_000,
        b'{"data":' + b'{"a":' * 50_000,
        b'{"data":{"a":1e999}}',
        b"<html></html>",
    ],
)
def test_a_body_that_is_no_message(board: Device, body: bytes) -> None:
    answer = put(board, body)
    assert (status(answer), b'"errorCode":"BODY_INVALID"' in answer) == (400, True)
    assert b"Traceback" not in answer


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/cbor"]
)
def test_a_body_of_another_kind(board: Device, kind: str) -> None:
    answer = board.ask("PUT", "configData", content=b'{"data":{"a":"b"}}', headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["errorCode"]) == (415, "MEDIA_UNKNOWN")


def test_a_client_that_takes_no_json(board: Device) -> None:
    for accept in ("text/html", "application/cbor", "image/*"):
        answer = board.get(headers={"Accept": accept})
        assert (answer.status_code, answer.json()["errorCode"]) == (406, "NOT_ACCEPTABLE")
    for accept in ("application/json;charset=UTF-8", "text/html, */*;q=0.1", "application/hal+json", ""):
        assert board.get(headers={"Accept": accept}).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_a_method_the_poll_does_not_take(board: Device, method: str) -> None:
    answer = board.ask(method)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_a_method_a_row_does_not_take(board: Device) -> None:
    answer = board.ask("POST", "configData", json={"data": {"a": "b"}})
    assert (answer.status_code, answer.headers["allow"], answer.json()["errorCode"]) == (
        405,
        "PUT",
        "METHOD_NOT_ALLOWED",
    )


@pytest.mark.parametrize(
    "path",
    [
        "nothing",
        "deploymentBase",
        "deploymentBase/x",
        "deploymentBase/0",
        "deploymentBase/-1",
        "deploymentBase/2147483648",
        "deploymentBase/99999999999999999999",
        "deploymentBase/１",
        "deploymentBase/1/feedback/more",
        "softwaremodules/1/artifacts/",
        "installedBase",
        "confirmationBase/activateAutoConfirm",
        "notices",
        "support",
        "config%44ata/",
    ],
)
def test_an_address_that_leads_nowhere(board: Device, path: str) -> None:
    answer = raw(board.port, f"GET {board.path}/{path} HTTP/1.1\r\nHost: a\r\n".encode() + AUTHORIZATION + b"\r\n")
    assert status(answer) in {400, 404}
    assert b"text/html" not in answer


@pytest.mark.parametrize(
    "path",
    [
        "/OTHER/controller/v1/B-0001",
        "/DEFAULT/controller/v2/B-0001",
        "/DEFAULT/controller/v1",
        "/DEFAULT/controller",
        "/DEFAULT/controller/v1/",
    ],
)
def test_another_tenant_or_version_is_a_404_in_json(board: Device, path: str) -> None:
    answer = raw(board.port, f"GET {path} HTTP/1.1\r\nHost: a\r\n".encode() + AUTHORIZATION + b"\r\n")
    assert status(answer) in {401, 404}
    assert b"application/json" in answer


@pytest.mark.parametrize("serial", ["%ff%fe", "B-0001%00", "B-0001%2f..", "x" * 3000, "%E4%B8%AD"])
def test_a_serial_that_is_none(board: Device, serial: str) -> None:
    answer = raw(
        board.port, f"GET /DEFAULT/controller/v1/{serial} HTTP/1.1\r\nHost: a\r\n".encode() + AUTHORIZATION + b"\r\n"
    )
    assert status(answer) in {400, 401}


@pytest.mark.parametrize("host", [b"", b"a b", b'a"><script>', b"a/../b", b"user@a"])
def test_a_host_that_is_none(board: Device, host: bytes) -> None:
    answer = raw(board.port, b"GET %b HTTP/1.1\r\nHost: %b\r\n" % (board.path.encode(), host) + AUTHORIZATION + b"\r\n")
    assert status(answer) == 400


def test_a_forwarded_host_from_a_stranger_changes_no_link(board: Device) -> None:
    links = board.links(headers={"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"})
    assert all(href.startswith(board.base) for href in links.values())


def test_a_query_that_is_no_number(board: Device) -> None:
    for said in ("x", "1e9", "99999999999999999999", ""):
        assert board.get(f"deploymentBase/1?actionHistory={said}").status_code in {400, 404}


def test_a_query_without_end(board: Device, firmware: Callable[..., Release], assign: Callable[..., Action]) -> None:
    action = assign(board, firmware())
    answer = board.get(f"deploymentBase/{action.pk}?{'a&' * 5000}actionHistory=1")
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "QUERY_INVALID")


def test_headers_without_end(board: Device) -> None:
    many = b"".join(b"X-%d: %b\r\n" % (number, b"y" * 100) for number in range(2000))
    answer = raw(board.port, f"GET {board.path} HTTP/1.1\r\nHost: a\r\n".encode() + AUTHORIZATION + many + b"\r\n")
    assert answer == b"" or status(answer) in {400, 431}


def test_an_overlong_header(board: Device) -> None:
    answer = raw(
        board.port,
        f"GET {board.path} HTTP/1.1\r\nHost: a\r\nIf-None-Match: {'x' * 5000}\r\n".encode() + AUTHORIZATION + b"\r\n",
    )
    assert (status(answer), b"HEADER_INVALID" in answer) == (400, True)


def test_something_that_is_no_http(board: Device) -> None:
    answer = raw(board.port, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 this is TLS\r\n\r\n")
    assert answer == b"" or status(answer) == 400


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=300))
def test_any_bytes_as_a_report(board: Device, body: bytes) -> None:
    answer = board.ask("POST", "deploymentBase/1/feedback", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 404}
    assert answer.json()["errorCode"] in {"BODY_INVALID", "ACTION_UNKNOWN"}
