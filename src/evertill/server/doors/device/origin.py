"""Where links lead: the address under which the client reached us.

Links follow the request's Host with its port. X-Forwarded-* count only when the connection comes from a configured proxy; from anybody else they are
ignored. A Host that is not a host name is refused, so that nothing a client writes ends up in a link.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import TYPE_CHECKING
from urllib.parse import quote

from evertill.server.doors.device.errors import HeaderInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping

Network = IPv4Network | IPv6Network

_HOST = re.compile(r"(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_PORT = re.compile(r"[0-9]{1,5}")
_DEFAULT_PORTS = {"http": "80", "https": "443"}


class Origins:
    """Reads a request's origin; made once with the proxies to believe."""

    def __init__(self, trusted_proxies: tuple[Network, ...]) -> None:
        self._proxies = trusted_proxies
        self._trusted = lru_cache(maxsize=256)(self._is_proxy)

    def base(self, scheme: str, headers: Mapping[str, str], peer: str | None) -> str:
        """`https://host:port`, without a trailing slash. Raises `HeaderInvalid`."""
        host = headers.get("host", "")
        header = "Host"
        if self._proxies and self._trusted(peer):
            scheme = _first(headers, "x-forwarded-proto") or scheme
            if forwarded := _first(headers, "x-forwarded-host"):
                host, header = forwarded, "X-Forwarded-Host"
            if port := _first(headers, "x-forwarded-port"):
                host = _with_port(host, scheme, port)
            if scheme not in _DEFAULT_PORTS:
                raise HeaderInvalid(header="X-Forwarded-Proto", problem="http or https")
        if not _is_host(host):
            raise HeaderInvalid(header=header, problem="not a host")
        return f"{scheme}://{host}"

    def client(self, headers: Mapping[str, str], peer: str | None) -> str | None:
        """The client's own address: the peer, or the nearest address in X-Forwarded-For that is not a configured proxy."""
        if not self._proxies or not self._trusted(peer):
            return peer
        for hop in reversed(headers.get("x-forwarded-for", "").split(",")):
            address = hop.strip()
            if not _is_address(address):
                return peer
            if not self._trusted(address):
                return address
        return peer

    def _is_proxy(self, address: str | None) -> bool:
        if address is None or not _is_address(address):
            return False
        parsed = ip_address(address)
        return any(parsed.version == network.version and parsed in network for network in self._proxies)


class Links:
    """Hrefs below one terminal's base."""

    __slots__ = ("root",)

    def __init__(self, base: str, tenant: str, serial: str) -> None:
        self.root = f"{base}/{tenant}/controller/v1/{serial}"

    @property
    def secure(self) -> bool:
        return self.root.startswith("https:")

    def __call__(self, *path: str | int) -> str:
        """The href of a path; each part is percent-encoded whole, `+` and `/` included."""
        below = "/".join(quote(str(part), safe="") for part in path)
        return f"{self.root}/{below}"


def _first(headers: Mapping[str, str], name: str) -> str:
    return headers.get(name, "").split(",")[0].strip()


def _with_port(host: str, scheme: str, port: str) -> str:
    """The forwarded port replaces the host's own; a default port is left out."""
    if not _PORT.fullmatch(port):
        raise HeaderInvalid(header="X-Forwarded-Port", problem="not a port")
    name = host.rpartition(":")[0] if re.search(r":[0-9]+$", host) and not host.endswith("]") else host
    return name if _DEFAULT_PORTS.get(scheme) == port else f"{name}:{port}"


@lru_cache(maxsize=256)
def _is_host(text: str) -> bool:
    return _HOST.fullmatch(text) is not None


@lru_cache(maxsize=4096)
def _is_address(text: str) -> bool:
    """Without an IPv6 zone: no database keeps one, and it could be of any length."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text
