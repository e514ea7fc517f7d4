"""The process that plays the demo: lays it out, tells where everything is, plays the story, and then either reports or goes on running."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from evertill.sim.demo import said
from evertill.sim.demo.cashier import PageRefused
from evertill.sim.demo.lines import LineBroken
from evertill.sim.demo.office import CommandRefused
from evertill.sim.demo.processes import (
    ToldToStop,
    adopt_orphans,
    end_descendants,
    end_with_parent,
    raise_when_told_to_stop,
)
from evertill.sim.demo.screen import ScreenRefused
from evertill.sim.demo.stage import Stage
from evertill.sim.demo.story import Story, StoryBroken
from evertill.sim.demo.watching import ObserverGone

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def main(arguments: Sequence[str]) -> int:
    words = _parser().parse_args(arguments)
    end_with_parent()
    adopt_orphans()
    raise_when_told_to_stop()
    try:
        return _play(words)
    except ToldToStop:
        return 0
    except (CommandRefused, ObserverGone) as broken:
        say(str(broken))
        return 1
    finally:
        end_descendants()


def _play(words: argparse.Namespace) -> int:
    began_s = time.monotonic()
    stage = Stage(words.folder, words.port)
    say("演示正在布置，要半分钟左右…… / The demo is being laid out; this takes about half a minute…")
    stage.open()
    tell_all(said.addresses(stage, time.monotonic() - began_s))
    broken = _tell_story(Story(stage, words.bundles, say))
    observed = stage.watching.report(words.report, broken=broken)
    tell_all(said.ending(time.monotonic() - began_s, observed=observed))
    if not words.headless:
        tell_all(said.invitation(stage))
        while True:
            signal.pause()
    return 0 if observed else 1


def _tell_story(story: Story) -> str:
    """What broke it; nothing where it came to its end."""
    try:
        story.play()
    except (StoryBroken, CommandRefused, PageRefused, ScreenRefused, LineBroken) as broken:
        say(f"  ✗ {broken}")
        return str(broken)
    return ""


def tell_all(lines: Iterable[str]) -> None:
    for line in lines:
        say(line)


def say(line: str) -> None:
    """At once, also into a pipe."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="evertill demo")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--bundles", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--headless", action="store_true")
    parser.add_argument("--report", type=Path)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
