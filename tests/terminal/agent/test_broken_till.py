"""A terminal whose till is broken: its files damaged, or itself hanging. Real processes, signed releases, a server that may be away."""

import os
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from evertill.protocol.release import FLOOR_PATH, Floor, Revocation, encode
from evertill.terminal.agent.settings import Settings, save_settings
from evertill.terminal.generations.contents import damaged, load_contents
from evertill.terminal.generations.folders import TILL
from tests.fakes.fake_server import FakeServer
from tests.fakes.rig import until
from tests.fakes.shop import PIN, Shop, settled


@pytest.fixture
def shop(tmp_path: Path, server: FakeServer) -> Iterator[Shop]:
    """Sells with 1.1.0, which came by an update; a till silent for a second hangs."""
    made = Shop(tmp_path, server)
    try:
        made.set_up()
        save_settings(made.home / "state", Settings(sources="simulated", till_patience_s=1.0))
        made.install_first_till()
        made.start()
        _release, files = made.release()
        server.offer(5, 12, files)
        settled(lambda: not server.actions[5].open, "the update is done")
        until(lambda: made.rig.sells("1.1.0"), "the new till sells")
        yield made
    finally:
        made.close()


def change(shop: Shop) -> None:
    (shop.rig.generations.slot(2, TILL) / "main.py").write_bytes(b"raise SystemExit(3)\n")


def end_till(shop: Shop) -> None:
    pid = shop.rig.till_pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


def kill_agent(shop: Shop) -> None:
    killed = shop.agent_pid()
    os.kill(killed, signal.SIGKILL)
    until(lambda: shop.agent_pid() != killed, "another agent runs")


def codes(shop: Shop) -> list[str]:
    return [reason["code"] for reason in shop.status()["condition"]["reasons"]]


def fens_sold(shop: Shop) -> list[int]:
    with closing(sqlite3.connect(shop.home / "generations" / "current" / "data" / "journal.db")) as journal:
        return [fen for (fen,) in journal.execute("SELECT fen FROM entries ORDER BY id")]


def is_whole(shop: Shop, generation: int) -> bool:
    folders = shop.rig.generations
    return (
        folders.current() == generation
        and damaged(folders.slots(generation), load_contents(folders.folder(generation))) == ()
    )


def test_damaged_till_of_a_shop_without_a_network_is_repaired_by_itself(shop: Shop, server: FakeServer) -> None:
    shop.rig.tell_till(do="sale", key="unsettled", fen=1250)
    server.stop()
    change(shop)
    end_till(shop)
    settled(lambda: is_whole(shop, 3) and shop.rig.sells("1.1.0"), "the repaired till sells")
    assert fens_sold(shop) == [1250]
    settled(lambda: codes(shop) == [], "nothing is wrong any more")
    assert shop.status()["history"][0]["repair"]


def test_repair_is_told_to_the_server_and_costs_no_traffic(shop: Shop, server: FakeServer) -> None:
    payload_bytes = server.payload_bytes
    change(shop)
    end_till(shop)
    settled(lambda: server.attributes.get("generation") == "3", "the server knows")
    settled(lambda: server.attributes["till.trouble"] == "", "and that nothing is wrong any more")
    assert server.payload_bytes == payload_bytes, "the file was here"


def test_damage_under_a_selling_till_is_found_by_the_next_agent_and_repaired_between_sales(shop: Shop) -> None:
    shop.rig.tell_till(do="first_key")
    change(shop)
    kill_agent(shop)
    settled(lambda: shop.agent_answers() and "RUNNING_SLOT_DAMAGED" in codes(shop), "the damage is said")
    settled(lambda: _held(shop) == ["TILL_SALE"], "the sale comes first")
    shop.rig.tell_till(do="receipt")
    settled(lambda: is_whole(shop, 3) and shop.rig.sells("1.1.0"), "the repaired till sells")


def test_repair_is_finished_by_an_agent_that_is_killed_again_and_again(shop: Shop) -> None:
    shop.rig.tell_till(do="sale", key="kept", fen=700)
    change(shop)
    end_till(shop)
    for _ in range(3):
        settled(lambda: shop.agent_answers() and (shop.status()["journey"] or is_whole(shop, 3)), "it repairs")
        kill_agent(shop)
    settled(lambda: shop.agent_answers() and is_whole(shop, 3) and shop.rig.sells("1.1.0"), "the repaired till sells")
    assert fens_sold(shop) == [700]


