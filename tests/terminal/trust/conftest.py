"""A lying mint behind a real server, and a terminal that only knows its root."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.terminal.trust.mint import Mint, serving
from tests.terminal.trust.terminal import Terminal


@pytest.fixture
def mint() -> Mint:
    return Mint()


@pytest.fixture
def served(mint: Mint) -> Iterator[tuple[str, list[str]]]:
    with serving(mint.files) as server:
        yield server


@pytest.fixture
def make_terminal(mint: Mint, served: tuple[str, list[str]], tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    made: list[Terminal] = []

    def make(**fields: object) -> Terminal:
        home = tmp_path / f"home-{len(made)}"
        made.append(Terminal(home, served[0], mint.root_bytes, **fields))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for terminal in made:
        terminal.connection.close()


@pytest.fixture
def terminal(make_terminal: Callable[..., Terminal]) -> Terminal:
    return make_terminal()
