"""A terminal to test with: a home, a real supervisor and real tills, and neighbours that say yes unless told otherwise."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evertill.protocol.journey import State
from evertill.protocol.release import ReleaseComponent
from evertill.terminal.agent.journey.journal import Journey
from evertill.terminal.agent.journey.run import Journeys, Order
from evertill.terminal.agent.journey.states import Neighbours
from evertill.terminal.agent.journey.step import NotYet
from evertill.terminal.generations.folders import AGENT, MANIFEST, GenerationFolders
from evertill.terminal.generations.scratch import clear
from evertill.terminal.lines import Unreachable, ask
from evertill.terminal.processes import command_line, read_pidfile
from evertill.terminal.supervisor_client import Supervisor
from evertill.terminal.till_client import Till, TillSilent, TillState

DEADLINE_S = 20.0
_SLEEPER = ["{python}", "-I", "-S", "-c", "import time; time.sleep(1e6)", "{run}/agents/1/"]


def until(wanted: Callable[[], object], what: str, deadline_s: float = DEADLINE_S) -> None:
    """Poll a condition; the test fails when it does not come true in time."""
    deadline = time.monotonic() + deadline_s
    while not wanted():
        assert time.monotonic() < deadline, f"not within {deadline_s:.0f} s: {what}"
        time.sleep(0.01)


def install_agent(home: Path, command: list[str] = _SLEEPER, number: int = 1) -> None:
    """An agent of the test's own, as an updated agent would lie there."""
    agents = GenerationFolders(home / "agents")
    slot = agents.slot(number, AGENT)
    slot.mkdir(parents=True)
    (slot / MANIFEST).write_text(json.dumps({"version": str(number), "entry_points": {"start": command}}))
    agents.commit(number)
    agents.flip(number)


@dataclass
class Answers:
    """What the neighbours say; a test changes them while a journey is under way."""

    bundles: Path
    held: dict[State, NotYet | Exception | None] = field(default_factory=dict)
    entered: list[Journey] = field(default_factory=list)
    ended: list[Journey] = field(default_factory=list)
    backups: int = 0

    def neighbours(self) -> Neighbours:
        return Neighbours(
            consent=self._question(State.CONSENT),
            before_download=self._question(State.PREFLIGHT1),
            download=self._question(State.DOWNLOADING),
            trusted=self._question(State.CHECKING),
            permitted=self._question(State.WAITING),
            before_install=self._question(State.PREFLIGHT2),
            back_up=self._back_up,
            fresh=self._question(State.REFRESHING),
            bundle=lambda part: self.bundles / part.path,
            entered=self.entered.append,
            ended=self.ended.append,
        )

    def _question(self, state: State) -> Callable[[Journey, datetime], NotYet | None]:
        def question(_journey: Journey, _now: datetime) -> NotYet | None:
            answer = self.held.get(state)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return question

    def _back_up(self, _journey: Journey, _now: datetime) -> str:
        self.backups += 1
        return f"backup-{self.backups}"


class Rig:
    """One terminal. `close()` ends every process that belongs to its home."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.run = home / "run" / "till"
        self.generations = GenerationFolders(home / "generations")
        self.till = Till(self.run)
        self.supervisor = Supervisor(home / "run" / "supervisor.sock")
        self.clients = [self.supervisor]  # of the supervisor; their connections end with the rig
        self.process: subprocess.Popen[bytes] | None = None
        (home / "state").mkdir(parents=True, exist_ok=True)

    def start(self, *, grace_s: float = 30.0) -> None:
        """Start the supervisor and wait until it answers."""
        self.launch(grace_s=grace_s)
        until(self.supervisor_answers, "the supervisor answers")

    def launch(self, *under: str, grace_s: float = 30.0) -> None:
        """Start the supervisor, `under` another program if need be (strace); does not wait."""
        supervisor = [sys.executable, "-I", "-m", "evertill.terminal.supervisor", str(self.home), str(grace_s)]
        command = [*under, *supervisor]
        (self.home / "logs").mkdir(exist_ok=True)
        with (self.home / "logs" / "supervisor.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def supervisor_answers(self) -> bool:
        with suppress(Unreachable):
            return self.supervisor.state()["ok"] is True
        return False

    def kill_supervisor(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def sells(self, version: str | None = None) -> bool:
        state = self.state()
        return state is not None and state.mode == "selling" and version in {None, state.version}

    def state(self) -> TillState | None:
        with suppress(TillSilent):
            return self.till.state()
        return None

    def tell_till(self, **request: Any) -> dict[str, Any]:
        return ask(self.run / "ready.sock", request, 3.0)

    def till_pid(self) -> int | None:
        return read_pidfile(self.run / "till.pid")

    def processes(self) -> list[int]:
        """Every process whose command line names this home."""
        mine = f"{self.home}/"
        found = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
        return [pid for pid in found if any(mine in part or part == str(self.home) for part in command_line(pid))]

    def close(self) -> None:
        for supervisor in self.clients:
            supervisor.release()
        for _ in range(50):
            left = [pid for pid in self.processes() if pid != os.getpid()]
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if self.process is not None:
                self.process.wait()
            if not left:
                clear(self.generations.root)
                return
            time.sleep(0.02)
        raise AssertionError(f"processes left behind: {left}")


@dataclass
class Traveller:
    """The agent's journey loop in the test's own process."""

    rig: Rig
    answers: Answers

    def __post_init__(self) -> None:
        self.journeys = self.fresh()
        self.journeys.resume()

    def fresh(self) -> Journeys:
        journeys = Journeys(self.rig.home, self.answers.neighbours(), lambda: datetime.now(UTC))
        self.rig.clients.append(journeys.supervisor)
        return journeys

    def begin(self, *parts: ReleaseComponent, release: int = 2, **order: Any) -> None:
        version = parts[0].version if parts else "back"
        self.journeys.begin(
            Order(id=f"action-{release}", action=release, release=release, version=version, parts=parts, **order)
        )

    def go(self, stop_in: State | None = None, turns: int = 60) -> list[State]:
        """Turn until the journey is over or rests, or enters `stop_in`; the states it went through."""
        seen: list[State] = []
        for _ in range(turns):
            journey = self.journeys.journey
            if journey is None or journey.state is stop_in:
                return seen
            seen.append(journey.state)
            again = self.journeys.turn()
            if again is not None and again > datetime.now(UTC):
                return seen
        raise AssertionError(f"no end: {seen}")


def rss_mib(pid: int) -> float:
    """Resident memory, as /proc/PID/status has it."""
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def short_home(tmp_path: Path) -> Path:
    """A fresh home below the test's folder."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    return home


def copy_home(prepared: Path, home: Path) -> Path:
    """A home as a power cut leaves it: what lies on the disk, and nothing that lives in memory (sockets, pipes)."""
    return shutil.copytree(prepared, home, symlinks=True, ignore=_what_lives_in_memory)


def _what_lives_in_memory(folder: str, names: list[str]) -> list[str]:
    def special(path: Path) -> bool:
        return path.is_socket() or path.is_fifo()

    return [name for name in names if special(Path(folder, name))]
