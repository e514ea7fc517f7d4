"""The server's side of a kill: who offers the update, and what it believes afterwards.

Two kinds keep the port `Door`. `StandIn` is a device door in this process: signed metadata, DDI answers and nothing else, so that hundreds of kills fit into
minutes; `RealDoor` (`real_door.py`) is `evertill serve`, and what is believed is asked of its database.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from evertill.protocol.provision import Provision
from tests.fakes.components import work_folder
from tests.fakes.fake_server import FakeServer, running_server
from tests.fakes.shop import ANY_TIME, Shop
from tests.journeys.kill.points import NEW, Story

ACTION: Final = 7
RELEASE: Final = 12


class Told(NamedTuple):
    """What the server believes once the action is closed. `outcomes`: of every report that closed it or tried to."""

    outcomes: tuple[str, ...]
    success: bool
    version: str
    generation: int


class Door(Protocol):
    def provision(self) -> Provision:
        """What leads the terminal here."""

    def offer(self) -> None:
        """Give the terminal the update; repeated for a home that has it already."""

    def told(self) -> Told | None:
        """None = the action is open, or the terminal has not said itself what runs."""

    def close(self) -> None: ...


class SignedRelease(NamedTuple):
    root: dict[str, Any]
    metadata: Mapping[str, bytes]
    files: dict[str, bytes]


@cache
def release_of(story: Story) -> SignedRelease:
    """Till 1.1.0 with the story's fault, signed; once per process, so that copies of a home trust the same keys."""
    with running_server() as server:
        shop = Shop(work_folder("mint"), server)
        _release, files = shop.release(NEW[story], RELEASE, fault="" if story == "good" else story)
        return SignedRelease(msgspec.json.decode(shop.mint.root_bytes), server.tuf, files)


class StandIn:
    def __init__(self, story: Story) -> None:
        self._release = release_of(story)
        self._server = FakeServer()
        self._server.tuf = dict(self._release.metadata)
        self._server.sleep = "00:00:02"
        self._server.set_policy(1, window=ANY_TIME)
        self._server.start()

    def provision(self) -> Provision:
        words = self._server.provision(model="T1", hardware_revision="B", root=self._release.root)
        return msgspec.convert(words, Provision)

    def offer(self) -> None:
        self._server.offer(ACTION, RELEASE, self._release.files)

    def told(self) -> Told | None:
        server = self._server
        if server.actions[ACTION].open or "component.till" not in server.attributes:
            return None
        closing = [said for said in self._reports() if said["status"]["execution"] == "closed"]
        return Told(
            outcomes=tuple(outcome_of(said["status"]["details"]) for said in closing),
            success=closing[0]["status"]["result"]["finished"] == "success",
            version=server.attributes["component.till"],
            generation=int(server.attributes["generation"]),
        )

    def _reports(self) -> list[Any]:
        """Every report on the action as it arrived, also those that came after it was closed."""
        path = f"{self._server.base}/deploymentBase/{ACTION}/feedback"
        said = [seen for seen in list(self._server.requests) if (seen.method, seen.path) == ("POST", path)]
        return [
            seen.json for seen in said if len(seen.body) == int(seen.headers["content-length"])
        ]  # not cut by a kill

    def close(self) -> None:
        self._server.stop()


def outcome_of(texts: list[str]) -> str:
    """The journey's end in the device's own words."""
    return next(text.removeprefix("outcome: ") for text in texts if text.startswith("outcome: "))
