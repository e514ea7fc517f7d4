"""A shop for this room's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.server.shop import Shop

if TYPE_CHECKING:
    from datetime import datetime

    from evertill.server.rooms.accounts.access import Identity


@pytest.fixture
def shop(admin: Identity, now: datetime) -> Shop:
    return Shop(admin, now)
