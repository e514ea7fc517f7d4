"""Commands of a till as children: bounded, tied to their parent, alone and gentle in rehearsal."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from evertill.terminal.agent.journey.children import run_command
from evertill.terminal.agent.journey.step import StepFailed
from evertill.terminal.processes import start_ticks
from tests.fakes.rig import until

PYTHON = [sys.executable, "-I", "-S", "-c"]


def said_by(program: str, **how: bool) -> dict[str, object]:
    return run_command("test", [*PYTHON, program], timeout_s=20, **how).said


def test_answer_and_refusal_are_told_apart() -> None:
    assert said_by("print('{\"a\": 1}')") == {"a": 1}
    refused = run_command("test", [*PYTHON, 'print(\'{"code": "NO"}\'); raise SystemExit(1)'], timeout_s=20)
    assert (refused.ok, refused.what) == (False, "NO")


@pytest.mark.parametrize(
    ("program", "what"),
    [
        ("raise SystemExit(3)", "test: exit 3"),
        ("1 / 0 if False else open('/nowhere')", "cannot be read"),
        ("import os; os.kill(os.getpid(), 9)", "test: exit -9"),
        ("print('no json')", "test: its answer cannot be read"),
        ("print('[]')", "test: its answer is no object"),
    ],
)
def test_crash_or_rubbish_is_a_failure(program: str, what: str) -> None:
    with pytest.raises(StepFailed, match=what):
        said_by(program)


def test_child_that_takes_too_long_is_ended() -> None:
    with pytest.raises(StepFailed, match="not done within"):
        run_command("test", [*PYTHON, "import time; time.sleep(60)"], timeout_s=0.3)


def test_rehearsal_is_gentle() -> None:
    program = "import os; print('{\"nice\": %d}' % os.nice(0))"
    assert said_by(program, rehearsal=True) == {"nice": 19}
    assert said_by(program) == {"nice": 0}


def test_rehearsal_has_nobody_on_its_network() -> None:
    program = "import json, os; print(json.dumps({'net': os.readlink('/proc/self/ns/net'), 'uid': os.getuid()}))"
    answered = run_command("test", [*PYTHON, program], timeout_s=20, rehearsal=True)
    outside = str(Path("/proc/self/ns/net").readlink())
    assert (answered.said["net"] != outside) == answered.alone
    assert answered.said["uid"] == os.getuid()


def test_child_dies_with_its_agent(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    child_program = f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    agent = (
        "import sys; from evertill.terminal.agent.journey.children import run_command;"
        f"run_command('test', [sys.executable, '-I', '-S', '-c', {child_program!r}], timeout_s=60)"
    )
    parent = subprocess.Popen([sys.executable, "-I", "-c", agent])
    until(lambda: pid_file.exists() and pid_file.read_text(), "the child runs")
    child = int(pid_file.read_text())
    parent.kill()
    parent.wait()
    until(lambda: start_ticks(child) is None, "the child is gone")
