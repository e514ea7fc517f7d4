"""What an update costs a shop, measured with the reference till: `python -m tests.terminal.journey.measure [--times N]`.

Seconds without a till (sale lock to the new till selling, both proving starts included): median and worst. Cash sales at the pages while
nothing else happens and while an agent rehearses without pause: p95 of each. Memory of supervisor and of the journey's process.
"""

import argparse
import json
import signal
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from evertill.protocol.journey import State
from evertill.terminal.agent.journey.commands import TillCommands
from evertill.terminal.agent.journey.journal import Journal
from evertill.terminal.agent.journey.rehearsing import Rehearsing
from evertill.terminal.generations.folders import GenerationFolders
from evertill.terminal.generations.scratch import clear
from tests.fakes.real_shop import cashier, open_shop, real_bundle
from tests.fakes.rig import Answers, Rig, Traveller, rss_mib

ROUNDS = 6
SALES_PER_ROUND = 40
QUIET_AFTER_S = 1.0
REHEARSE = """
import sys
from pathlib import Path
from tests.terminal.journey.measure import rehearse_without_pause
rehearse_without_pause(Path(sys.argv[1]))
"""


def travel(home: Path, stop_in: State | None = None) -> tuple[Rig, Traveller]:
    rig = open_shop(home)
    bundles, part = real_bundle("1.1.0")
    traveller = Traveller(rig, Answers(bundles))
    traveller.begin(part)
    traveller.go(stop_in=stop_in)
    return rig, traveller


def seconds_without_till() -> float:
    with TemporaryDirectory() as folder:
        rig, traveller = travel(Path(folder, "home"))
        rig.close()
        (ended,) = traveller.answers.ended
        assert ended.without_till_s is not None, ended.failure
        return ended.without_till_s


def rehearse_without_pause(home: Path) -> None:
    """Run the rehearsal of the journey that stands before it, again and again, until killed."""
    journey = Journal(home / "state" / "journey.json").load()
    assert journey is not None
    generations = GenerationFolders(home / "generations")
    rehearsing = Rehearsing(generations, TillCommands(generations))
    with (home / "rehearsals").open("a") as note:
        while True:
            rehearsing.run(journey, datetime.now(UTC))
            note.write("x")
            note.flush()


def time_sales(rig: Rig) -> list[float]:
    """Milliseconds from the amount to the receipt, for each of some sales."""
    at_till = cashier(rig)
    took = []
    for _ in range(SALES_PER_ROUND):
        began = time.monotonic()
        at_till.sell(100)
        took.append((time.monotonic() - began) * 1000)
    rig.till.settle()
    return took


def p95(values: list[float]) -> float:
    return round(statistics.quantiles(values, n=20)[18], 1)


def sales_beside_rehearsal() -> dict[str, float]:
    """Rounds of sales without and with a rehearsal beside them take turns, so that other load on the machine meets both alike."""
    with TemporaryDirectory() as folder:
        home = Path(folder, "home")
        rig, _ = travel(home, stop_in=State.REHEARSING)
        for client in rig.clients:
            client.release()
        agent = subprocess.Popen([sys.executable, "-c", REHEARSE, str(home)])
        while not (home / "rehearsals").exists():
            time.sleep(0.01)
        quiet: list[float] = []
        beside: list[float] = []
        for _ in range(ROUNDS):
            agent.send_signal(signal.SIGSTOP)
            time.sleep(QUIET_AFTER_S)  # the child that was running ends by itself
            quiet += time_sales(rig)
            agent.send_signal(signal.SIGCONT)
            beside += time_sales(rig)
        rehearsals = len((home / "rehearsals").read_text())
        supervisor, journey = rss_mib(rig.process.pid if rig.process else 0), rss_mib(agent.pid)
        agent.kill()
        agent.wait()
        rig.close()
        clear(rig.generations.root)
    return {
        "sale_p95_ms": p95(quiet),
        "sale_p95_ms_during_rehearsal": p95(beside),
        "sale_p95_ratio": round(p95(beside) / p95(quiet), 2),
        "rehearsals": rehearsals,
        "supervisor_rss_mib": round(supervisor, 1),
        "journey_rss_mib": round(journey, 1),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure an update with the reference till.")
    parser.add_argument("--times", type=int, default=9)
    seconds = [seconds_without_till() for _ in range(parser.parse_args().times)]
    measured = {
        "without_till_s_median": round(statistics.median(seconds), 3),
        "without_till_s_worst": max(seconds),
        **sales_beside_rehearsal(),
    }
    sys.stdout.write(json.dumps(measured, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
