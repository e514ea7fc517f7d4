"""A till's own commands run as children of the agent: never beyond their time, never beyond the agent's life.

Rules kept here: each child goes through `confine.py`, which ties it to the agent and, in rehearsal, makes it gentle and cuts it off
the network; an exit other than 0 and 1 is a crash; stdout is one JSON object (till/CONTRACT.md, section 2).
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

from evertill.terminal.agent.journey.step import StepFailed

_CONFINE: Final = Path(__file__).with_name("confine.py")
EXIT_NOT_ALONE: Final = 75  # EX_TEMPFAIL, sysexits.h: this kernel gives us no network namespace


class Answered(NamedTuple):
    ok: bool
    said: dict[str, Any]
    seconds: float
    alone: bool  # it had a network of its own, with nobody in it

    @property
    def what(self) -> str:
        """Why it refused, in a word."""
        return str(self.said.get("code") or self.said.get("detail") or "no reason given")


def run_command(name: str, command: list[str], *, timeout_s: float, rehearsal: bool = False) -> Answered:
    """Run the command to its end.

    Raises:
        StepFailed: it crashed, ran out of time, or said nothing that can be read.
    """
    if not rehearsal:
        return _run(name, command, [], timeout_s)
    answered = _run(name, command, ["--gentle", "--alone"], timeout_s)
    return answered if answered.alone else _run(name, command, ["--gentle"], timeout_s)


def _run(name: str, command: list[str], how: list[str], timeout_s: float) -> Answered:
    confined = [sys.executable, "-I", "-S", str(_CONFINE), str(os.getpid()), *how, "--", *command]
    began = time.monotonic()
    child = subprocess.Popen(
        confined, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        said, complaint = child.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired as error:
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
        raise StepFailed(f"{name}: not done within {timeout_s:.0f} s") from error
    if child.returncode == EXIT_NOT_ALONE and "--alone" in how:
        return Answered(ok=False, said={}, seconds=0, alone=False)
    if child.returncode not in {0, 1}:
        last = complaint.decode(errors="replace").strip().rpartition("\n")[2]
        raise StepFailed(f"{name}: exit {child.returncode} {last[:80]}".rstrip())
    return Answered(child.returncode == 0, _object(name, said), time.monotonic() - began, "--alone" in how)


def _object(name: str, said: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(said)
    except ValueError as error:
        raise StepFailed(f"{name}: its answer cannot be read") from error
    if not isinstance(answer, dict):
        raise StepFailed(f"{name}: its answer is no object")
    return answer
