"""What evertill.toml may set, and what it is told when it says something else."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from evertill.server import configuration, limits
from evertill.server.limits import DoorLimits

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return configuration.create(tmp_path / "data", "DEFAULT").data


def add(data: Path, text: str) -> None:
    with (data / configuration.FILE).open("a", encoding="utf-8") as file:
        file.write(text)


def test_without_a_section_the_defaults_hold(data: Path) -> None:
    assert configuration.load(data).limits == DoorLimits()


def test_what_the_operator_sets_counts_and_the_rest_stays(data: Path) -> None:
    add(data, "[device_door]\nparallel_downloads = 7\nstalled_after_s = 90\n")
    wanted = dataclasses.replace(DoorLimits(), parallel_downloads=7, stalled_after_s=90)
    assert configuration.load(data).limits == wanted


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[device_door]\nparallel_downloads = 0\n", "parallel_downloads = 0: write a whole number from 1 to 10000"),
        ("[device_door]\nparallel_downloads = 10001\n", "from 1 to 10000"),
        ("[device_door]\nparallel_downloads = '50'\n", "whole number"),
        ("[device_door]\nparallel_downloads = 5.5\n", "whole number"),
        ("[device_door]\nparallel_downloads = true\n", "whole number"),
        ("[device_door]\nparalel_downloads = 50\n", "write one of: parallel_downloads, "),
        ("[device_door]\nbody_bytes = 1\n", "is no limit"),
        ("device_door = 50\n", "is a table"),
        ("[device_door\n", "cannot be read"),
    ],
)
def test_a_limit_that_is_none_is_refused_with_what_to_write(data: Path, text: str, told: str) -> None:
    add(data, text)
    with pytest.raises(configuration.SettingsInvalidError, match=r"evertill\.toml") as refusal:
        configuration.load(data)
    assert told in str(refusal.value)


def test_every_bound_contains_its_default() -> None:
    for name, (least, most) in limits.BOUNDS.items():
        assert least <= getattr(DoorLimits(), name) <= most
