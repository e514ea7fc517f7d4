"""Every kill there is: `python -m tests.journeys.kill [--only WORDS] [--workers N]` (`make kill`).

Prints each point that broke a promise, and at the end how many points there were. Exit 1 if any broke one.
"""

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

from tests.journeys.kill.harness import kill_at_operation, kill_at_transition, operations
from tests.journeys.kill.points import INSIDE, Operation, Transition, transitions


def every_point() -> list[Transition | Operation]:
    inside = [
        Operation(story, state, number)
        for story, state in INSIDE
        for number in range(1, len(operations(story, state)) + 1)
    ]
    return [*transitions(), *inside]


def outcome(point: Transition | Operation) -> tuple[str, str | None]:
    """The point's name, and what broke there."""
    try:
        if isinstance(point, Transition):
            kill_at_transition(point)
        else:
            kill_at_operation(point)
    except AssertionError as broken:
        return point.name, str(broken) or repr(broken)
    return point.name, None


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description="Kill a terminal everywhere and see what is left.")
    parser.add_argument("--only", default="", help="points whose name contains these words")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    points = [point for point in every_point() if options.only in point.name]
    began, broken = time.monotonic(), 0
    with ThreadPoolExecutor(options.workers) as pool:
        kills = [pool.submit(outcome, point) for point in points]
        for number, (name, what) in enumerate((kill.result() for kill in as_completed(kills)), 1):
            if what is not None:
                broken += 1
                say(f"BROKEN {name}: {what}")
            elif number % 25 == 0:
                say(f"{number} of {len(points)}")
    say(f"{len(points)} points killed, {broken} broke a promise, {time.monotonic() - began:.0f} s")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
