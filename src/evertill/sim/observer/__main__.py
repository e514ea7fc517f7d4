"""`python -m evertill.sim.observer --upstream PORT`: answers questions about the demo, one JSON line for one JSON line, until its input ends.

    {"do": "meet", "server", "token", "command", "login", "password", "terminals": [{"serial", "home"}]}   whom to look at; once, first
    {"do": "mark", "serials": […]}                                                     remember how these are now
    {"do": "see", "chapter", "what", "within_s", ["every_s"], …}                       wait until a sight is so: {"observed", "after_s", "facts"}
    {"do": "report", "file", "broken"}                                                 write the report: {"observed"}; broken: what ended the story

Its first line is {"port"}: the counting proxy terminals are sent to.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evertill.sim.observer import report
from evertill.sim.observer.home import Home
from evertill.sim.observer.pages import Console
from evertill.sim.observer.proxy import Proxy
from evertill.sim.observer.server import Server
from evertill.sim.observer.sights import SIGHTS
from evertill.sim.observer.tills import TillWatch
from evertill.sim.observer.traffic import Traffic
from evertill.sim.observer.trouble import Silent
from evertill.sim.observer.world import Terminal, World

if TYPE_CHECKING:
    from collections.abc import Callable

LOOK_EVERY_S = 0.3


class Observer:
    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._world: World | None = None
        self._seen: list[dict[str, Any]] = []
        self._started_at = datetime.now(UTC)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """One question, one answer. An unknown one is a bug of whoever asks, and a KeyError."""
        doings: dict[str, Callable[..., dict[str, Any]]] = {
            "meet": self._meet,
            "mark": self._mark,
            "see": self._see,
            "report": self._report,
        }
        return doings[request.pop("do")](**request)

    @property
    def world(self) -> World:
        if self._world is None:
            raise RuntimeError("nobody was introduced")
        return self._world

    def _meet(
        self,
        server: str,
        token: str,
        command: list[str],
        login: str,
        password: str,
        terminals: list[dict[str, str]],
    ) -> dict[str, Any]:
        met = {each["serial"]: Terminal(each["serial"], Home(Path(each["home"]))) for each in terminals}
        self._world = World(
            Server(server, token, command), Console(server, login, password), met, self._traffic, TillWatch()
        )
        self._world.tills.show({serial: terminal.home.folder for serial, terminal in met.items()})
        self._world.tills.start()
        return {"terminals": len(met)}

    def _mark(self, serials: list[str]) -> dict[str, Any]:
        for serial in serials:
            self.world.terminals[serial].mark(self._traffic.of(serial))
        return {"marked": len(serials)}

    def _see(
        self, chapter: str, what: str, within_s: float, every_s: float = LOOK_EVERY_S, **words: Any
    ) -> dict[str, Any]:
        sight, began_s = SIGHTS[what], time.monotonic()
        while True:
            look_s = time.monotonic()
            try:
                facts, trouble = sight(self.world, **words), "it was not so"
            except Silent as silent:
                facts, trouble = None, str(silent)
            now_s = time.monotonic()
            if facts is not None or now_s - began_s > within_s:
                break
            time.sleep(max(every_s, now_s - look_s))  # an expensive look is taken less often
        seen = {
            "chapter": chapter,
            "sight": what,
            **words,
            "observed": facts is not None,
            "after_s": round(now_s - began_s, 2),
            "facts": facts if facts is not None else {"trouble": trouble},
        }
        self._seen.append(seen)
        return seen

    def _report(self, file: str, broken: str) -> dict[str, Any]:
        found = report.report(self.world, self._seen, self._started_at, broken)
        if file:
            report.write(found, Path(file))
        return {"observed": found["observed"]}


def main() -> None:
    parser = argparse.ArgumentParser(prog="evertill-observer", description="Watches the demo from outside.")
    parser.add_argument("--upstream", type=int, required=True, metavar="PORT")
    traffic = Traffic()
    proxy = Proxy(parser.parse_args().upstream, traffic)
    proxy.start()
    _say({"port": proxy.port})
    observer = Observer(traffic)
    for line in sys.stdin:
        _say(observer.answer(json.loads(line)))
    proxy.stop()


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
