"""`evertill demo`: starts the player, passes on what the keyboard says, and sees to it that nothing is left when it is over.

Two processes, because either of them may be killed: each adopts orphans, the player ends with its parent, and what a killed player leaves behind is ended
here. The folder with everything goes with them, unless the story did not come out: then its logs are what one wants to read. The next demo clears away
what was left all the same.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from evertill.sim.demo import folder
from evertill.sim.demo.processes import (
    ToldToStop,
    adopt_orphans,
    end_descendants,
    end_with_parent,
    raise_when_told_to_stop,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    if "MAKELEVEL" in os.environ:  # make killed means: all of it
        end_with_parent()
    adopt_orphans()
    raise_when_told_to_stop()
    folder.clear_abandoned()
    held = folder.make()
    code = 1
    try:
        code = _play(arguments, held)
    except ToldToStop:
        code = 0
    finally:
        end_descendants()
        if code:
            sys.stderr.write(
                f"The demo did not come out as it should; its logs are in {held.path}, until the next demo starts.\n"
            )
        else:
            shutil.rmtree(held.path, ignore_errors=True)
    return code


def _play(arguments: Sequence[str], held: folder.Held) -> int:
    command = [sys.executable, "-m", "evertill.sim.demo.player", "--folder", str(held.path), *arguments]
    with subprocess.Popen(command, process_group=0, pass_fds=[held.hold]) as player:
        try:
            return player.wait()
        except ToldToStop:
            player.send_signal(signal.SIGTERM)
            return player.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
