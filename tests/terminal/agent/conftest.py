"""A fake server, a clock the test turns, and the parts of an agent on a home of its own."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from evertill.protocol.provision import Provision
from evertill.terminal.agent.connection import Connection
from tests.fakes.fake_server import FakeServer, running_server
from tests.fakes.rig import until
from tests.fakes.shop import Shop
from tests.terminal.agent.making import TurnedClock


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with running_server() as running:
        yield running


@pytest.fixture
def provision(server: FakeServer) -> Provision:
    return msgspec.convert(server.provision(), Provision)


@pytest.fixture
def connection(provision: Provision) -> Iterator[Connection]:
    made = Connection(provision)
    yield made
    made.close()


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir()
    return folder


@pytest.fixture
def shop(tmp_path: Path, server: FakeServer) -> Iterator[Shop]:
    """A terminal with real processes and a stub till that sells 1.0.0."""
    made = Shop(tmp_path, server)
    try:
        made.set_up()
        made.install_first_till()
        made.start()
        until(lambda: made.rig.sells("1.0.0"), "the first till sells")
        yield made
    finally:
        made.close()
