"""The process that plays the demo: lays it out, tells where everything is, plays the story, and then either reports or goes on running."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from evertill.sim.demo import cast
from evertill.sim.demo.cashier import PageRefused
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
from evertill.sim.demo.story import Story, StoryBroken, pins_of
from evertill.sim.demo.watching import ObserverGone

if TYPE_CHECKING:
    from collections.abc import Sequence


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
    stage.open()
    _tell_addresses(stage)
    say(f"({time.monotonic() - began_s:.0f} s)")
    told = _tell_story(Story(stage, words.bundles, say))
    observed = stage.watching.report(words.report, told=told)
    say(
        f"({time.monotonic() - began_s:.0f} s) {'全部看到 / all of it was observed' if observed else '没有全部看到 / not all of it was observed'}"
    )
    if not words.headless:
        say("演示继续运行，按 Ctrl-C 结束 / The demo goes on running; Ctrl-C ends it.")
        while True:
            signal.pause()
    return 0 if observed else 1


def _tell_story(story: Story) -> bool:
    try:
        story.play()
    except (StoryBroken, CommandRefused, PageRefused, ScreenRefused) as broken:
        say(f"  ✗ {broken}")
        return False
    return True


def _tell_addresses(stage: Stage) -> None:
    office = stage.office
    say(f"控制台 / Console          {office.url}/   {cast.ADMIN}   {stage.passwords[cast.ADMIN]}")
    for login in cast.OWNERS if office.shows("/m/") else ():
        say(f"商户 / Merchant           {office.url}/m/   {login}   {stage.passwords[login]}")
    for terminal in stage.terminals.values():
        screen = f"http://127.0.0.1:{terminal.screen_port()}/"
        say(f"终端 / Terminal {terminal.serial}  {screen}   {terminal.name}   PIN {pins_of(terminal)}")
    say(f"命令行 / Command line     EVERTILL_DATA={office.environment['EVERTILL_DATA']} evertill terminal list")


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
