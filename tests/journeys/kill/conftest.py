"""Lets the run's summary count the points (`tests/conftest.py`): keywords would count this folder's name too."""

from collections.abc import Callable

import pytest


@pytest.fixture(autouse=True)
def _counted(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> None:
    if request.node.get_closest_marker("kill"):
        record_property("killed", request.node.name)
