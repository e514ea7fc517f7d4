"""What every kind of test may ask for."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

TOP = Path(__file__).parents[1]
KILL_SEED = "EVERTILL_KILL_SEED"

# A slow machine is no failure: a property is judged by what it says, not by how long one example took.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


def pytest_configure() -> None:
    """Before any worker starts: all of them draw the same sample of kills."""
    os.environ.setdefault(KILL_SEED, str(random.randrange(10**6)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole stories first: what takes longest must not be what the last worker begins with."""
    items.sort(key=lambda item: "journeys" not in item.path.parts)


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    ended = [report for how in ("passed", "failed") for report in terminalreporter.getreports(how)]
    if points := sum("killed" in dict(report.user_properties) for report in ended if report.when == "call"):
        terminalreporter.write_line(f"{points} points killed, seed {os.environ[KILL_SEED]} ({KILL_SEED} repeats it)")


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with every version of the till as a bundle, as `make bundles` leaves it (built here where it is missing)."""
    folder = TOP / "build/bundles"
    if not (folder / "till-1.0.0.evb").exists():
        folder = tmp_path_factory.mktemp("bundles")
        subprocess.run([sys.executable, str(TOP / "tools/bundles.py"), str(folder)], check=True, cwd=TOP)
    return folder
