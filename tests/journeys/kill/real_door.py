"""The real server's side of a kill: `evertill serve` offers the update, and what it believes is asked of its own history afterwards.

One installation with its running server serves many kills; each gets a terminal of its own, added and assigned by ordinary commands, before the server
hears of it. The action is asked of the management API, what the terminal said of itself of the database.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.request import Request, urlopen

from evertill.protocol.provision import Provision, parse_provision
from tests.fakes.components import till_bundle
from tests.journeys.kill.doors import Told, outcome_of
from tests.journeys.kill.points import NEW, Story
from tests.journeys.office import Office
from tests.journeys.terminal.counter import demo_shop

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_NOTES: Final = ("--notes-zh", "演示版本", "--notes-en", "Demo version", "--severity", "feature")
_SAID: Final = "SELECT key, value FROM fleet_attribute a JOIN fleet_terminal t ON t.id = a.terminal_id WHERE serial = ?"


class RealServer:
    """`with RealServer(folder) as server:` serves until the block ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._office = Office(folder)
        self._releases: dict[Story, int] = {}
        self._token = ""
        self._terminals = 0
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(self._office)
        demo_shop(self._office)
        (token,) = self._office.say_all(["token", "create", "--scope", "read"])
        self._token = token.strip()
        return self

    def __exit__(self, *_problem: object) -> None:
        self._stack.close()

    def doors(self, stories: Sequence[Story]) -> list[RealDoor]:
        """One terminal for each, in a store of its own (a store's terminals wait for each other), with the story's release assigned to it."""
        self._publish(set(stories) - self._releases.keys())
        serials = [f"DEMO-KILL-{self._terminals + number}" for number in range(len(stories))]
        self._terminals += len(stories)
        files = [self._folder / f"{serial}.json" for serial in serials]
        url = f"http://127.0.0.1:{self._office.port}"
        what = ("--model", "D10", "--hardware-revision", "A", "--url", url)
        names = ("--kind", "store", "--name-zh", "演示门店", "--name-en", "Demo store")
        stores = [["node", "add", f"DEFAULT/shop/{serial.lower()}", *names] for serial in serials]
        added = [
            ["terminal", "add", "--serial", serial, *what, "--at", store[2], "--provision", str(file)]
            for serial, store, file in zip(serials, stores, files, strict=True)
        ]
        assigned = [
            ["terminal", "assign", serial, str(self._releases[story])]
            for serial, story in zip(serials, stories, strict=True)
        ]
        said = self._office.say_all(*stores, *added, *assigned)[-len(assigned) :]
        return [
            RealDoor(self, parse_provision(file.read_bytes()), int(line.split()[-1]))
            for file, line in zip(files, said, strict=True)
        ]

    def _publish(self, stories: Iterable[Story]) -> None:
        missing = sorted(stories)
        made = []
        for story in missing:
            bundles, part = till_bundle(NEW[story], 2, "" if story == "good" else story)
            made.append(["release", "create", "--component", str(bundles / part.path), "--name", "till", *_NOTES])
            made[-1] += ["--version", NEW[story], "--json"]
        numbers = [int(json.loads(said)["id"]) for said in self._office.say_all(*made)]
        self._office.say_all(*(["release", "publish", str(number)] for number in numbers))
        self._releases.update(zip(missing, numbers, strict=True))

    def action(self, number: int) -> Any:
        address = f"http://127.0.0.1:{self._office.port}/api/v1/actions/{number}"
        with urlopen(Request(address, headers={"Authorization": f"Bearer {self._token}"}), timeout=60) as answer:
            return json.load(answer)

    def said_by(self, serial: str) -> dict[str, str]:
        """What the terminal said of itself (configData), as the database has it."""
        with closing(sqlite3.connect(f"file:{self._office.data}/evertill.db?mode=ro", uri=True)) as database:
            return dict(database.execute(_SAID, (serial,)).fetchall())


class RealDoor:
    def __init__(self, server: RealServer, provision: Provision, action: int) -> None:
        self._server, self._provision, self._action = server, provision, action

    def provision(self) -> Provision:
        return self._provision

    def offer(self) -> None:
        """Assigned already; the server knows it from the first poll on."""

    def told(self) -> Told | None:
        """An action is closed when it failed, or when the terminal itself has said that the new version runs."""
        action = self._server.action(self._action)
        if action["state"] != "error" and not action["verified"]:
            return None
        ends = [line["messages"] for line in action["history"] if any("outcome: " in each for each in line["messages"])]
        said = self._server.said_by(self._provision.serial)
        return Told(
            outcomes=tuple(map(outcome_of, ends)),
            success=action["state"] == "finished" and action["verified"],
            version=said.get("component.till", ""),
            generation=int(said.get("generation", 0)),
        )

    def close(self) -> None:
        """The terminal stays in the books; its server serves the next one."""
