"""The agent: composes everything for one home and runs four loops, each in its own thread.

    main      the journey: it alone touches generations, slots and backups
    polls     the conversation with the server, and what follows from one (metadata, the clock's floor)
    door      the control socket
    watch     does the till answer, is its slot whole

A thread that meets a bug ends the whole agent, loudly: the supervisor starts it again, and the till does not depend on it.
"""

import argparse
import logging
import os
import signal
import sys
import threading
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Final

from evertill.protocol.errors import ProtocolRefused
from evertill.terminal.agent.composition import Agent, compose
from evertill.terminal.locks import FileLock
from evertill.terminal.processes import write_pidfile

LONGEST_WAIT: Final = timedelta(minutes=1)  # also a clock that was set is noticed within this

_log = logging.getLogger("evertill.agent")


def journey_loop(agent: Agent, stopped: threading.Event) -> None:
    """Begin, turn, wait: until told to stop. A journey in the middle of its work is left as a kill would leave it."""
    journeys = agent.journeys
    while not stopped.is_set():
        seen = agent.board.version
        again_at = journeys.turn()
        agent.care.hanging.relieve()
        agent.care.conditions.look(agent.place.clock())
        agent.care.housekeeping.look(idle=journeys.journey is None)
        if journeys.journey is None:
            if agent.restoring.fulfil():
                continue
            if order := agent.orders.next(agent.place.clock()):
                journeys.begin(order)
                continue
        wait = (
            LONGEST_WAIT if again_at is None else min(max(again_at - agent.place.clock(), timedelta(0)), LONGEST_WAIT)
        )
        if wait > timedelta(0) and not stopped.is_set():
            agent.board.wait(seen, wait.total_seconds())


def run(home: Path) -> int:
    with FileLock(home / "run" / "agent.lock") as lock:
        if not lock.take_exclusive():
            _log.error("%s has an agent already", home)
            return 1
        agent = compose(home)
        write_pidfile(home / "run" / "agent.pid")
        stopped = threading.Event()

        def stop(_number: int, _frame: FrameType | None) -> None:
            stopped.set()
            threading.Thread(target=agent.board.poke).start()  # the lock it takes may be ours at this very moment

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        threads = [
            threading.Thread(target=loop, name=loop.__qualname__, daemon=True)
            for loop in (agent.polls.run, agent.door.run, agent.care.watch.run)
        ]
        agent.journeys.resume()  # first: whether a cancelled action is ours, only the journal knows
        agent.journal_read.set()
        for thread in threads:
            thread.start()
        journey_loop(agent, stopped)
        agent.polls.stop()
        agent.door.stop()
        agent.care.watch.stop()
    return 0


def _die(args: threading.ExceptHookArgs) -> None:
    _log.critical("%s ended with a bug", args.thread, exc_info=args.exc_value)
    logging.shutdown()
    os._exit(70)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, required=True)
    home = parser.parse_args().home.resolve()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    for chatty in ("httpx", "tuf"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    threading.excepthook = _die
    try:
        return run(home)
    except ProtocolRefused as refused:
        _log.error("%s", refused)
        return 1


if __name__ == "__main__":
    sys.exit(main())
