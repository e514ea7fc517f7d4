"""A request as the client sent it to a configured proxy, in the words of ASGI: Django knows no proxies of its own.

Believed are the proxies of `serve --trusted-proxy` alone; what anybody else says in X-Forwarded-* stays unread. Without this, the
console behind a proxy that ends TLS would take its own forms for another site's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evertill.server.doors.device.errors import HeaderInvalid
from evertill.server.doors.device.request import headers_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evertill.server.doors.device.origin import Origins


def as_sent(scope: Mapping[str, Any], origins: Origins) -> dict[str, Any]:
    """The scope with the client's own scheme, host and address; unchanged where a header makes no sense."""
    address, port = scope.get("client") or (None, 0)
    try:
        headers = headers_of(scope["headers"])
        scheme, _separator, host = origins.base(scope["scheme"], headers, address).partition("://")
    except HeaderInvalid:
        return dict(scope)
    client = origins.client(headers, address)
    others = [pair for pair in scope["headers"] if pair[0] != b"host"]
    return {
        **scope,
        "scheme": scheme,
        "headers": [(b"host", host.encode("latin-1")), *others],
        "client": (client, port if client == address else 0) if client else None,
    }
