"""Runs one kill: a prepared home, the victim's death, a restart as the machine would do it, and the questions that must be answered.

While it runs, a cashier made of code sells at the till and remembers every sale the till acknowledged.
"""

import itertools
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import threading
from collections import Counter
from contextlib import closing, suppress
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple, Self

import msgspec
import pyrage

from evertill.protocol.journey import State
from evertill.terminal.agent.backup import Keys
from evertill.terminal.generations.folders import TILL
from evertill.terminal.generations.slot import check_slot
from evertill.terminal.lines import Unreachable
from tests.fakes.components import first_generation, stage_params, stage_till, till_bundle, work_folder
from tests.fakes.rig import DEADLINE_S, Rig, copy_home, install_agent, until
from tests.journeys.kill.points import NEEDS_ROOM, TRACED, Operation, Story, Transition

AGENT = Path(__file__).with_name("agent_under_kill.py")
END_WITHIN_S = 60.0
OLD, NEW = "1.0.0", "1.1.0"


class Cashier:
    """Sells without pause and keeps the keys of the sales that were acknowledged."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sell)
        self.acknowledged: list[str] = []
        self.tried: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _sell(self) -> None:
        for number in itertools.count():
            key = f"{self._rig.home.name}-{number}"
            self.tried.append(key)
            with suppress(Unreachable):
                if self._rig.tell_till(do="sale", key=key, fen=100).get("ok"):
                    self.acknowledged.append(key)
            if self._over.wait(0.02):
                return


def make_home(home: Path, story: Story) -> Rig:
    """A shop with till 1.0.0 and some sales, and an action that brings 1.1.0."""
    home.mkdir(mode=0o700)
    staged = home / "staged"
    first_generation(home, stage_till(staged / "till", OLD), stage_params(staged / "params"))
    shutil.rmtree(staged)
    for folder in ("reports", "cache", "state"):
        (home / folder).mkdir()
    bundles, part = till_bundle(NEW, 2, "" if story == "good" else story)
    shutil.copy(bundles / part.path, home / "cache")
    order = {"release": 2, "version": NEW, "parts": [msgspec.to_builtins(part)]}
    (home / "order.json").write_text(json.dumps(order))
    identity = pyrage.x25519.Identity.generate()
    keys = Keys(str(identity), str(pyrage.x25519.Identity.generate().to_public()))
    (home / "keys.json").write_bytes(msgspec.json.encode(keys))
    os.mkfifo(home / "trip.go")
    install_agent(home, ["{python}", "-I", "-B", str(AGENT), "{run}", "{run}/agents/1/"])
    return Rig(home)


@cache
def prepared(story: Story, state: State) -> Path:
    """A home whose terminal lost power one step before: the journal has just entered `state`. Made once per process."""
    home = work_folder("kill") / "home"
    rig = make_home(home, story)
    try:
        _arm(home, state, "after")
        rig.start()
        until(rig.sells, "the old till sells")
        for number in range(3):
            assert rig.tell_till(do="sale", key=f"before-{number}", fen=100) == {"ok": True}
        until((home / "trip.reached").exists, f"the journey enters {state}")
    finally:
        rig.close()
    (home / "trip.reached").unlink()
    return home


def _arm(home: Path, state: State, when: str) -> None:
    (home / "trip.json").write_text(json.dumps({"state": state, "when": when}))


class Run:
    """One terminal that will be killed once."""

    def __init__(self, story: Story, state: State, when: str, *, fresh: bool) -> None:
        work = work_folder("kill")
        self.story = story
        if fresh:
            self.rig = make_home(work / "home", story)
        else:
            self.rig = Rig(copy_home(prepared(story, state), work / "home"))
            os.mkfifo(work / "home" / "trip.go")
        self.home = self.rig.home
        (self.home / "trip.json").unlink(missing_ok=True)
        _arm(self.home, state, when)

    def reach(self) -> int:
        """Start everything and wait at the tripwire; the agent's pid."""
        self.rig.start()
        until((self.home / "trip.reached").exists, "the journey reaches the tripwire")
        return int((self.home / "trip.reached").read_text())

    def let_go(self) -> None:
        with (self.home / "trip.go").open("wb", buffering=0) as go:
            go.write(b"g")

    def kill(self, victim: str, agent: int) -> None:
        """SIGKILL the victim; the test fails where there is none."""
        if victim == "supervisor":
            self.rig.kill_supervisor()
            self.let_go()
            self.rig.start()
            return
        if victim == "till":
            until(lambda: self.rig.till_pid() is not None, "a till lives")
        pid = agent if victim == "agent" else self.rig.till_pid()
        assert pid is not None, f"no {victim} to kill"
        os.kill(pid, signal.SIGKILL)
        until(lambda: not _alive(pid), f"the {victim} is dead")
        if victim != "agent":
            self.let_go()

    def finish(self) -> None:
        until(self._is_over, "the journey is told and a till sells", END_WITHIN_S)

    def _is_over(self) -> bool:
        told = any(not path.name.startswith(".") for path in (self.home / "reports").iterdir())
        return told and not (self.home / "state" / "journey.json").exists() and self.rig.sells()

    def told(self) -> str:
        """The outcome the server was told first."""
        first = min((self.home / "reports").glob("*.json"))
        return str(json.loads(first.read_bytes())["outcome"])

    def close(self) -> None:
        self.rig.close()
        shutil.rmtree(self.home.parent)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def judge(run: Run, cashier: Cashier, expected: str) -> None:
    """The promises of the kill tests, asked of the terminal as it is now."""
    rig = run.rig
    current = rig.generations.current()
    assert current is not None
    assert rig.generations.is_committed(current), "what runs is not committed"
    slot = check_slot(rig.generations.slots(current))
    state = rig.till.state()
    assert (state.version, state.mode) == (slot[TILL].version, "selling")
    assert rig.supervisor.state()["till"]["generation"] == current
    _judge_reports(run, current, expected)
    proven = current == 2
    assert proven == (expected == "committed"), f"generation {current} runs, expected: {expected}"
    assert rig.generations.numbers() == ([1, 2] if proven else [1]), "an attempt was left behind"
    _judge_sales(rig, current, cashier)


