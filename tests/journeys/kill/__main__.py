"""Every kill there is: `python -m tests.journeys.kill [--group WORDS] [--only WORDS] [--workers N]` (`make kill`).

Prints each point that broke a promise, and at the end how many points there were and the seed. Exit 1 if any broke one.
"""

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import NamedTuple

from evertill.terminal.lines import Unreachable
from evertill.terminal.till_client import TillSilent
from tests.journeys.kill.sample import SEED, groups

_BROKEN = (AssertionError, Unreachable, TillSilent, OSError)


class Outcome(NamedTuple):
    point: str
    broke: str | None


def outcomes(number: int, only: str) -> list[Outcome]:
    """Of one group's points whose name contains these words."""
    found = []
    for name, kill in groups()[number].kills():
        if only not in name:
            continue
        try:
            kill()
        except _BROKEN as broken:
            found.append(Outcome(name, str(broken) or repr(broken)))
        else:
            found.append(Outcome(name, None))
    return found


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description="Kill a terminal everywhere and see what is left.")
    parser.add_argument("--group", default="", help="groups whose name contains these words")
    parser.add_argument("--only", default="", help="points whose name contains these words")
    parser.add_argument("--workers", type=int, default=3)
    options = parser.parse_args()
    os.environ["EVERTILL_KILL_SEED"] = SEED  # the workers draw the same
    began, known, killed = time.monotonic(), groups(), list[Outcome]()
    say(f"seed {SEED}")
    with ProcessPoolExecutor(options.workers) as pool:
        wanted = {number: group.name for number, group in enumerate(known) if options.group in group.name}
        names = {pool.submit(outcomes, number, options.only): name for number, name in wanted.items()}
        try:
            for number, done in enumerate(as_completed(names), 1):
                for outcome in done.result():
                    killed.append(outcome)
                    if outcome.broke is not None:
                        say(f"BROKEN {outcome.point}: {outcome.broke}")
                say(f"{number} of {len(names)} groups, {len(killed)} points: {names[done]}")
        finally:
            pool.shutdown(cancel_futures=True)  # after a bug: not the rest of an hour
    broken = sum(outcome.broke is not None for outcome in killed)
    say(f"{len(killed)} points killed, {broken} broke a promise, {time.monotonic() - began:.0f} s, seed {SEED}")
    return 1 if broken or not killed else 0


if __name__ == "__main__":
    sys.exit(main())
