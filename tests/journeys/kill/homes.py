"""The home that is killed: a shop that is set up, sells with till 1.0.0 and has its first sales behind it."""

import shutil
from functools import cache
from pathlib import Path
from typing import Final

from evertill.protocol.provision import Provision, encode_provision
from evertill.terminal.agent.home import PROVISION
from evertill.terminal.agent.settings import Settings
from evertill.terminal.durable import write_atomic
from evertill.terminal.generations.folders import AGENT, GenerationFolders
from evertill.terminal.setup import begin, complete
from tests.fakes.components import first_generation, stage_params, stage_till, work_folder
from tests.fakes.rig import Rig, copy_home, install_agent, until
from tests.fakes.shop import PIN
from tests.journeys.kill.points import OLD

SOLD_BEFORE: Final = ("before-0", "before-1", "before-2")
_WATCHED: Final = Path(__file__).with_name("watched_agent.py")
_NOWHERE: Final = Provision(
    url="http://127.0.0.1:9",
    tenant="nobody",
    serial="nobody",
    token="-" * 16,
    merchant_id=None,
    node="nowhere",
    time_zone="Asia/Shanghai",
    model="T1",
    hardware_revision="B",
    root={},
)


@cache
def shop() -> Path:
    """Made once per process; nothing runs in it, and it knows no server yet."""
    work = work_folder("shop")
    home = work / "home"
    begin(home)
    complete(home, _NOWHERE, {"owner": PIN}, Settings("simulated"))
    first_generation(home, stage_till(work / "till", OLD), stage_params(work / "params"))
    install_agent(home)  # one that only sleeps
    rig = Rig(home)
    try:
        rig.start()
        until(rig.sells, "the first till sells")
        for key in SOLD_BEFORE:
            assert rig.tell_till(do="sale", key=key, fen=100) == {"ok": True}
    finally:
        rig.close()
    shutil.rmtree(home / "agents")
    return home


def copy_for(provision: Provision, prepared: Path, home: Path) -> Path:
    """A copy that belongs to this server."""
    copy_home(prepared, home)
    write_atomic(home / PROVISION, encode_provision(provision))
    return home


def watch_agent(home: Path) -> None:
    """The real agent with its tripwire, installed as an updated agent would be; without this the supervisor starts its own."""
    slot = GenerationFolders(home / "agents").slot(1, AGENT)
    if not slot.exists():
        install_agent(home, ["{python}", "-I", "-B", "{slot}/watched_agent.py", "--home", "{run}"])
        shutil.copy(_WATCHED, slot)
