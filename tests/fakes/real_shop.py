"""A shop with the reference till: real versions staged, bundled and installed, operators enrolled, a cashier at the pages."""

import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import cast

from evertill.protocol.release import ReleaseComponent
from evertill.terminal.generations.folders import TILL, GenerationFolders
from evertill.terminal.generations.unpack import unpack
from tests.fakes.components import bundled, work_folder
from tests.fakes.rig import Rig, install_agent, until
from tests.till.driver import PINS, Browser, RunningTill
from till.stage import stage


@cache
def real_bundle(version: str) -> tuple[Path, ReleaseComponent]:
    """The folder with the bundle of a version of the reference till, built once per process, and its description."""
    work = work_folder("real")
    stage(version, work / "staged")
    return work / "out", bundled(work / "staged", work / "out")


def open_shop(home: Path, version: str = "1.0.0") -> Rig:
    """A terminal on which this version sells, with a cashier, a supervisor and an administrator."""
    home.mkdir(mode=0o700, exist_ok=True)
    generations = GenerationFolders(home / "generations")
    bundles, part = real_bundle(version)
    generations.slots(1).mkdir(parents=True)
    with (bundles / part.path).open("rb") as stream:
        unpack(stream, generations.slot(1, TILL))
    _enrol(generations, home / "pins")
    generations.commit(1)
    generations.flip(1)
    install_agent(home)
    rig = Rig(home)
    rig.start()
    until(rig.sells, "the till sells")
    return rig


def cashier(rig: Rig) -> Browser:
    """Signed in at whichever till runs now."""
    running = RunningTill(rig.home, rig.home, rig.run, cast("subprocess.Popen[str]", rig.process))
    browser = Browser(running)
    browser.sign_in()
    return browser


def _enrol(generations: GenerationFolders, pins: Path) -> None:
    pins.touch(mode=0o600)
    pins.write_text("".join(f"{number} {pin}\n" for number, pin in PINS.items()), encoding="ascii")
    program = generations.slot(1, TILL) / "till" / "main.py"
    command = [
        sys.executable,
        "-I",
        "-B",
        str(program),
        "enrol",
        "--data",
        str(generations.data(1)),
        "--pin-file",
        str(pins),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    pins.unlink()