def _judge_sales(rig: Rig, current: int, cashier: Cashier) -> None:
    with closing(sqlite3.connect(rig.generations.data(current) / "journal.db")) as journal:
        keys = [key for (key,) in journal.execute("SELECT key FROM entries ORDER BY id")]
    assert len(keys) == len(set(keys)), "a sale was doubled"
    lost = set(cashier.acknowledged) | {f"before-{n}" for n in range(3) if f"before-{n}" in keys}
    assert lost <= set(keys), f"lost: {sorted(lost - set(keys))[:5]}"
    assert set(keys) <= {*cashier.tried, "before-0", "before-1", "before-2"}, "sales nobody made"


def _judge_reports(run: Run, current: int, expected: str) -> None:
    reports = [json.loads(path.read_bytes()) for path in sorted((run.home / "reports").glob("*.json"))]
    assert reports, "nobody was told"
    assert all(
        (report["outcome"], report["runs"], report["release"]) == (expected, current, 2) for report in reports
    ), reports


EXPECTED: Final[dict[Story, str]] = {
    "good": "committed",
    "slow_migrate": "committed",
    "second_start": "rolled_back",
    "self_test": "failed",
}


def kill_at_transition(point: Transition) -> None:
    run = Run(point.story, point.state, point.when, fresh=True)
    try:
        with Cashier(run.rig) as cashier:
            agent = run.reach()
            run.kill(point.victim, agent)
            run.finish()
        judge(run, cashier, EXPECTED[point.story])
    finally:
        run.close()


class Call(NamedTuple):
    """The `occurrence`th call of one system call; strace counts each of them by itself."""

    name: str
    occurrence: int


