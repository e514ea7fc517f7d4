"""The supervisor: starts agent and till and starts them again, and finds them alive after its own death.

Rules kept here: it sells only with a committed generation; a till outlives it; nothing it does can lose a sale, because a till
that may sell is only ever asked to stop. While the agent holds it (one open connection that said so) it acts on orders alone.
An uncommitted `current` belongs to the agent's journey; nobody holding for GRACE_S means there is none, and the link goes back.
It is never changed by an update, so it stays small: the standard library, no subprocess, logging, argparse or hashlib.
"""

import selectors
import signal
import socket
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evertill.terminal.generations.folders import TILL, SlotDamaged
from evertill.terminal.line_server import LineServer
from evertill.terminal.lines import Unreachable, ask
from evertill.terminal.locks import FileLock
from evertill.terminal.program import Program

if TYPE_CHECKING:
    from collections.abc import Callable

GRACE_S = 30.0  # an uncommitted link that no agent vouches for goes back after this
TICK_S = 0.5
MAX_AGENT_STARTS = 2  # of an agent that has not committed itself
# name (its A/B folders: `<name>s`), built-in module, and what must lie in the home for it to be wanted
COMPANIONS = (("agent", "agent.main", ""), ("screen", "shell.main", "state/screen.json"))


class Supervisor:
    def __init__(self, home: Path, grace_s: float = GRACE_S) -> None:
        self.home, self.run_folder = home, home / "run"
        self.till = Program(home, TILL, "generations", self.run_folder / "till" / "till.pid")
        self.holder: socket.socket | None = None
        self.unheld_since = time.monotonic()
        self.over = False
        self._grace_s = grace_s
        self._sold: int | None = None
        self._selector = selectors.DefaultSelector()
        self._keepers: dict[Program, Callable[[], None]] = {self.till: self._keep_till}
        for name, module, wanted in COMPANIONS:
            companion = Program(home, name, f"{name}s", self.run_folder / f"{name}.pid")
            self._keepers[companion] = partial(self._keep_companion, companion, module, home / wanted)

    def run(self) -> None:
        """Until a signal or an order ends it; the programs live on."""
        LineServer(self.run_folder / "supervisor.sock", self._selector, self._answer, self._gone)
        while not self.over:
            self._tick()
            for key, _ in self._selector.select(TICK_S):
                key.data()

    def _tick(self) -> None:
        """Each program by itself: a damaged agent must not keep the till from selling, nor the other way round."""
        for program, keep in self._keepers.items():
            try:
                if program.pid is None:
                    program.attach()
                    self._register(program)
                keep()
            except (OSError, SlotDamaged) as error:  # a full disk or a damaged slot may be better later
                program.put_off()
                print(f"supervisor: {program.name}: {error}", file=sys.stderr, flush=True)  # noqa: T201 - no logging here

    def _keep_companion(self, program: Program, module: str, wanted: Path) -> None:
        if program.pid is None and time.monotonic() >= program.next_start and wanted.exists():
            program.start(self._companion_command(program, module), self.home)
            self._register(program)
        elif program.pid is not None and program.generation != program.generations.current() and self.holder is None:
            program.signal(signal.SIGTERM)  # another one was installed; every moment is a good one to end

    def _keep_till(self) -> None:
        """The rule without a holder: the till of the committed current generation sells, no other till lives."""
        generations, till = self.till.generations, self.till
        current = generations.current()
        if self.holder is not None:
            return
        if current is None or not generations.is_committed(current):
            self._fall_back(current)
        elif till.pid is None:
            if time.monotonic() >= till.next_start:
                self._start_till(current, prove=False)
        elif (generation := till.generation) != current:
            if generation is not None and not generations.is_committed(generation):
                till.signal(signal.SIGKILL)  # one that proves at most, so without a sale
            else:
                self._tell({"do": "stop"})  # refused during a sale, and told again at the next tick
        elif self._sold != till.pid and "--prove" in till.command and self._tell({"do": "sell"}).get("ok"):
            self._sold = till.pid

    def _fall_back(self, current: int | None) -> None:
        newest = self.till.generations.newest_committed()
        if time.monotonic() - self.unheld_since > self._grace_s and current != newest:
            self.till.signal(signal.SIGKILL)
            self.till.generations.flip(newest)

    def _tell(self, order: dict[str, Any]) -> dict[str, Any]:
        """Ask the till; silence is an answer too."""
        try:
            return ask(self.run_folder / "till" / "ready.sock", order, 1.0)
        except Unreachable:
            return {"error": "TILL_SILENT"}

    def _start_till(self, generation: int, *, prove: bool) -> None:
        data, run = self.till.generations.data(generation), self.run_folder / "till"
        places = {"python": sys.executable, "data": str(data), "run": str(run)}
        command = self.till.generations.command(generation, TILL, "start", **places)
        self.till.start([*command, "--prove"] if prove else command, self.home)
        self._register(self.till)

    def _companion_command(self, program: Program, module: str) -> list[str]:
        """The updated program where there is one; two failed starts of an unproven one lead back to the one before."""
        generations = program.generations
        program.choose(current := generations.current())
        if current and not generations.is_committed(current) and program.ends >= MAX_AGENT_STARTS:
            generations.flip(current := generations.newest_committed())
        if current is None:
            return [sys.executable, "-I", "-m", f"evertill.terminal.{module}", "--home", str(self.home)]
        return generations.command(current, program.name, "start", python=sys.executable, run=str(self.home))

    def _register(self, program: Program) -> None:
        if program.pid is not None:
            self._selector.register(program.exit_fd, selectors.EVENT_READ, lambda: self._ended(program))

    def _ended(self, program: Program) -> None:
        self._selector.unregister(program.exit_fd)
        program.ended()

    def _gone(self, connection: socket.socket) -> None:
        if connection is self.holder:
            self.holder, self.unheld_since = None, time.monotonic()
            self.till.forgive()

    def _answer(self, connection: socket.socket, request: dict[str, Any]) -> dict[str, Any]:
        order = request.get("do")
        if request.get("ask") == "state":
            states = {program.name: program.state() for program in self._keepers}
            return {"ok": True, "held": self.holder is not None, **states}
        if order == "shutdown":
            return self._shut_down()
        if order == "hold" and self.holder is None:
            self.holder = connection
        if order not in ("hold", "start_till", "stop_till"):
            return {"error": "UNKNOWN_REQUEST"}
        if connection is not self.holder:
            return {"error": "NOT_HOLDING"}
        if order == "start_till":
            return self._ordered_start(request.get("generation"), prove=request.get("prove") is not False)
        if order == "stop_till":
            self.till.signal(signal.SIGKILL if request.get("kill") is True else signal.SIGTERM)
        return {"ok": True}

    def _ordered_start(self, generation: object, *, prove: bool) -> dict[str, Any]:
        if self.till.pid is not None:
            return {"error": "TILL_RUNNING"}
        if not isinstance(generation, int):
            return {"error": "BAD_REQUEST"}
        if not prove and not self.till.generations.is_committed(generation):
            return {"error": "NOT_COMMITTED"}
        try:
            self._start_till(generation, prove=prove)
        except SlotDamaged:
            return {"error": "SLOT_DAMAGED"}
        except OSError as error:
            return {"error": "NOT_STARTED", "detail": str(error)}
        return {"ok": True}

    def _shut_down(self) -> dict[str, Any]:
        """Everything ends, the till first; a sale in progress keeps everything running."""
        if self.holder is not None:
            return {"error": "HELD"}
        if self.till.pid is not None and (refused := self._tell({"do": "stop"}).get("error")):
            return {"error": refused}
        for program in self._keepers:
            if program is not self.till:
                program.signal(signal.SIGTERM)
        self.over = True
        return {"ok": True}


def main(home: Path, grace_s: float = GRACE_S) -> int:
    for folder in (home / "run", home / "run" / "till", home / "logs"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with FileLock(home / "run" / "supervisor.lock") as lock:
        if not lock.take_exclusive():
            print(f"supervisor: {home} has one already", file=sys.stderr)  # noqa: T201
            return 1
        supervisor = Supervisor(home, grace_s)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: setattr(supervisor, "over", True))
        supervisor.run()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), *map(float, sys.argv[2:3])))
