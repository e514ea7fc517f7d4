"""The provision file: everything a terminal must know before its first call, written by the server, carried by a person.

Rules kept here: format 1 only; a serial, tenant and URL are checked before anything is stored; plain HTTP is accepted for
loopback alone unless the file itself says otherwise. The file holds the terminal's secret token: whoever writes it to disk
uses mode 0600. Unknown fields are ignored, so that an older agent can read a newer server's file.
"""

import ipaddress
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec

from evertill.protocol.ddi import Id
from evertill.protocol.errors import ProtocolRefused

Serial = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
Slug = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
Line = Annotated[str, msgspec.Meta(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]*$")]


class Provision(msgspec.Struct, frozen=True, kw_only=True):
    format: Literal[1] = 1
    url: str
    tenant: Slug
    serial: Serial
    token: Annotated[str, msgspec.Meta(min_length=16, max_length=128, pattern=r"^[\x21-\x7e]+$")]
    merchant_id: Id | None
    node: Annotated[str, msgspec.Meta(min_length=1, max_length=512)]
    time_zone: Line
    model: Line
    hardware_revision: Annotated[str, msgspec.Meta(max_length=128)]
    ca_pem: str | None = None
    root: dict[str, Any]
    power: Literal["none", "systemd"] = "none"
    plain_http: bool = False  # True = this network protects the link itself; shown wherever the connection is shown

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def controller_url(self) -> str:
        return f"{self.url.rstrip('/')}/{self.tenant}/controller/v1/{self.serial}"

    @property
    def trust_url(self) -> str:
        """Where TUF metadata lies; ends with a slash as python-tuf wants it."""
        return f"{self.url.rstrip('/')}/{self.tenant}/tuf/metadata/"


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parse_provision(body: bytes) -> Provision:
    """Read and check a provision file.

    Raises:
        ProtocolRefused: PROVISION_INVALID with what is wrong, PROVISION_PLAIN_HTTP for http beyond loopback.
    """
    try:
        provision = msgspec.json.decode(body, type=Provision)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolRefused("PROVISION_INVALID", detail=str(error)) from error
    try:
        parts = urlsplit(provision.url)
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        raise ProtocolRefused("PROVISION_INVALID", detail=f"{error} - at `$.url`") from error
    if parts.scheme not in {"http", "https"} or not host or parts.query or parts.fragment or parts.username:
        raise ProtocolRefused("PROVISION_INVALID", detail="url is not an http(s) address of a server - at `$.url`")
    if parts.scheme == "http" and not is_loopback(host) and not provision.plain_http:
        raise ProtocolRefused("PROVISION_PLAIN_HTTP", host=host)
    return provision


def encode_provision(provision: Provision) -> bytes:
    return msgspec.json.format(msgspec.json.encode(provision), indent=1) + b"\n"
