"""The product's own agent, not a line changed, with a tripwire: it can be told to wait where its journal enters a state.

Started by the supervisor the way an updated agent would be: `watched_agent.py --home HOME`. CPython announces file operations to an audit hook
(PEP 578); this one sees the journey's thread rename its journal. `trip.json` (`{"state", "when"}`) says where to wait for `trip.go`, once:
*before* = the record lies complete beside the journal, *after* = it has just taken the journal's name. No other thread is ever held.
"""

import json
import os
import runpy
import sys
import threading
from pathlib import Path
from typing import Any


class Tripwire:
    def __init__(self, home: Path) -> None:
        self._home = home
        self._journal = str(home / "state" / "journey.json")
        self._journey_thread = threading.get_ident()  # the agent's main thread
        self._busy = False
        self._entered = ""

    def __call__(self, event: str, words: tuple[Any, ...]) -> None:
        if self._busy or threading.get_ident() != self._journey_thread:
            return
        if event == "os.rename" and str(words[1]) == self._journal:
            self._entered = self._intended(str(words[0]))
            self._wait_at(self._entered, "before")
        elif event == "open" and self._entered:  # of the folder, to make the rename durable
            entered, self._entered = self._entered, ""
            self._wait_at(entered, "after")

    def _intended(self, part: str) -> str:
        self._busy = True
        try:
            return str(json.loads(Path(part).read_bytes())["journey"]["state"])
        finally:
            self._busy = False

    def _wait_at(self, state: str, when: str) -> None:
        self._busy = True
        try:
            wire = self._home / "trip.json"
            if wire.exists() and json.loads(wire.read_text()) == {"state": state, "when": when}:
                wire.unlink()
                go = os.open(self._home / "trip.go", os.O_RDWR)
                (self._home / "trip.part").write_text(str(os.getpid()))
                (self._home / "trip.part").rename(self._home / "trip.reached")
                os.read(go, 1)  # until the test lets go, or kills us
                os.close(go)
        finally:
            self._busy = False


if __name__ == "__main__":
    sys.addaudithook(Tripwire(Path(sys.argv[2])))
    runpy.run_module("evertill.terminal.agent.main", run_name="__main__", alter_sys=True)