def test_what_is_not_here_any_more_comes_with_an_action_of_the_same_release(
    shop: Shop, server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.sleep = "06:00:00"
    assert shop.cli("check") == 0
    shutil.rmtree(shop.home / "cache")
    (shop.home / "cache").mkdir()
    change(shop)
    end_till(shop)
    settled(lambda: "REPAIR_NEEDS_SERVER" in codes(shop), "it says what it needs")
    settled(
        lambda: "REPAIR_NEEDS_SERVER" in server.attributes.get("till.trouble", ""),
        "the server knows, hours before the next poll",
    )
    assert shop.rig.generations.current() == 2, "never back to the version before by itself"
    assert shop.cli("status") == 0
    assert "ask support to send the present version again" in capsys.readouterr().out
    server.sleep = "00:00:02"
    server.offer(6, 12, server.actions[5].files)
    assert shop.cli("check") == 0
    settled(lambda: not server.actions[6].open, "the action is closed")
    assert server.feedbacks(6)[-1]["status"]["result"]["finished"] == "success"
    assert is_whole(shop, 3)
    assert shop.rig.sells("1.1.0")


def test_revoked_release_is_not_installed_again(shop: Shop, server: FakeServer) -> None:
    forbidden = Revocation(release=12, revoked_at=datetime.now(UTC), reason={"zh": "演示", "en": "demo"})
    shop.mint.put_document(FLOOR_PATH, encode(Floor(revoked=[forbidden])))
    shop.release("1.2.0", 13)
    server.offers = [{"release": 13, "action": None, "download": False, "install": False, "reasons": []}]
    settled(lambda: "notes" in shop.status()["offers"][0], "a release nobody here knew makes it ask for the signatures")
    change(shop)
    end_till(shop)
    settled(lambda: "REPAIR_NEEDS_SERVER" in codes(shop), "nothing signed here may replace it")
    assert shop.rig.generations.current() == 2


def test_till_that_cannot_start_is_tried_less_and_less_often_and_the_count_is_shown(shop: Shop) -> None:
    shutil.rmtree(shop.home / "cache")
    (shop.home / "cache").mkdir()
    change(shop)
    end_till(shop)
    settled(lambda: "TILL_KEEPS_ENDING" in codes(shop), "the count is shown")
    ends = shop.rig.supervisor.state()["till"]["ends"]
    assert ends < 12, "a busy loop"


def test_data_no_till_can_read_stay_as_they_are_and_a_backup_takes_their_place(shop: Shop) -> None:
    shop.rig.tell_till(do="sale", key="backed up", fen=100)
    assert shop.cli("backup") == 0
    (name,) = (note["file"] for note in shop.status()["backups"] if "-g2" in note["file"])
    shop.rig.tell_till(do="sale", key="since", fen=200)
    journal = shop.rig.generations.data(2) / "journal.db"
    pid = shop.rig.till_pid()
    end_till(shop)
    until(lambda: shop.rig.till_pid() != pid, "the till is gone")
    damage = b"\0" * 4096
    for companion in ("journal.db-wal", "journal.db-shm"):
        journal.with_name(companion).unlink(missing_ok=True)
    journal.write_bytes(damage)
    settled(lambda: "TILL_KEEPS_ENDING" in codes(shop), "it is said")
    assert shop.rig.generations.current() == 2, "the machine takes no data back by itself"
    assert shop.cli("restore", str(shop.home / "backups" / name), "--pin-file", str(shop.pin_file)) == 0
    settled(lambda: shop.rig.sells("1.1.0"), "it sells with the backup's data")
    assert fens_sold(shop) == [100]
    assert journal.read_bytes() == damage


def test_hanging_till_without_a_sale_is_ended_and_another_sells(shop: Shop) -> None:
    shop.rig.tell_till(do="sale", key="kept", fen=700)
    hanging = shop.rig.till_pid()
    assert hanging is not None
    os.kill(hanging, signal.SIGSTOP)
    settled(lambda: shop.rig.till_pid() not in {None, hanging} and shop.rig.sells(), "another till sells")
    assert fens_sold(shop) == [700]


def test_till_that_hangs_in_a_sale_is_ended_by_a_person_alone(shop: Shop) -> None:
    shop.rig.tell_till(do="sale", key="kept", fen=700)
    assert shop.ask(do="end_till", person="owner", pin=PIN)["error"] == "TILL_ANSWERS"
    shop.rig.tell_till(do="first_key")
    hanging = shop.rig.till_pid()
    assert hanging is not None
    os.kill(hanging, signal.SIGSTOP)
    settled(lambda: "TILL_HANGS_IN_SALE" in codes(shop), "it is said")
    with pytest.raises(AssertionError, match="by the machine"):
        until(lambda: shop.rig.till_pid() != hanging, "ended by the machine", deadline_s=12)
    assert shop.ask(do="end_till", person="owner", pin="739105")["error"] == "PIN_WRONG"
    assert shop.rig.till_pid() == hanging
    assert shop.ask(do="end_till", person="owner", pin=PIN)["ok"]
    settled(lambda: shop.rig.till_pid() not in {None, hanging} and shop.rig.sells(), "another till sells")
    assert fens_sold(shop) == [700]


def _held(shop: Shop) -> list[str]:
    journey: dict[str, Any] | None = shop.status()["journey"]
    return [reason["code"] for reason in journey["held"]] if journey else []
