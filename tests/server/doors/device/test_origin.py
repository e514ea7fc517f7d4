"""Where links lead, and whose word about that counts."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evertill.server.doors.device.errors import HeaderInvalid
from evertill.server.doors.device.origin import Links, Origins

PROXY = "10.0.0.7"
STRANGER = "203.0.113.9"
FORWARDED = {
    "host": "inside:8080",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "tms.example.com",
    "x-forwarded-port": "8443",
    "x-forwarded-for": f"198.51.100.4, {STRANGER}, 10.0.0.8",
}

origins = Origins((ip_network("10.0.0.0/24"), ip_network("2001:db8::/32")))


def test_links_follow_the_host_header_with_its_port() -> None:
    assert origins.base("http", {"host": "192.0.2.1:8000"}, STRANGER) == "http://192.0.2.1:8000"
    assert origins.base("http", {"host": "[::1]:8000"}, STRANGER) == "http://[::1]:8000"


def test_a_configured_proxy_says_how_the_client_reached_it() -> None:
    assert origins.base("http", FORWARDED, PROXY) == "https://tms.example.com:8443"
    assert origins.client(FORWARDED, PROXY) == STRANGER


def test_proxy_headers_from_anybody_else_are_ignored() -> None:
    assert origins.base("http", FORWARDED, STRANGER) == "http://inside:8080"
    assert origins.client(FORWARDED, STRANGER) == STRANGER
    assert Origins(()).base("http", FORWARDED, PROXY) == "http://inside:8080"


@pytest.mark.parametrize(
    ("proto", "host", "port", "base"),
    [
        ("https", "a.example", "443", "https://a.example"),
        ("http", "a.example", "80", "http://a.example"),
        ("https", "a.example:9000", "443", "https://a.example"),
        ("https", "[2001:db8::1]", "8443", "https://[2001:db8::1]:8443"),
        ("https", "[2001:db8::1]:1", "8443", "https://[2001:db8::1]:8443"),
        ("https", "first.example, second.example", "443", "https://first.example"),
    ],
)
def test_a_forwarded_port_replaces_the_hosts_own(proto: str, host: str, port: str, base: str) -> None:
    said = {"host": "x", "x-forwarded-proto": proto, "x-forwarded-host": host, "x-forwarded-port": port}
    assert origins.base("http", said, PROXY) == base


@pytest.mark.parametrize(
    "host", ["", "a b", 'a"onerror', "a/../b", "user@host", "a:99999999", "-", "中文", "a\\b", "[::1", "a?b", "a#b"]
)
def test_a_host_that_is_none_is_refused(host: str) -> None:
    with pytest.raises(HeaderInvalid):
        origins.base("http", {"host": host}, STRANGER)


def test_a_proxy_that_says_rubbish_is_refused() -> None:
    for said in ({"x-forwarded-proto": "gopher"}, {"x-forwarded-port": "80;"}, {"x-forwarded-host": "a b"}):
        with pytest.raises(HeaderInvalid):
            origins.base("http", {"host": "a", **said}, PROXY)


def test_a_client_address_that_is_none_leaves_the_proxys() -> None:
    assert origins.client({"x-forwarded-for": "unknown, <script>"}, PROXY) == PROXY
    assert origins.client({"x-forwarded-for": f"fe80::1%{'x' * 100}"}, PROXY) == PROXY
    assert origins.client({}, PROXY) == PROXY


@given(st.text(min_size=1, max_size=60))
def test_whatever_a_file_is_called_its_link_stays_below_the_terminal(name: str) -> None:
    links = Links("https://a.example", "DEFAULT", "T-1")
    encodable = name.encode("utf-8", "ignore").decode()
    href = links("softwaremodules", 3, "artifacts", encodable)
    assert href.isascii()
    assert href.startswith("https://a.example/DEFAULT/controller/v1/T-1/softwaremodules/3/artifacts/")
    assert href.count("/") == links("softwaremodules", 3, "artifacts", "x").count("/")
    assert not set(href) & set(' +"?#&<>\\')
