"""What the demo prints and lays ready for whoever visits it, without starting anything."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from tools.pictures import visit_of

from evertill.sim.demo import cast, said
from evertill.sim.demo.stage import Stage

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Laid out on paper: each real terminal tells a port of its screen, nobody listens there."""
    stage = Stage(tmp_path, 46001)
    for number, terminal in enumerate(stage.terminals.values(), start=46002):
        (terminal.home / "run").mkdir(parents=True)
        (terminal.home / "run" / "screen.port").write_text(str(number))
    return stage


def test_everything_one_signs_in_with_is_printed(stage: Stage) -> None:
    printed = "\n".join(said.addresses(stage, 12.3))
    assert f"http://127.0.0.1:46001/\n                        {cast.ADMIN}   {stage.passwords[cast.ADMIN]}" in printed
    for number, terminal in enumerate(stage.terminals.values(), start=46002):
        assert f"http://127.0.0.1:{number}/   {terminal.serial}" in printed
        assert all(pin in printed for pin in (terminal.owner_pin, *terminal.cashier.pins.values()))


def test_pictures_find_their_way_by_what_is_printed(stage: Stage) -> None:
    printed = "\n".join([*said.addresses(stage, 12.3), *said.invitation(stage)])
    off = stage.terminals[cast.OFF.serial]
    visit = visit_of(printed)
    assert visit.console == stage.office.url
    assert (visit.login, visit.password) == (cast.ADMIN, stage.passwords[cast.ADMIN])
    assert (visit.terminal, visit.owner_pin) == (f"http://127.0.0.1:{off.screen_port()}", off.owner_pin)
    with pytest.raises(SystemExit, match="not what a demo prints"):
        visit_of("\n".join(said.addresses(stage, 12.3)))  # its story is not over


def test_printed_line_makes_a_shell_the_operators(stage: Stage) -> None:
    stage.write_shell()
    assert stage.shell.stat().st_mode & 0o777 == 0o600
    line = f". {stage.shell}; command -v evertill; echo $EVERTILL_DATA $EVERTILL_KEYS; echo $EVERTILL_PASSPHRASE"
    done = subprocess.run(["bash", "-c", line], env={"PATH": os.defpath}, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[1:] == [
        f"{stage.folder}/server {stage.folder}/keys",
        stage.office.installation["EVERTILL_PASSPHRASE"],
    ]
    assert done.stdout.splitlines()[0].endswith("/evertill")


def test_programs_compile_once_also_where_python_must_not_write(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    environment = Stage(tmp_path, 46001).office.environment
    assert "PYTHONDONTWRITEBYTECODE" not in environment
    assert environment["PYTHONPYCACHEPREFIX"].startswith(str(tmp_path))


def test_somebody_elses_installation_is_not_the_demos(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("EVERTILL_DATA", "EVERTILL_DATABASE", "EVERTILL_AS", "EVERTILL_KEYS"):
        monkeypatch.setenv(name, "/somebody/elses")
    assert "/somebody/elses" not in Stage(tmp_path, 46001).office.environment.values()
