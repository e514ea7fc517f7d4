"""One running screen a test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.terminal.shell.scene import Browser, Scene, running


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with running(tmp_path) as made:
        yield made


@pytest.fixture
def browser(scene: Scene) -> Iterator[Browser]:
    with scene.browser() as made:
        yield made
