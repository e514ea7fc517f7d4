"""What every kind of test may ask for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

TOP = Path(__file__).parents[1]

# A slow machine is no failure: a property is judged by what it says, not by how long one example took.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with every version of the till as a bundle, as `make bundles` leaves it (built here where it is missing)."""
    folder = TOP / "build/bundles"
    if not (folder / "till-1.0.0.evb").exists():
        folder = tmp_path_factory.mktemp("bundles")
        subprocess.run([sys.executable, str(TOP / "tools/bundles.py"), str(folder)], check=True, cwd=TOP)
    return folder
