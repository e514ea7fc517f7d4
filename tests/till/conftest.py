"""Staged versions, shops with operators, running tills."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.till.driver import PINS, RunningTill, copied, run_till, started
from till.stage import stage


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The staged tree of a version, made once per test process."""
    made: dict[str, Path] = {}

    def staged(version: str) -> Path:
        if version not in made:
            made[version] = tmp_path_factory.mktemp("tree") / version
            stage(version, made[version])
        return made[version]

    return staged


@pytest.fixture(scope="session")
def pin_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pins") / "pins"
    path.touch(mode=0o600)
    path.write_text("".join(f"{number} {pin}\n" for number, pin in PINS.items()), encoding="ascii")
    return path


@pytest.fixture(scope="session")
def new_shop(
    tree: Callable[[str], Path], pin_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """A data folder of a version with operators and no sales, made once per test process; never to be written."""
    made: dict[str, Path] = {}

    def enrolled(version: str) -> Path:
        if version not in made:
            made[version] = tmp_path_factory.mktemp("shop") / version
            code, answer = run_till(tree(version), "enrol", "--data", made[version], "--pin-file", pin_file)
            assert code == 0, answer
        return made[version]

    return enrolled


@pytest.fixture
def shop(new_shop: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Path]:
    """This test's own copy of it."""
    return lambda version: copied(new_shop(version), tmp_path / f"data-{version}")


@pytest.fixture
def start(tree: Callable[[str], Path], tmp_path: Path) -> Iterator[Callable[..., RunningTill]]:
    """Starts tills of this test; all are gone at its end."""
    with ExitStack() as stack:

        def running(data: Path, *options: str, version: str = "1.2.0", run: str = "run") -> RunningTill:
            return stack.enter_context(started(tree(version), data, tmp_path / run, *options))

        yield running


@pytest.fixture
def till(shop: Callable[[str], Path], start: Callable[..., RunningTill]) -> RunningTill:
    """A selling 1.2.0."""
    return start(shop("1.2.0")).wait_ready()
