"""The supervisor as a process, with stub tills and an agent that sleeps."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from evertill.terminal.generations.folders import AGENT, MANIFEST
from evertill.terminal.lines import ask, ask_on, connect
from evertill.terminal.supervisor_client import SupervisorRefused
from tests.fakes.components import first_generation, put_in_slot, stage_till
from tests.fakes.rig import Rig, install_agent, rss_mib, short_home, until


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Rig]:
    """A home with till 1.0.0 whose supervisor has not been started."""
    home = short_home(tmp_path)
    first_generation(home, stage_till(tmp_path / "till"))
    install_agent(home)
    rig = Rig(home)
    try:
        yield rig
    finally:
        rig.close()


def second_generation(rig: Rig, fault: str = "") -> None:
    """Installed with data and not committed: what a journey leaves in the middle of a switch."""
    put_in_slot(stage_till(rig.home / "staged", "1.1.0", fault=fault), rig.generations.slots(2))
    rig.generations.data(2).mkdir()
    rig.generations.flip(2)


def agent_pid(rig: Rig) -> int | None:
    pid = rig.supervisor.state()["agent"]["pid"]
    return pid if isinstance(pid, int) else None


def test_killed_till_sells_again(rig: Rig) -> None:
    killed = rig.till_pid()
    rig.tell_till(do="sale", key="a", fen=1)
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    until(lambda: rig.till_pid() not in {None, killed} and rig.sells(), "another till sells")


def test_killed_agent_is_started_again(rig: Rig) -> None:
    killed = agent_pid(rig)
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    until(lambda: agent_pid(rig) not in {None, killed}, "another agent runs")


def test_till_outlives_the_supervisor_and_is_found_again(rig: Rig) -> None:
    till = rig.till_pid()
    rig.kill_supervisor()
    assert rig.sells()
    rig.start()
    until(lambda: rig.supervisor.state()["till"]["pid"] == till, "the same till is watched")
    assert rig.supervisor.state()["till"]["generation"] == 1


def test_found_till_is_watched_like_one_of_its_own(rig: Rig) -> None:
    till = rig.till_pid()
    rig.kill_supervisor()
    rig.start()
    assert till is not None
    until(lambda: rig.supervisor.state()["till"]["pid"] == till, "the same till is watched")
    os.kill(till, signal.SIGKILL)
    until(lambda: rig.till_pid() not in {None, till} and rig.sells(), "another till sells")


def test_uncommitted_generation_never_sells(shop: Rig) -> None:
    second_generation(shop)
    shop.start()
    until(lambda: agent_pid(shop) is not None, "the agent runs")
    assert shop.supervisor.state()["till"]["pid"] is None
    assert shop.generations.current() == 2


def test_uncommitted_link_that_nobody_vouches_for_goes_back(shop: Rig) -> None:
    second_generation(shop)
    shop.start(grace_s=0.1)
    until(lambda: shop.sells("1.0.0"), "the committed till sells")
    assert shop.generations.current() == 1


def test_uncommitted_link_stays_while_an_agent_holds(shop: Rig) -> None:
    second_generation(shop)
    shop.start(grace_s=0.5)
    shop.supervisor.hold()
    with pytest.raises(AssertionError, match="back"):
        until(lambda: shop.generations.current() == 1, "the link is back", deadline_s=1.5)
    shop.supervisor.release()
    until(lambda: shop.sells("1.0.0"), "the committed till sells")


def test_proving_till_whose_agent_is_gone_for_good_is_ended_and_the_old_one_sells(shop: Rig) -> None:
    second_generation(shop)
    shop.start(grace_s=3)
    shop.supervisor.start_till(2, prove=True)
    until(lambda: shop.state() is not None, "the new till proves")
    assert not shop.sells()
    shop.supervisor.release()
    until(lambda: shop.sells("1.0.0"), "the committed till sells")


def test_proven_till_is_told_to_sell_when_the_agent_died_after_the_mark(shop: Rig) -> None:
    second_generation(shop)
    shop.start()
    shop.supervisor.start_till(2, prove=True)
    until(lambda: shop.state() is not None, "the new till proves")
    proving = shop.till_pid()
    shop.generations.commit(2)
    shop.supervisor.release()
    until(lambda: shop.sells("1.1.0"), "it sells")
    assert shop.till_pid() == proving


def test_held_supervisor_starts_nothing_by_itself(rig: Rig) -> None:
    rig.supervisor.hold()
    till = rig.till_pid()
    assert till is not None
    os.kill(till, signal.SIGKILL)
    until(lambda: rig.supervisor.state()["till"]["pid"] is None, "its end is noticed")
    with pytest.raises(AssertionError, match="till lives"):
        until(lambda: rig.till_pid() is not None, "a till lives", deadline_s=1.0)
    rig.supervisor.release()
    until(rig.sells, "a till sells")


def test_holder_that_dies_holds_no_more(rig: Rig) -> None:
    holder = connect(rig.home / "run" / "supervisor.sock", 3)
    assert ask_on(holder, {"do": "hold"}) == {"ok": True}
    with pytest.raises(SupervisorRefused, match="NOT_HOLDING"):
        rig.supervisor.hold()
    rig.supervisor.release()
    holder.close()
    until(lambda: rig.supervisor.state()["held"] is False, "the hold is gone")
    rig.supervisor.hold()


@pytest.mark.parametrize("order", [{"do": "start_till", "generation": 1}, {"do": "stop_till"}])
def test_orders_need_the_hold(rig: Rig, order: dict[str, object]) -> None:
    assert ask(rig.home / "run" / "supervisor.sock", order, 3) == {"error": "NOT_HOLDING"}


def test_unproven_till_cannot_be_ordered_to_sell(shop: Rig) -> None:
    second_generation(shop)
    shop.start()
    with pytest.raises(SupervisorRefused, match="NOT_COMMITTED"):
        shop.supervisor._order({"do": "start_till", "generation": 2, "prove": False})


def test_second_till_is_never_started_beside_the_first(rig: Rig) -> None:
    with pytest.raises(SupervisorRefused, match="TILL_RUNNING"):
        rig.supervisor.start_till(1, prove=True)


@pytest.mark.parametrize("rubbish", [b"\n", b"[]\n", b"{\n", b"\xff\n", b'{"do": "reboot"}\n', b'{"ask": 7}\n'])
def test_rubbish_is_refused_and_harms_nothing(rig: Rig, rubbish: bytes) -> None:
    with closing(connect(rig.home / "run" / "supervisor.sock", 3)) as peer:
        peer.sendall(rubbish)
        assert b'"error"' in peer.recv(1000)
    with closing(connect(rig.home / "run" / "supervisor.sock", 3)) as peer:
        peer.sendall(b"x" * 70_000)
    assert rig.supervisor_answers()


def test_shutdown_is_refused_during_a_sale_and_ends_everything_after_it(rig: Rig) -> None:
    address = rig.home / "run" / "supervisor.sock"
    rig.tell_till(do="first_key")
    assert ask(address, {"do": "shutdown"}, 3) == {"error": "SALE_IN_PROGRESS"}
    assert rig.supervisor_answers()
    rig.tell_till(do="receipt")
    assert ask(address, {"do": "shutdown"}, 3) == {"ok": True}
    assert rig.process is not None
    assert rig.process.wait(10) == 0
    until(lambda: rig.processes() == [], "nothing is left")


def test_shutdown_is_refused_in_the_middle_of_a_switch(rig: Rig) -> None:
    rig.supervisor.hold()
    assert ask(rig.home / "run" / "supervisor.sock", {"do": "shutdown"}, 3) == {"error": "HELD"}


def test_stopped_supervisor_leaves_the_till_selling(rig: Rig) -> None:
    till = rig.till_pid()
    assert rig.process is not None
    rig.process.terminate()
    assert rig.process.wait(10) == 0
    assert rig.till_pid() == till
    assert rig.sells()


def test_home_has_one_supervisor(rig: Rig) -> None:
    second = [sys.executable, "-I", "-m", "evertill.terminal.supervisor", str(rig.home)]
    assert subprocess.run(second, check=False, capture_output=True, timeout=10).returncode == 1
    assert rig.supervisor_answers()


def test_damaged_slot_leaves_the_supervisor_alive_and_trying(shop: Rig) -> None:
    manifest = shop.generations.slot(1, "till") / MANIFEST
    whole = manifest.read_bytes()
    manifest.write_bytes(whole[:20])
    shop.start()
    until(lambda: shop.supervisor.state()["till"]["ends"] >= 1, "it tried")
    manifest.write_bytes(whole)
    until(shop.sells, "the repaired till sells")


def test_agent_that_fails_two_starts_uncommitted_gives_way_to_the_one_before(shop: Rig) -> None:
    agents = shop.home / "agents"
    slot = agents / "2" / "slot" / AGENT
    slot.mkdir(parents=True)
    broken = '{"version": "2", "entry_points": {"start": ["{python}", "-I", "-S", "-c", "raise SystemExit(3)", "{run}/agents/2/"]}}'
    (slot / MANIFEST).write_text(broken)
    (agents / "current").unlink()
    (agents / "current").symlink_to("2")
    shop.start()
    until(lambda: shop.supervisor.state()["agent"]["generation"] == 1, "the old agent runs")
    assert (agents / "current").readlink() == Path("1")
    until(shop.sells, "the till sells whatever the agent does")


def test_till_gets_the_time_zone_of_the_shop(shop: Rig) -> None:
    (shop.home / "provision.json").write_text('{"time_zone": "Asia/Urumqi"}')
    shop.start()
    until(shop.sells, "the till sells")
    pid = shop.till_pid()
    assert pid is not None
    assert b"TZ=Asia/Urumqi" in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")


def test_supervisor_stays_small(rig: Rig) -> None:
    assert rig.process is not None
    assert rss_mib(rig.process.pid) <= 15


def test_children_inherit_no_descriptor_of_the_supervisor(rig: Rig) -> None:
    pid = rig.till_pid()
    assert pid is not None
    names = {str(descriptor.readlink()) for descriptor in Path(f"/proc/{pid}/fd").iterdir()}
    assert not {name for name in names if "supervisor" in name}
