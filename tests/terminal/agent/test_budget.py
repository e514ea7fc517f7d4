"""Mobile data: counted, by the terminal's own months, and never given back by an accident."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from evertill.protocol.policy import Download, Policy
from evertill.terminal.agent.budget import CellularBudget
from evertill.terminal.agent.metering import CellularMeter
from evertill.terminal.agent.preflight.simulated import Scene, SimulatedSources
from evertill.terminal.agent.preflight.sources import Link, LinkKind
from tests.terminal.agent.making import TurnedClock

ZONE = ZoneInfo("Asia/Shanghai")
MB = 10**6


@pytest.fixture
def budget(state: Path, clock: TurnedClock) -> CellularBudget:
    return CellularBudget(state / "cellular.json", clock, ZONE)


def test_what_was_spent_is_gone_also_after_a_restart(budget: CellularBudget, state: Path, clock: TurnedClock) -> None:
    budget.spend(5 * MB)
    assert CellularBudget(state / "cellular.json", clock, ZONE).left_bytes(20 * MB) == 15 * MB


def test_a_month_begins_when_it_begins_at_the_terminal(budget: CellularBudget, clock: TurnedClock) -> None:
    budget.spend(20 * MB)
    clock.now = datetime(2026, 11, 30, 15, 59, tzinfo=UTC)  # 23:59 in Shanghai
    assert budget.left_bytes(20 * MB) == 0
    clock.now = datetime(2026, 11, 30, 16, 0, tzinfo=UTC)
    assert budget.left_bytes(20 * MB) == 20 * MB


def test_a_clock_set_back_opens_no_new_month(budget: CellularBudget, clock: TurnedClock) -> None:
    budget.spend(20 * MB)
    clock.turn(days=-40)
    assert budget.left_bytes(20 * MB) == 0


def test_a_damaged_count_means_the_month_is_spent(budget: CellularBudget, state: Path, clock: TurnedClock) -> None:
    budget.spend(1)
    (state / "cellular.json").write_bytes(b"\x00" * 30)
    assert budget.left_bytes(20 * MB) == 0
    clock.turn(days=40)
    assert budget.left_bytes(20 * MB) == 20 * MB


@pytest.mark.parametrize(
    ("kind", "download", "left"),
    [
        ("wired", Download.ANY, None),
        ("wifi", Download.UNMETERED, None),
        ("local", Download.ANY, None),
        ("cellular", Download.ANY, 20 * MB),
        ("unknown", Download.ANY, 20 * MB),
        ("cellular", Download.UNMETERED, 0),
    ],
)
def test_only_mobile_data_have_a_limit(
    budget: CellularBudget, state: Path, kind: LinkKind, download: Download, left: int | None
) -> None:
    import msgspec

    (state / "scene.json").write_bytes(msgspec.json.encode(Scene(link=Link(kind))))
    meter = CellularMeter(budget, SimulatedSources(state / "scene.json"), lambda: Policy(download=download))
    assert meter.left_bytes() == left
    meter.spend(MB)
    assert budget.left_bytes(20 * MB) == (20 * MB if left is None else 19 * MB)
