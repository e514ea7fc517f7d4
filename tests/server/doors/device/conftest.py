"""A served device door, terminals and releases to fetch; a data folder of its own for each test, trust made once."""

from __future__ import annotations

import dataclasses
import shutil
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from evertill.protocol.release import Operator
from evertill.server.doors.device.app import DeviceDoor
from evertill.server.limits import DoorLimits
from evertill.server.rooms.catalog import artifacts, place, service
from evertill.server.rooms.catalog.bundles import build
from evertill.server.rooms.catalog.service import NewRelease
from evertill.server.rooms.catalog.trust import ceremony, keys
from evertill.server.rooms.catalog.trust.repository import TrustRepository
from evertill.server.rooms.fleet import service as fleet
from evertill.server.rooms.fleet.rules import Client
from evertill.server.rooms.fleet.service import NewTerminal
from evertill.server.rooms.rollouts import service as rollouts
from tests.server.doors.device.device import TOKEN, Device
from tests.server.doors.device.serving import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_django.fixtures import Settings

    from evertill.server.rooms.accounts.access import Identity
    from evertill.server.rooms.catalog.models import Release
    from evertill.server.rooms.rollouts.models import Action

PASSPHRASE = "plainly a demo passphrase"
OPERATOR = Operator(slug="DEFAULT", name={"zh": "演示收单机构", "en": "Demo operator"})
NOTES = {"zh": "收款时可以打折", "en": "Discounts at the till"}
PAYLOAD = b"".join(number.to_bytes(4, "big") for number in range(100_000))
COMPONENT = """
format = 1
component = "till"
type = "app"
version = "{version}"
python = "cp311"
rollback_index = 0
minutes = 4
[entry_points]
start = ["{{python}}", "{{slot}}/main.py"]
"""


class Moment:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture(scope="session")
def made_trust(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository and its keys, made once: passphrases are slow on purpose."""
    folder = tmp_path_factory.mktemp("trust")
    (folder / "data").mkdir()
    at = datetime.fromisoformat("2026-11-20T06:00:00+00:00")
    repository = TrustRepository(folder / "data")
    ceremony.initialise(repository, folder / "keys", OPERATOR, lambda _: PASSPHRASE, at, solo=True)
    return folder


@pytest.fixture
def data(made_trust: Path, tmp_path: Path, settings: Settings) -> Path:
    """This test's installation folder."""
    folder = tmp_path / "installation"
    shutil.copytree(made_trust / "data", folder)
    settings.INSTALLATION = dataclasses.replace(settings.INSTALLATION, data=folder)
    return folder


@pytest.fixture
def clock(now: datetime) -> Moment:
    return Moment(now)


@pytest.fixture
def serve(transactional_db: None, data: Path, settings: Settings, clock: Moment) -> Iterator[Callable[..., int]]:
    """Serves a door with these limits, answers its port; stopped after the test."""
    with ExitStack() as stack:

        def start(trusted_proxies: tuple[Any, ...] = (), **limits: Any) -> int:
            installation = dataclasses.replace(
                settings.INSTALLATION,
                trusted_proxies=trusted_proxies,
                limits=DoorLimits(**{"flush_every_s": 0.02, **limits}),
            )
            return stack.enter_context(serving(DeviceDoor(installation, clock)))

        yield start


@pytest.fixture
def port(serve: Callable[..., int]) -> int:
    """A door with the usual limits."""
    return serve()


@pytest.fixture
def add(admin: Identity, clock: Moment) -> Callable[..., int]:
    """Adds a terminal with the demo token; its id."""

    def take(serial: str, client: Client = Client.DDI, **more: Any) -> int:
        terminal, _token = fleet.add_terminal(NewTerminal(serial, client=client, token=TOKEN, **more), admin, clock())
        return terminal.pk

    return take


@pytest.fixture
def client_of(port: int) -> Iterator[Callable[..., Device]]:
    """A client of the usual door under a serial."""
    with ExitStack() as stack:
        yield lambda serial, **words: stack.enter_context(Device(words.pop("port", port), serial, **words))


@pytest.fixture
def board(add: Callable[..., int], client_of: Callable[..., Device]) -> Device:
    """A ddi client, as SWUpdate is one."""
    add("B-0001")
    return client_of("B-0001")


@pytest.fixture
def till(add: Callable[..., int], client_of: Callable[..., Device]) -> Device:
    """One of our own terminals."""
    add("T-0001", Client.EVERTILL)
    return client_of("T-0001")


@pytest.fixture
def publish(made_trust: Path, data: Path, admin: Identity, clock: Moment) -> Callable[..., Release]:
    """A published release of these artifacts."""

    def take(name: str, version: str, artifact_ids: list[int], **fields: Any) -> Release:
        said: dict[str, Any] = {"severity": "feature", "notes": NOTES, **fields}
        draft = service.create_release(
            NewRelease(name=name, version=version, artifact_ids=artifact_ids, **said), admin, clock()
        )
        service.publish(draft.pk, keys.open_role(made_trust / "keys", "targets", lambda _: PASSPHRASE), admin, clock())
        return draft

    return take


@pytest.fixture
def firmware(publish: Callable[..., Release], admin: Identity, clock: Moment) -> Callable[..., Release]:
    """A release for ddi clients: one opaque file."""

    def take(filename: str = "board-2.swu", payload: bytes = PAYLOAD, version: str = "2") -> Release:
        what = artifacts.Passthrough(filename, "os", "board", version)
        artifact = artifacts.add_passthrough(place.artifacts(), what, [payload], admin, clock())
        return publish("board", version, [artifact.pk])

    return take


@pytest.fixture
def software(publish: Callable[..., Release], admin: Identity, clock: Moment, tmp_path: Path) -> Callable[..., Release]:
    """A release for our own terminals: one bundle."""

    def take(version: str = "1.0.0", **fields: Any) -> Release:
        source = tmp_path / f"till-{version}"
        source.mkdir()
        (source / "component.toml").write_text(COMPONENT.format(version=version), encoding="utf-8")
        (source / "main.py").write_text("print('ready')\n", encoding="utf-8")
        body = build(source, source.with_suffix(".evb")).path.read_bytes()
        return publish("till", version, [artifacts.add_bundle(place.artifacts(), [body], admin, clock()).pk], **fields)

    return take


@pytest.fixture
def assign(admin: Identity, clock: Moment) -> Callable[..., Action]:
    def take(device: Device, release: Release, **options: Any) -> Action:
        return rollouts.assign(device.serial, release.pk, admin, clock(), options=rollouts.AssignOptions(**options))

    return take
