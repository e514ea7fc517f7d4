"""The provision file: what a terminal is told once and must be able to believe."""

import json
from typing import Any

import pytest

from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.provision import encode_provision, parse_provision

WORDS: dict[str, Any] = {
    "format": 1,
    "url": "https://tms.example:8443",
    "tenant": "acquirer",
    "serial": "T-0001",
    "token": "0123456789abcdefghijABCDEFGHIJ01",
    "merchant_id": 7,
    "node": "DEFAULT/agent/merchant/store",
    "time_zone": "Asia/Shanghai",
    "model": "demo-touch",
    "hardware_revision": "r1",
    "ca_pem": None,
    "root": {"signed": {}, "signatures": []},
    "power": "none",
}


def parse(**changes: Any) -> Any:
    return parse_provision(json.dumps({**WORDS, **changes}).encode())


def test_a_provision_file_reads_back_as_it_was_written() -> None:
    provision = parse()
    assert parse_provision(encode_provision(provision)) == provision


def test_addresses_follow_from_it() -> None:
    provision = parse(url="https://tms.example:8443/")
    assert provision.controller_url == "https://tms.example:8443/acquirer/controller/v1/T-0001"
    assert provision.trust_url == "https://tms.example:8443/acquirer/tuf/metadata/"


def test_an_older_agent_reads_a_newer_servers_file() -> None:
    assert parse(something_new=True).serial == "T-0001"


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "http://localhost", "http://[::1]:8000", "http://127.8.8.8"])
def test_plain_http_is_accepted_for_loopback(url: str) -> None:
    assert parse(url=url).url == url


@pytest.mark.parametrize(
    "url", ["http://tms.example", "http://10.0.0.1", "http://127.0.0.1.evil.example", "http://localhost.evil"]
)
def test_plain_http_beyond_loopback_is_refused(url: str) -> None:
    with pytest.raises(ProtocolRefused) as refused:
        parse(url=url)
    assert refused.value.code == "PROVISION_PLAIN_HTTP"


def test_plain_http_beyond_loopback_is_possible_only_when_the_file_says_so() -> None:
    assert parse(url="http://10.0.0.1", plain_http=True).plain_http


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 2},
        {"serial": "../../etc"},
        {"serial": ""},
        {"serial": "x" * 65},
        {"tenant": "a/b"},
        {"token": "short"},
        {"token": "0123456789abcdef\r\nX-Evil: 1"},
        {"url": "ftp://tms.example"},
        {"url": "https://"},
        {"url": "https://user:pass@tms.example"},
        {"url": "https://tms.example/?a=b"},
        {"url": "https://tms.example:99999"},
        {"url": "https://[::1"},
        {"merchant_id": 0},
        {"merchant_id": "7"},
        {"root": "text"},
        {"power": "nuclear"},
        {"model": "a\nb"},
        {"model": ""},
    ],
)
def test_an_unusable_file_is_refused_with_its_field(changes: dict[str, Any]) -> None:
    with pytest.raises(ProtocolRefused) as refused:
        parse(**changes)
    assert refused.value.code == "PROVISION_INVALID"
    assert next(iter(changes)) in str(refused.value)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_provision_file_is_refused(body: bytes) -> None:
    with pytest.raises(ProtocolRefused) as refused:
        parse_provision(body)
    assert refused.value.code == "PROVISION_INVALID"
