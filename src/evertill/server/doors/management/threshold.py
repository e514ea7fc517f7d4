"""Whether a token opens anything at all: asked before a large body is taken in. What it may do is decided behind the door."""

from __future__ import annotations

from django.db import close_old_connections

from evertill.server.rooms.accounts import service as accounts
from evertill.server.rooms.accounts.errors import TokenRefused
from evertill.server.rooms.kernel.clock import system_clock


def knows(token: str) -> bool:
    close_old_connections()
    try:
        accounts.token_shown(token, system_clock())
    except TokenRefused:
        return False
    return True
