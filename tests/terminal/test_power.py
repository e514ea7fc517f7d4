"""Switching off: the processes always, the machine only where the provision file says so. The command is a recorder, never the real one."""

from pathlib import Path

import pytest

from evertill.terminal.power import Power, PowerRefused
from tests.fakes.rig import Rig, until


@pytest.fixture
def recorder(tmp_path: Path) -> Path:
    """Stands in for `systemctl poweroff`, and writes down that it was called."""
    script = tmp_path / "poweroff"
    script.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/switched-off\n')
    script.chmod(0o700)
    return script


def calls(recorder: Path) -> list[str]:
    record = recorder.with_name("switched-off")
    return record.read_text().splitlines() if record.exists() else []


def test_machine_is_switched_off_after_its_processes_were(rig: Rig, recorder: Path) -> None:
    Power(rig.home, "systemd", (str(recorder), "now")).off()
    assert calls(recorder) == ["now"]
    until(lambda: rig.processes() == [], "nothing is left")


def test_machine_stays_on_where_the_provision_file_does_not_say_systemd(rig: Rig, recorder: Path) -> None:
    Power(rig.home, "none", (str(recorder), "now")).off()
    until(lambda: rig.processes() == [], "nothing is left")
    assert calls(recorder) == []


def test_sale_keeps_the_machine_on(rig: Rig, recorder: Path) -> None:
    rig.tell_till(do="first_key")
    with pytest.raises(PowerRefused, match="SALE_IN_PROGRESS"):
        Power(rig.home, "systemd", (str(recorder), "now")).off()
    assert calls(recorder) == []
    assert rig.sells()


def test_update_that_is_switching_keeps_the_machine_on(rig: Rig, recorder: Path) -> None:
    rig.supervisor.hold()
    with pytest.raises(PowerRefused, match="HELD"):
        Power(rig.home, "systemd", (str(recorder), "now")).off()
    assert calls(recorder) == []


def test_without_a_supervisor_nothing_is_switched_off(tmp_path: Path, recorder: Path) -> None:
    with pytest.raises(PowerRefused, match="SUPERVISOR_SILENT"):
        Power(tmp_path, "systemd", (str(recorder), "now")).off()
    assert calls(recorder) == []


def test_restarting_calls_its_own_command_after_the_processes_ended(rig: Rig, recorder: Path) -> None:
    Power(rig.home, "systemd", ("/bin/false",), (str(recorder), "again")).restart()
    assert calls(recorder) == ["again"]
    until(lambda: rig.processes() == [], "nothing is left")
