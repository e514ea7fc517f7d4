"""One terminal that will be killed once: started, stopped at a chosen moment, killed, started again as the machine would, and awaited.

While it runs, a cashier made of code sells at the till and remembers every sale the till acknowledged.
"""

import itertools
import json
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Self

from evertill.protocol.journey import State
from evertill.terminal.generations.folders import GenerationFolders
from evertill.terminal.lines import Unreachable
from evertill.terminal.processes import read_pidfile
from evertill.terminal.shell.settings import set_screen_port
from tests.fakes.components import work_folder
from tests.fakes.rig import Rig, install_agent, until
from tests.journeys.kill.doors import Door, StandIn, Told
from tests.journeys.kill.homes import copy_for, shop, watch_agent
from tests.journeys.kill.points import NEW, Command, Story, Victim
from tests.journeys.kill.tracer import alive

END_WITHIN_S = 150.0  # an agent whose conversation or download fails pauses 30 s, then 60 s, by itself
BETWEEN_SALES_S = 0.05
_LULLED = 2


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
        self.stop()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def _sell(self) -> None:
        for number in itertools.count():
            key = f"sale-{number}"
            self.tried.append(key)
            with suppress(Unreachable):
                if self._rig.tell_till(do="sale", key=key, fen=100).get("ok"):
                    self.acknowledged.append(key)
            if self._over.wait(BETWEEN_SALES_S):
                return


class Run:
    """`trip`: the state and the moment ("before", "after") at which the agent waits; without it the agent is the supervisor's own."""

    def __init__(
        self, story: Story, door: Door, home: Path, trip: tuple[State, str] | None, *, screen: bool = False
    ) -> None:
        self.story, self.door = story, door
        self.home = copy_for(door.provision(), home, work_folder("kill") / "home")
        self.log = self.home.parent / "strace.log"
        self._screen = screen
        if screen:
            set_screen_port(self.home, 0)
        if trip is not None:
            watch_agent(self.home)
            self.arm(*trip)
        self.rig = Rig(self.home)
        self.cashier = Cashier(self.rig)

    def arm(self, state: State, when: str) -> None:
        self._lay("trip.json", {"state": state, "when": when})

    def hold_till(self, command: Command, turn: int) -> None:
        """The new till waits before this command is done for the `turn`th time."""
        self._lay("till-trip.json", {"command": command, "version": NEW[self.story], "turn": turn})

    def _lay(self, wire: str, trip: dict[str, object]) -> None:
        (self.home / "trip.reached").unlink(missing_ok=True)
        (self.home / "trip.go").unlink(missing_ok=True)
        os.mkfifo(self.home / "trip.go")
        (self.home / wire).write_text(json.dumps(trip))

    def reach(self) -> int:
        """Start everything; the pid of whoever waits at the tripwire."""
        self.rig.start()
        until((self.home / "trip.reached").exists, "somebody reaches the tripwire", END_WITHIN_S)
        return int((self.home / "trip.reached").read_text())

    def let_go(self) -> None:
        with (self.home / "trip.go").open("wb", buffering=0) as go:
            go.write(b"g")

    def lull_agent(self) -> None:
        """Instead of the agent one that only sleeps: nobody vouches for anything."""
        install_agent(self.home, number=_LULLED)

    def awaken_agent(self) -> None:
        agents = GenerationFolders(self.home / "agents")
        if agents.current() == _LULLED:
            agents.flip(1)

    def kill(self, victim: Victim, agent: int) -> None:
        """SIGKILL the victim and do what the machine would; the test fails where there is none."""
        if victim == "everything":
            self.pull_the_plug(agent)
        elif victim == "supervisor":
            self.rig.kill_supervisor()
            self.let_go()
            self.rig.start()
        elif victim == "till":
            until(lambda: self.rig.till_pid() is not None, "a till lives")
            self._end(self.rig.till_pid())
            self.let_go()
        else:
            self._end(agent)

    def pull_the_plug(self, agent: int) -> None:
        """Nobody outlives it: no supervisor starts anything again, no till says goodbye. Then the machine boots."""
        until(lambda: self.screen_pid() is not None, "the screen lives")
        supervisor = self.rig.process
        assert supervisor is not None
        for pid in (supervisor.pid, agent, *self.rig.processes()):  # first those who start others
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        supervisor.wait()
        until(lambda: not self.rig.processes(), "everything is dead")
        self.rig.start()

    def own_agent(self) -> int:
        """The pid of the agent that the supervisor has started, as soon as it says so."""
        pidfile = self.home / "run" / "agent.pid"
        until(lambda: read_pidfile(pidfile) is not None, "the agent lives")
        pid = read_pidfile(pidfile)
        assert pid is not None
        return pid

    def screen_pid(self) -> int | None:
        return read_pidfile(self.home / "run" / "screen.pid")

    def _end(self, pid: int | None) -> None:
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        until(lambda: not alive(pid), "it is dead")

    def finish(self) -> Told:
        """Wait until the server knows, a till sells, and the cashier has sold on it."""
        until(self._is_over, "the journey is told and a till sells", END_WITHIN_S)
        until(self._is_believed, "the server believes the generation that runs")
        self.await_sale()
        self.cashier.stop()
        until(lambda: not self._screen or self.screen_pid() is not None, "the screen is back")
        told = self.door.told()
        assert told is not None
        return told

    def await_sale(self) -> None:
        sold = len(self.cashier.acknowledged)
        until(lambda: len(self.cashier.acknowledged) > sold, "the shop goes on selling")

    def _is_over(self) -> bool:
        done = not (self.home / "state" / "journey.json").exists()
        return done and self.rig.sells() and self.door.told() is not None

    def _is_believed(self) -> bool:
        told = self.door.told()
        return told is not None and told.generation == self.rig.generations.current()

    def close(self) -> None:
        self.rig.close()
        self.door.close()
        shutil.rmtree(self.home.parent)


@contextmanager
def running(run: Run) -> Iterator[Run]:
    """With its cashier at work; nothing of it is left afterwards."""
    try:
        with run.cashier:
            yield run
    finally:
        run.close()


def fresh(
    story: Story, trip: tuple[State, str] | None = None, *, door: Door | None = None, screen: bool = False
) -> Run:
    """A run that begins with the offer."""
    run = Run(story, door or StandIn(story), shop(), trip, screen=screen)
    run.door.offer()
    return run


def one_step_before(story: Story, state: State, *, waiting: bool = True) -> Run:
    """A run that begins with the power coming back in `state`, and waits there again if wanted."""
    run = Run(story, StandIn(story), prepared(story, state), (state, "after") if waiting else None)
    run.door.offer()
    return run


@cache
def prepared(story: Story, state: State) -> Path:
    """A home whose terminal lost power when its journal had just entered `state`. Made once per process."""
    run = fresh(story, (state, "after"))
    try:
        run.reach()
    finally:
        run.rig.close()
        run.door.close()
    return run.home


def children_of(pid: int) -> list[int]:
    with suppress(FileNotFoundError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []
