"""The proof of being off: since when, who, when the server agreed, and every byte of payload since."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from evertill.protocol.ddi import PolicyChangeReport
from evertill.protocol.policy import Mode, Policy, Snapshot
from evertill.terminal.agent.policy import Effective
from evertill.terminal.agent.switched_off import CountingMeter, SwitchedOff
from tests.terminal.agent.making import NOW, Meter, TurnedClock

SAID = Snapshot(1, {}, "Asia/Shanghai")


@pytest.fixture
def off(state: Path, clock: TurnedClock) -> SwitchedOff:
    return SwitchedOff(state / "off.json", clock)


def effective(mode: Mode = Mode.NEVER, revision: int = 1, *, by: str = "") -> Effective:
    """`by`: changed at the terminal by this person, and not confirmed yet."""
    change = PolicyChangeReport(
        uuid="0" * 8,
        base_revision=revision,
        field="mode",
        value="never",
        way="terminal",
        person=by,
        risk_text="",
        made_at=NOW,
    )
    return Effective(Policy(mode=mode), revision, SAID, (change,) if by else (), forked=False)


def told(off: SwitchedOff, *, busy: bool = False) -> dict[str, Any]:
    found = off.told(busy=busy)["off"]
    assert isinstance(found, dict)
    return found


def test_while_updates_are_on_there_is_no_proof(off: SwitchedOff) -> None:
    off.observe(effective(Mode.MANUAL))
    assert off.told(busy=False) == {"off": None}


def test_switched_off_here_is_not_agreed_before_the_server_says_so(off: SwitchedOff, clock: TurnedClock) -> None:
    off.observe(effective(by="owner"))
    assert (told(off)["person"], told(off)["way"], told(off)["agreed"]) == ("owner", "terminal", False)
    clock.turn(seconds=13)
    off.observe(effective(revision=2))
    assert told(off)["agreed"]
    assert told(off)["revision"] == 2
    assert told(off)["since"] == "2026-11-20T06:30:00Z"
    assert told(off)["confirmed_at"] == "2026-11-20T06:30:13Z"


def test_with_an_update_under_way_both_sides_do_not_agree_yet(off: SwitchedOff) -> None:
    off.observe(effective())
    assert not told(off, busy=True)["agreed"]
    assert told(off)["agreed"]


def test_proof_outlives_a_restart(off: SwitchedOff, state: Path, clock: TurnedClock) -> None:
    off.observe(effective(by="owner"))
    off.observe(effective(revision=2))
    off.count(70)
    clock.turn(days=9)
    again = SwitchedOff(state / "off.json", clock)
    again.observe(effective(revision=2))
    assert told(again) == told(off)
    assert told(again)["payload_bytes"] == 70


def test_each_byte_of_payload_since_is_counted_and_none_before(off: SwitchedOff) -> None:
    inner = Meter(allowance=1000)
    meter = CountingMeter(inner, off)
    meter.spend(300)
    off.observe(effective())
    assert meter.left_bytes() == 700
    meter.spend(40)
    meter.spend(2)
    assert told(off)["payload_bytes"] == 42
    assert inner.spent == [300, 40, 2]


def test_switched_on_and_off_again_begins_a_new_proof(off: SwitchedOff, clock: TurnedClock) -> None:
    off.observe(effective())
    off.count(5)
    off.observe(effective(Mode.AUTOMATIC, 2))
    clock.turn(hours=1)
    off.observe(effective(revision=3))
    assert told(off)["payload_bytes"] == 0
    assert told(off)["since"] == (NOW + timedelta(hours=1)).isoformat().replace("+00:00", "Z")


def test_switched_off_elsewhere_names_nobody_here(off: SwitchedOff) -> None:
    off.observe(effective())
    assert (told(off)["way"], told(off)["person"]) == ("server", "")


def test_damaged_proof_begins_anew_and_never_says_more(state: Path, clock: TurnedClock) -> None:
    (state / "off.json").write_text("rubbish")
    off = SwitchedOff(state / "off.json", clock)
    assert off.told(busy=False) == {"off": None}
    assert (state / "off.json.damaged").exists()
