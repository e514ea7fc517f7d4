"""The questions after a kill, asked of the terminal and of the server as they are then.

what runs is complete, committed, and what the supervisor and the till themselves say runs
the new version runs exactly when it was proven: both proving starts happened on its data, and the story lets it pass
nothing of an attempt is left: no generation, no link laid for later, nothing readable of a backup
each acknowledged sale is there once, and nothing that nobody sold
every report that closed the action says how it ended, and the server believes the version that runs
"""

import sqlite3
from contextlib import closing

from evertill.terminal.generations.folders import TILL
from evertill.terminal.generations.slot import check_slot
from tests.fakes.rig import Rig
from tests.journeys.kill.doors import Told
from tests.journeys.kill.homes import SOLD_BEFORE
from tests.journeys.kill.points import EXPECTED, NEW, OLD
from tests.journeys.kill.run import Cashier, Run

PROVING_STARTS = 2


def judge(run: Run, told: Told, expected: str = "") -> None:
    expected = expected or EXPECTED[run.story]
    rig = run.rig
    current = rig.generations.current()
    assert current is not None
    assert rig.generations.is_committed(current), "what runs is not committed"
    _judge_what_runs(rig, current, NEW[run.story] if current == 2 else OLD)
    assert (current == 2) == (expected == "committed"), f"generation {current} runs, expected: {expected}"
    _judge_proof(run, current)
    _judge_server(rig, current, told, expected)
    _judge_leftovers(run, current)
    _judge_sales(rig, current, run.cashier)


def _judge_what_runs(rig: Rig, current: int, version: str) -> None:
    slot = check_slot(rig.generations.slots(current))
    state = rig.till.state()
    assert slot.keys() == {TILL, "params"}, "the slot is not complete"
    assert (slot[TILL].version, state.version, state.mode) == (version, version, "selling")
    assert rig.supervisor.state()["till"]["generation"] == current


def _judge_proof(run: Run, current: int) -> None:
    """Each stub till writes its version beside its journal when it starts."""
    if current == 2:
        started = (run.rig.generations.data(2) / "starts").read_text().split()
        assert started.count(NEW[run.story]) >= PROVING_STARTS, "committed without both proving starts"


def _judge_server(rig: Rig, current: int, told: Told, expected: str) -> None:
    assert set(told.outcomes) == {expected}, f"the server was told {told.outcomes}"
    assert told.success == (expected == "committed"), "the action's end and its outcome differ"
    assert told.generation == current
    assert told.version == rig.generations.versions(current)[TILL], f"the server believes {told.version}"


def _judge_leftovers(run: Run, current: int) -> None:
    found = {path.name for path in run.rig.generations.root.iterdir()}
    kept = {"1", "2"} if current == 2 else {"1"}
    assert found - {".current.to.1"} == {"current", *kept}, f"left behind: {sorted(found)}"
    readable = [path.name for path in (run.home / "backups").iterdir() if path.suffix != ".age" and path.is_dir()]
    assert not readable, f"left readable: {readable}"


def _judge_sales(rig: Rig, current: int, cashier: Cashier) -> None:
    with closing(sqlite3.connect(rig.generations.data(current) / "journal.db")) as journal:
        entries = [(key, fen) for key, fen in journal.execute("SELECT key, fen FROM entries ORDER BY id")]
    keys = [key for key, _ in entries]
    assert len(keys) == len(set(keys)), "a sale was doubled"
    lost = {*SOLD_BEFORE, *cashier.acknowledged} - set(keys)
    assert not lost, f"lost: {sorted(lost)[:5]}"
    assert set(keys) <= {*SOLD_BEFORE, *cashier.tried}, "sales nobody made"
    assert {fen for _, fen in entries} == {100}, "a sale was changed"
