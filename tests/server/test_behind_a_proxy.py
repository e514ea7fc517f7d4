"""The console behind a proxy that ends TLS: forms work, cookies are for TLS alone, and nobody else can pretend."""

from __future__ import annotations

from http import HTTPStatus
from io import BytesIO
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.test import Client

from evertill.server.doors.device.origin import Origins
from evertill.server.proxies import as_sent

if TYPE_CHECKING:
    from evertill.server.rooms.organisations.models import Node

ORIGINS = Origins((ip_network("10.0.0.0/8"),))
FORWARDED = [
    (b"x-forwarded-proto", b"https"),
    (b"x-forwarded-host", b"ops.example"),
    (b"x-forwarded-for", b"203.0.113.9"),
]


def request(peer: str, *headers: tuple[bytes, bytes]) -> ASGIRequest:
    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/sign-in/",
        "query_string": b"",
        "scheme": "http",
        "client": (peer, 4711),
        "headers": [(b"host", b"127.0.0.1:8000"), *headers],
    }
    return ASGIRequest(as_sent(scope, ORIGINS), BytesIO())


def test_request_through_our_proxy_looks_as_its_client_sent_it() -> None:
    seen = request("10.0.0.1", *FORWARDED)

    assert (seen.scheme, seen.get_host(), seen.META["REMOTE_ADDR"]) == ("https", "ops.example", "203.0.113.9")


def test_stranger_who_pretends_to_be_a_proxy_is_not_believed() -> None:
    seen = request("192.0.2.7", *FORWARDED)

    assert (seen.scheme, seen.get_host(), seen.META["REMOTE_ADDR"]) == ("http", "127.0.0.1:8000", "192.0.2.7")


@pytest.mark.parametrize(
    "rubbish", [(b"x-forwarded-proto", b"ftp"), (b"x-forwarded-host", b"a b"), (b"x-forwarded-port", b"x")]
)
def test_rubbish_from_the_proxy_changes_nothing(rubbish: tuple[bytes, bytes]) -> None:
    seen = request("10.0.0.1", rubbish)

    assert (seen.scheme, seen.get_host(), seen.META["REMOTE_ADDR"]) == ("http", "127.0.0.1:8000", "10.0.0.1")


@pytest.mark.parametrize("secure", [True, False])
def test_cookies_given_over_tls_are_for_tls_alone(operator: Node, *, secure: bool) -> None:
    answer = Client().get("/sign-in/", secure=secure)

    assert answer.status_code == HTTPStatus.OK
    assert "csrftoken" in answer.cookies
    assert {bool(cookie["secure"]) for cookie in answer.cookies.values()} == {secure}