class Tracer:
    """strace on one running process: lists its file operations, and makes chosen ones end badly."""

    def __init__(self, pid: int, log: Path, *injections: str) -> None:
        injected = [argument for injection in injections for argument in ("-e", f"inject={injection}")]
        command = ["strace", "-q", "-p", str(pid), "-o", str(log), "-e", f"trace={TRACED}", *injected]
        self._log = log
        self._strace = subprocess.Popen(command, stderr=subprocess.PIPE)
        until(lambda: _traced(pid), "strace is attached")

    def calls(self) -> list[Call]:
        """What it did until the next transition was in the journal, durably; empty = it is not there yet."""
        calls: list[Call] = []
        seen: Counter[str] = Counter()
        saved = False
        for line in self._log.read_text().splitlines():
            if found := re.match(r"(\w+)\(", line):
                seen[found[1]] += 1
                calls.append(Call(found[1], seen[found[1]]))
                if saved:
                    return calls
                saved = re.match(r"(rename|unlink)\(.*journey\.json\"\)", line) is not None
        return []

    def full(self) -> bool:
        """Whether it was refused room at least once."""
        return "ENOSPC" in self._log.read_text()

    def wait_killed(self) -> bool:
        """Whether what it traced was killed; it follows its process into the end."""
        self._strace.communicate(timeout=DEADLINE_S)
        return "+++ killed by SIGKILL +++" in self._log.read_text()

    def close(self) -> None:
        self._strace.terminate()
        self._strace.communicate()


def _traced(pid: int) -> bool:
    with suppress(FileNotFoundError):
        return "TracerPid:\t0\n" not in Path(f"/proc/{pid}/status").read_text()
    return False


@cache
def operations(story: Story, state: State) -> list[Call]:
    """The file operations the agent makes between entering `state` and entering the next one, in a run nobody disturbs."""
    run = Run(story, state, "after", fresh=False)
    try:
        agent = run.reach()
        tracer = Tracer(agent, run.home.parent / "strace.log")
        run.let_go()
        until(tracer.calls, "the next transition")
        tracer.close()
        return tracer.calls()
    finally:
        run.close()


def kill_at_operation(point: Operation) -> None:
    calls = operations(point.story, point.state)
    run = Run(point.story, point.state, "after", fresh=False)
    try:
        with Cashier(run.rig) as cashier:
            agent = run.reach()
            tracer = Tracer(agent, run.home.parent / "strace.log", *_fatal(calls, point.number))
            run.let_go()
            until(lambda: not _alive(agent), f"strace kills it on {calls[point.number - 1]}")
            assert tracer.wait_killed(), "it died, but not of this"
            run.finish()
        judge(run, cashier, EXPECTED[point.story])
    finally:
        run.close()


def _fatal(calls: list[Call], number: int) -> list[str]:
    """Death on entering the chosen call; a copy may need a page less than when it was counted, so at the latest when the step is over."""
    chosen, over = calls[number - 1], calls[-2]
    fatal = [chosen] if chosen.name == over.name or number == len(calls) else [chosen, over]
    return [f"{call.name}:signal=SIGKILL:when={call.occurrence}" for call in fatal]


def operations_that_need_room(story: Story, state: State) -> list[int]:
    """The numbers of those operations of a step that a full disk refuses."""
    return [number for number, call in enumerate(operations(story, state), 1) if call.name in NEEDS_ROOM]


def fill_disk_at_operation(point: Operation) -> None:
    """From this operation on nothing more fits on the disk; when a till sells again, or still, room is made."""
    calls = operations(point.story, point.state)
    before = Counter(call.name for call in calls[: point.number - 1])
    full = [f"{name}:error=ENOSPC:when={before[name] + 1}+" for name in NEEDS_ROOM]
    run = Run(point.story, point.state, "after", fresh=False)
    try:
        with Cashier(run.rig) as cashier:
            agent = run.reach()
            tracer = Tracer(agent, run.home.parent / "strace.log", *full)
            run.let_go()
            until(lambda: tracer.full() and run.rig.sells(), "a till sells on a full disk")
            sold = len(cashier.acknowledged)
            until(lambda: len(cashier.acknowledged) > sold, "and goes on selling")
            tracer.close()
            run.finish()
        judge(run, cashier, run.told())
        assert run.told() in {EXPECTED[point.story], "rolled_back"}
    finally:
        run.close()
