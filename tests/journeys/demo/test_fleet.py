"""Virtual terminals against the real, running server: they take a release as real ones do, and obey as real ones do."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.journeys.demo.test_processes import eventually
from tests.journeys.office import Office

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.journey
SERIALS = [f"VIRTUAL-{number}" for number in range(1, 5)]
BREAKS, OFF = SERIALS[2], SERIALS[3]
PATIENCE_S = 180.0


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, bundles: Path) -> Iterator[Office]:
    """A served installation where 1.1.0 is published and four virtual terminals run 1.0.0."""
    folder = tmp_path_factory.mktemp("fleet")
    with Office(folder) as office:
        office.say(
            "node", "add", "DEFAULT/shop", "--kind", "merchant", "--name-zh", "演示商户", "--name-en", "Demo shop"
        )
        office.say("model", "add", "virtual", "--hardware", "A")
        for field, value in (("poll_s", "2"), ("window", "00:00-24:00")):
            office.say("policy", "set", "DEFAULT", field, value)
        owner = ["--role", "merchant_owner", "--at", "DEFAULT/shop", "--password-file", str(folder / "password")]
        office.say("person", "add", "demo-owner", *owner)
        scene = {
            "url": f"http://127.0.0.1:{office.port}",
            "tenant": "DEFAULT",
            "step_s": 0.2,
            "terminals": add_all(office),
        }
        (folder / "scene.json").write_text(json.dumps(scene))
        office.say("policy", "off", OFF, "--as", "demo-owner", "--reason", "a demo")
        office.till_release(bundles / "till-1.1.0.evb", "1.1.0")
        fleet = subprocess.Popen([sys.executable, "-m", "evertill.sim.fleet", str(folder / "scene.json")])
        try:
            eventually(lambda: attribute(office, OFF, "policy.revision") not in {None, "0"}, PATIENCE_S)
            roll_out(office, folder / "serials")
            yield office
        finally:
            fleet.terminate()
            assert fleet.wait(20) == 0


def add_all(office: Office) -> list[dict[str, Any]]:
    """Two stand beside each other, one breaks on 1.1.0, one is switched off."""
    places = ["DEFAULT/shop", "DEFAULT/shop", "DEFAULT", "DEFAULT/shop"]
    terminals = []
    for serial, place in zip(SERIALS, places, strict=True):
        said = ["--serial", serial, "--model", "virtual", "--hardware-revision", "A", "--at", place]
        token = office.ask("terminal", "add", *said)["token"]
        outcomes = {"1.1.0": "rolled_back"} if serial == BREAKS else {}
        terminals.append({"serial": serial, "token": token, "components": {"till": "1.0.0"}, "outcomes": outcomes})
    return terminals


def roll_out(office: Office, file: Path) -> None:
    file.write_text("\n".join(SERIALS))
    made = office.ask("rollout", "create", "--release", "1", "--file", str(file), "--error", "90")
    office.say("rollout", "start", str(made["id"]))


def attribute(office: Office, serial: str, name: str) -> str | None:
    value = shown(office, serial)["attributes"].get(name)
    return None if value is None else str(value)


def shown(office: Office, serial: str) -> dict[str, Any]:
    found: dict[str, Any] = office.ask("terminal", "show", serial)
    return found


def last_action(office: Office, serial: str) -> dict[str, Any]:
    """The newest action of a terminal, with its history."""
    return office.action(shown(office, serial)["actions"][0]["id"])


def test_release_reaches_the_fleet(office: Office) -> None:
    eventually(lambda: all(last_action(office, serial)["verified"] for serial in SERIALS[:2]), PATIENCE_S)
    assert {attribute(office, serial, "component.till") for serial in SERIALS[:2]} == {"1.1.0"}


def began_at(action: dict[str, Any]) -> str:
    """When it took its shop's turn for good: the last time it began."""
    begins = [line["at"] for line in action["history"] if line["messages"] == ["step: preflight2"]]
    return str(begins[0])


def test_second_till_of_the_shop_begins_when_the_first_is_verified(office: Office) -> None:
    eventually(lambda: all(last_action(office, serial)["verified"] for serial in SERIALS[:2]), PATIENCE_S)
    first, second = sorted((last_action(office, serial) for serial in SERIALS[:2]), key=began_at)
    assert began_at(first) < first["verified_at"] <= began_at(second) < second["verified_at"]


def test_terminal_it_breaks_on_goes_back_and_says_so(office: Office) -> None:
    eventually(lambda: last_action(office, BREAKS)["state"] == "error", PATIENCE_S)
    assert last_action(office, BREAKS)["history"][0]["messages"] == ["outcome: rolled_back"]
    assert attribute(office, BREAKS, "component.till") == "1.0.0"


def test_switched_off_terminal_fetched_nothing(office: Office) -> None:
    action = last_action(office, OFF)
    assert action["verified"] is False
    assert not {"retrieved", "download"} & {line["type"] for line in action["history"]}
    assert attribute(office, OFF, "component.till") == "1.0.0"
