"""Whatever is killed, nothing of the demo is left: not the player's children, not what outlived them, not the folder's processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from evertill.sim.demo import folder
from evertill.sim.demo.cashier import new_pin
from evertill.sim.demo.stage import far_window

if TYPE_CHECKING:
    from collections.abc import Callable

EVERTILL = Path(sys.executable).with_name("evertill")
# A till: it outlives the supervisor that started it, in a process group of its own, and hears no polite signal.
TREE = """
import os, signal, subprocess, sys, time
from pathlib import Path
from evertill.sim.demo.processes import adopt_orphans, end_descendants, raise_when_told_to_stop, ToldToStop
adopt_orphans()
raise_when_told_to_stop()
till = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(600)"
supervisor = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {till!r}, {sys.argv[1]!r}], process_group=0).stdout"
try:
    subprocess.run([sys.executable, "-c", supervisor, sys.argv[1]], stdout=subprocess.DEVNULL)
    print("up", flush=True)
    time.sleep(600)
except ToldToStop:
    pass
finally:
    import evertill.sim.demo.processes as processes
    processes.POLITE_S = 0.2
    end_descendants()
"""


def eventually(condition: Callable[[], object], within_s: float = 90.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def named(text: str) -> set[int]:
    """Living processes whose command line or environment names this."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except OSError:
                continue
            if text.encode() in words:
                found.add(int(entry.name))
    return found


def test_what_outlived_its_parent_is_ended_too(tmp_path: Path) -> None:
    mark = str(tmp_path / "a till")
    process = subprocess.Popen([sys.executable, "-c", TREE, mark], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    assert len(named(mark)) == 2  # the tree's root, and what outlived its parent
    process.terminate()
    process.wait(30)
    process.stdout.close()
    assert not named(mark)


@pytest.mark.journey
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
@pytest.mark.long
def test_demo_that_is_ended_leaves_nothing(
    number: signal.Signals, bundles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command: list[str | Path] = [EVERTILL, "demo", "--headless", "--bundles", str(bundles)]
    with (tmp_path / "log").open("wb") as log:
        demo = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    eventually(lambda: any("processes.web" in _command(pid) for pid in named(str(tmp_path))))
    demo.send_signal(number)
    assert demo.wait(60) == (-signal.SIGKILL if number == signal.SIGKILL else 0)
    eventually(lambda: not named(str(tmp_path)), 60)
    assert number == signal.SIGKILL or not list(tmp_path.glob("*evertill-demo-*"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder.clear_abandoned()  # as the next demo does
    assert not list(tmp_path.glob("*evertill-demo-*"))


def test_what_a_demo_left_is_ended_and_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed together with its player, it could end nobody: an agent that names its folder, and a server that bears its mark, live on."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left = tmp_path / "evertill-demo-left"
    (left / "home").mkdir(parents=True)
    sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    with (
        subprocess.Popen([*sleep, str(left / "home")]) as agent,
        subprocess.Popen(sleep, env={**os.environ, "EVERTILL_DEMO": str(left)}) as server,
        subprocess.Popen(["tail", "-f", "/dev/null", "--", f"{left}/no-such-log"], stderr=subprocess.DEVNULL) as reader,
    ):
        try:
            eventually(lambda: {agent.pid, server.pid, reader.pid} <= named(str(left)))
            folder.clear_abandoned()
            assert named(str(left)) == {reader.pid}  # who only looks is left alone
        finally:
            for process in (agent, server, reader):
                process.kill()
    assert not left.exists()


def test_running_demo_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    held = folder.make()
    assert held.path.stat().st_mode & 0o777 == 0o700
    folder.clear_abandoned()
    assert held.path.is_dir()
    os.close(held.hold)
    folder.clear_abandoned()
    assert not held.path.exists()


@pytest.mark.parametrize("way", ["taken", "70000", "-1"])
def test_port_that_cannot_be_used_is_said_in_one_sentence(way: str, bundles: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = str(holder.getsockname()[1]) if way == "taken" else way
        command: list[str | Path] = [EVERTILL, "demo", "--bundles", bundles, f"--port={port}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"PORT_BUSY: Port {port} cannot be used: ")
    assert done.stderr.count("\n") == 1


def test_missing_bundles_are_said_before_anything_starts(tmp_path: Path) -> None:
    done = subprocess.run([EVERTILL, "demo", "--bundles", str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("BUNDLES_MISSING: ")
    assert "make bundles" in done.stderr


def test_random_pins_are_never_trivial() -> None:
    for _ in range(500):
        pin = new_pin()
        assert len(pin) == 6
        assert len({(int(after) - int(before)) % 10 for before, after in pairwise(pin)}) > 2
        assert len(set(pin)) > 2


def test_far_window_is_two_hours() -> None:
    opens, closes = (int(moment[:2]) * 60 + int(moment[3:]) for moment in far_window().split("-"))
    assert (closes - opens) % (24 * 60) == 120


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode()
    except OSError:
        return ""
