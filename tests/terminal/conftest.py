from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.components import first_generation, stage_params, stage_till
from tests.fakes.rig import Rig, install_agent, short_home, until


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A shop that sells with till 1.0.0 and has five sales in its journal."""
    home = short_home(tmp_path)
    first_generation(home, stage_till(tmp_path / "till"), stage_params(tmp_path / "params"))
    install_agent(home)
    rig = Rig(home)
    rig.start()
    try:
        until(rig.sells, "the till sells")
        for number in range(5):
            assert rig.tell_till(do="sale", key=f"sale-{number}", fen=100) == {"ok": True}
        yield rig
    finally:
        rig.close()
