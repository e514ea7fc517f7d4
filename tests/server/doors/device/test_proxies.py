"""Behind a reverse proxy: links lead to where the client came from, last seen says who that was."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest

from evertill.server.rooms.fleet import queries
from evertill.server.rooms.fleet.models import Seen
from tests.server.doors.device.device import Device, artifact_href
from tests.server.doors.device.serving import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from evertill.server.rooms.catalog.models import Release
    from evertill.server.rooms.rollouts.models import Action

FORWARDED = {
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "tms.example",
    "X-Forwarded-Port": "443",
    "X-Forwarded-For": "198.51.100.4",
}
BASE = "https://tms.example/DEFAULT/controller/v1/B-0001"


@pytest.fixture
def behind(serve: Callable[..., int], add: Callable[..., int]) -> Iterator[Device]:
    """A board whose door trusts the proxy it comes through."""
    port = serve(trusted_proxies=(ip_network("127.0.0.0/8"),))
    add("B-0001")
    with Device(port, "B-0001") as device:
        yield device


def test_links_lead_to_the_proxy(behind: Device) -> None:
    assert behind.links(headers=FORWARDED) == {"configData": f"{BASE}/configData"}


def test_over_tls_the_download_relation_is_the_secure_one(
    behind: Device, firmware: Callable[..., Release], assign: Callable[..., Action]
) -> None:
    action = assign(behind, firmware())
    deployment = behind.get(f"deploymentBase/{action.pk}", headers=FORWARDED).json()
    assert artifact_href(deployment, "download").startswith(f"{BASE}/softwaremodules/")
    assert artifact_href(deployment, "md5sum").endswith(".swu.MD5SUM")


def test_last_seen_is_the_clients_own_address(behind: Device) -> None:
    behind.get(headers=FORWARDED)
    terminal_id = queries.by_serial("B-0001").pk
    wait_for(lambda: Seen.objects.filter(pk=terminal_id, address="198.51.100.4").exists())
