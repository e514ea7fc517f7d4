"""What is thrown away when nothing needs it any more, and what is never thrown away."""

import os
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from evertill.protocol.release import ReleaseComponent
from evertill.terminal.agent.care.housekeeping import Housekeeping
from evertill.terminal.agent.download import Cache
from evertill.terminal.agent.place import Place
from evertill.terminal.generations.contents import Content, save_contents
from evertill.terminal.generations.folders import AGENT, GenerationFolders
from evertill.terminal.program import MAX_LOG_BYTES
from tests.terminal.agent.making import TurnedClock
from tests.terminal.trust.mint import Mint
from tests.terminal.trust.terminal import Terminal

PART = ReleaseComponent(
    path="components/till.evb",
    sha256="a" * 64,
    sha512="b" * 128,
    length=5,
    type="app",
    component="till",
    version="1.1.0",
)


@pytest.fixture
def place(tmp_path: Path, clock: TurnedClock) -> Place:
    (tmp_path / "logs").mkdir()
    return Place(tmp_path, "T-0001", ZoneInfo("Asia/Shanghai"), GenerationFolders(tmp_path / "generations"), clock)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def housekeeping(place: Place, cache: Cache) -> Housekeeping:
    trust = Terminal(place.home, "http://127.0.0.1:9", Mint().root_bytes).trust
    return Housekeeping(place, cache, trust)


def installed(folders: GenerationFolders, number: int, *, committed: bool = True) -> None:
    folders.slot(number, AGENT).mkdir(parents=True)
    if committed:
        folders.commit(number)
    folders.flip(number)


def test_package_of_the_running_slot_is_kept_and_the_others_go(
    place: Place, cache: Cache, housekeeping: Housekeeping
) -> None:
    installed(place.generations, 1)
    save_contents(place.generations.folder(1), {"till": Content(12, PART, "c" * 64)})
    for name in (PART.sha256, "d" * 64, "e" * 64 + ".part", "e" * 64 + ".etag"):
        (cache.folder / name).write_bytes(b"bytes")
    housekeeping.tidy()
    assert [path.name for path in cache.folder.iterdir()] == [PART.sha256]


def test_old_agents_go_but_the_one_before_stays(place: Place, housekeeping: Housekeeping) -> None:
    for number in range(1, 6):
        installed(place.agents, number)
    housekeeping.tidy()
    assert place.agents.numbers() == [4, 5]


def test_agent_on_trial_and_the_proven_one_before_it_stay(place: Place, housekeeping: Housekeeping) -> None:
    installed(place.agents, 1)
    installed(place.agents, 2)
    installed(place.agents, 3, committed=False)
    housekeeping.tidy()
    assert place.agents.numbers() == [2, 3]


def test_log_of_a_program_that_never_ends_stays_bounded(place: Place, housekeeping: Housekeeping) -> None:
    log = place.home / "logs" / "till.log"
    writer = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        for _ in range(3):
            os.write(writer, b"x" * MAX_LOG_BYTES + b"last\n")
            housekeeping.tidy()
            os.write(writer, b"goes on\n")
    finally:
        os.close(writer)
    assert log.read_bytes() == b"goes on\n"
    assert log.with_suffix(".log.1").read_bytes().endswith(b"last\n")
    assert {path.name for path in log.parent.iterdir()} == {"till.log", "till.log.1"}


def test_what_cannot_be_tidied_keeps_nothing_else_from_it(
    place: Place, cache: Cache, housekeeping: Housekeeping
) -> None:
    (cache.folder / ("d" * 64)).mkdir()
    for number in range(1, 4):
        installed(place.agents, number)
    housekeeping.tidy()
    assert place.agents.numbers() == [2, 3]
