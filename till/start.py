"""Starting, running and stopping the till: the order is the contract's (CONTRACT.md §5), and only here are all parts
put together.
"""

import os
import sys
from contextlib import ExitStack
from pathlib import Path

from till.clock import Clock, SystemClock, stamp
from till.counter import Counter
from till.data_folder import owned
from till.edition import FEATURES, MIGRATIONS, SCHEMA, VERSION
from till.errors import Refused
from till.journal import database
from till.journal.journal import Journal
from till.locks import FileLock
from till.pages.server import PagesServer
from till.pages.site import Site
from till.pages.visit import Place
from till.readiness import ReadySocket
from till.run_folder import RunFolder
from till.start_checks import check_before_opening
from till.wake import Wake

HOUSEKEEPING_S = 5.0
DRAIN_S = 0.5  # how long answers under way may take when the till stops


def start(data: Path, run_path: Path, *, proving: bool) -> None:
    """Runs the till until it is stopped.

    Raises:
        Refused: RUN_FOLDER_UNSAFE, DATA_LOCKED, DATA_FOLDER_UNUSABLE, JOURNAL_DAMAGED, SCHEMA_TOO_NEW, SCHEMA_NEEDS_MIGRATION.
    """
    clock = SystemClock()
    began_s = clock.monotonic()
    with ExitStack() as stack:
        run = stack.enter_context(RunFolder.prepare(run_path))
        data_lock = FileLock(run.path / "data.lock")
        if not data_lock.take_exclusive():
            raise Refused("DATA_LOCKED", "another process holds data.lock")
        stack.callback(data_lock.release)
        stack.enter_context(owned(data))
        journal = _open_journal(data, clock, proving=proving)
        stack.callback(journal.close)
        for warning in check_before_opening(journal, data, clock):
            _log(warning)
        counter = Counter(journal, FileLock(run.path / "sale.lock"), clock, proving=proving)
        site = Site(counter, VERSION, FEATURES, Place(data, run.path), lambda: _state(counter, site, began_s))
        wake = stack.enter_context(Wake())
        stack.enter_context(run.pidfile(VERSION))
        pages = stack.enter_context(PagesServer(run.socket("till.sock"), site))
        stack.enter_context(ReadySocket(run.socket("ready.sock"), counter, site.state, wake.stop))
        _log(f"version {VERSION} {counter.mode} after {round((clock.monotonic() - began_s) * 1000)} ms")
        _wait_for_stop(counter, wake)
        pages.drain(DRAIN_S)
    _log("stopped")


def _open_journal(data: Path, clock: Clock, *, proving: bool) -> Journal:
    if database.look(data).schema == 0:
        database.create(data, MIGRATIONS, stamp(clock.now()))
    return Journal.open(data, MIGRATIONS, proving=proving)


def _wait_for_stop(counter: Counter, wake: Wake) -> None:
    """Until told to stop, and until a sale in progress is over; a second signal does not wait for it."""
    signals = 0
    while True:
        received = wake.wait(HOUSEKEEPING_S)
        signals += received.signals
        if received.stop or signals > 1:
            return
        if signals == 1:
            counter.stop_after_sale(wake.stop)
            if not counter.sale_in_progress:
                return
        counter.give_up_idle()


def _state(counter: Counter, site: Site, began_s: float) -> dict[str, object]:
    return {
        "version": VERSION,
        "schema": SCHEMA,
        **counter.state(),
        "signed_in": site.sessions.anybody_signed_in,
        "started_at_monotonic": began_s,
        "pid": os.getpid(),
    }


def _log(line: str) -> None:
    sys.stderr.write(f"till: {line}\n")
    sys.stderr.flush()
