"""`python -m evertill.sim.fleet SCENE`: lets the terminals of a scene live until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import signal
from pathlib import Path

from evertill.sim.fleet.door import DeviceDoor, shared_client
from evertill.sim.fleet.scene import Scene, read_scene
from evertill.sim.fleet.terminal import VirtualTerminal


async def live(scene: Scene) -> None:
    """Every terminal in a task of its own; a bug in one ends them all, loudly."""
    async with shared_client() as client, asyncio.TaskGroup() as group:
        for virtual in scene.terminals:
            door = DeviceDoor(client, scene.url, scene.tenant, virtual.serial, virtual.token)
            group.create_task(VirtualTerminal(virtual, door, scene.step_s).live())


async def until_told_to_stop(scene: Scene) -> None:
    task = asyncio.create_task(live(scene))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def main() -> None:
    parser = argparse.ArgumentParser(prog="evertill-fleet", description="Virtual terminals.")
    parser.add_argument("scene", type=Path, metavar="SCENE")
    words = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    asyncio.run(until_told_to_stop(read_scene(words.scene)))


if __name__ == "__main__":
    main()
