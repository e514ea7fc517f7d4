"""Whole days of a terminal: real processes, a real conversation, signed releases, a stub till that sells."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from evertill.protocol.release import ComponentWords
from evertill.terminal.agent.preflight.simulated import Scene
from evertill.terminal.agent.preflight.sources import Link, Power
from evertill.terminal.generations.folders import GenerationFolders
from tests.fakes import fake_server as rubbish
from tests.fakes.fake_server import FakeServer
from tests.fakes.rig import Rig, until
from tests.fakes.shop import PIN, Shop, settled


def held(shop: Shop) -> list[str]:
    """By what the journey under way is held."""
    journey = shop.status()["journey"]
    return [reason["code"] for reason in journey["held"]] if journey else []


def test_an_update_arrives_is_backed_up_installed_and_reported(shop: Shop, server: FakeServer) -> None:
    shop.rig.tell_till(do="sale", key="before", fen=1250)
    _release, files = shop.release()
    server.offer(5, 12, files)
    settled(lambda: not server.actions[5].open, "the action is closed")
    assert shop.rig.sells("1.1.0")
    said = server.feedbacks(5)
    assert said[-1]["status"]["result"]["finished"] == "success"
    states = [report["evertill"]["state"] for report in said]
    assert states[0] == "offered"
    assert "backing_up" in states
    assert states.index("backing_up") < states.index("installing") < states.index("proving")
    settled(lambda: server.attributes.get("component.till") == "1.1.0", "the terminal says itself what runs")
    assert server.attributes["generation"] == "2"
    assert len(shop.status()["backups"]) == 1
    with closing(sqlite3.connect(shop.home / "generations" / "2" / "data" / "journal.db")) as journal:
        assert journal.execute("SELECT fen FROM entries").fetchall() == [(1250,)]
    assert server.count("POST", "/feedback") == len(said) + server.count("POST", "/policy/feedback")


def test_switched_off_at_the_terminal_nothing_comes_and_the_server_knows(
    shop: Shop, server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shop.cli("updates", "off", "--pin-file", str(shop.pin_file)) == 0
    assert "never" in capsys.readouterr().out
    _release, files = shop.release()
    server.offer(5, 12, files)
    settled(lambda: server.policy_changes, "the server heard of it")
    assert shop.cli("check") == 0
    assert shop.cli("check") == 0
    assert server.payload_bytes == 0
    assert server.count("GET", "deploymentBase") == 0
    assert shop.rig.sells("1.0.0")
    server.set_policy(2, mode="never", window="00:00-24:00")
    settled(lambda: 2 in server.policy_applied, "acknowledged at that revision")
    assert shop.ask(ask="policy")["fields"]["mode"]["confirmed"]


def test_a_wrong_pin_switches_nothing(
    shop: Shop, server: FakeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "wrong").write_text("739105\n")
    (tmp_path / "wrong").chmod(0o600)
    assert shop.cli("updates", "off", "--pin-file", str(tmp_path / "wrong")) == 1
    assert "[PIN_WRONG]" in capsys.readouterr().err
    assert shop.ask(ask="policy")["fields"]["mode"]["value"] == "automatic"
    assert server.policy_changes == {}


def test_with_an_unsettled_batch_it_waits_and_goes_on_after_settling(shop: Shop, server: FakeServer) -> None:
    shop.rig.tell_till(do="sale", key="k", fen=100)
    _release, files = shop.release(needs_empty_batch=True)
    server.offer(5, 12, files)
    settled(lambda: held(shop) == ["TILL_BATCH_UNSETTLED"], "it waits for the batch")
    assert shop.rig.sells("1.0.0")
    assert shop.cli("settle") == 0
    settled(lambda: not server.actions[5].open, "the action is closed")
    assert shop.rig.sells("1.1.0")


def test_an_action_taken_back_while_it_waits_is_dropped(shop: Shop, server: FakeServer) -> None:
    shop.rig.tell_till(do="sale", key="k", fen=100)
    _release, files = shop.release(needs_empty_batch=True)
    server.offer(5, 12, files)
    settled(lambda: (shop.status()["journey"] or {}).get("state") == "waiting", "it waits")
    server.cancel(5)
    settled(lambda: not server.actions[5].open, "the action is closed")
    settled(lambda: shop.status()["journey"] is None, "and over")
    assert server.feedbacks(5)[-1]["status"]["execution"] == "closed"
    assert shop.rig.sells("1.0.0")
    assert shop.status()["history"][0]["dropped"]


def test_a_release_for_another_model_is_refused_with_its_reason_and_not_begun(shop: Shop, server: FakeServer) -> None:
    body = b"plainly a demo"
    words = ComponentWords(type="app", component="till", version="9.0", models=["OTHER"], rollback_index=4)
    shop.mint.put_release(shop.mint.put_component("components/other.evb", body, words), release_id=13)
    shop.publish()
    server.offer(6, 13, {"other.evb": body})
    settled(lambda: not server.actions[6].open, "the action is closed")
    last = server.feedbacks(6)[-1]
    assert last["status"]["result"]["finished"] == "failure"
    assert [reason["code"] for reason in last["evertill"]["reasons"]] == ["MODEL_MISMATCH"]
    assert server.payload_bytes == 0
    assert server.count("GET", "deploymentBase") == 0
    assert shop.rig.sells("1.0.0")


def test_a_tampered_file_ends_the_journey_as_failed_and_the_shop_sells_on(shop: Shop, server: FakeServer) -> None:
    _release, files = shop.release()
    ((name, body),) = files.items()
    server.offer(5, 12, {name: body})
    server.actions[5].tampered[name] = body[:-1] + bytes([body[-1] ^ 1])
    settled(lambda: not server.actions[5].open, "the action is closed")
    last = server.feedbacks(5)[-1]
    assert last["status"]["result"]["finished"] == "failure"
    assert shop.rig.sells("1.0.0")


def test_a_server_that_answers_rubbish_for_a_while_changes_nothing(shop: Shop, server: FakeServer) -> None:
    server.sleep = "06:00:00"
    assert shop.cli("check") == 0
    for kind in (
        rubbish.html,
        rubbish.truncated_json,
        rubbish.wrong_types,
        rubbish.huge_body,
        rubbish.too_long_declared,
        rubbish.redirect,
    ):
        server.script("poll", kind)
        assert shop.cli("check") == 1
        assert shop.rig.sells("1.0.0")
    assert shop.cli("check") == 0


def test_offline_the_shop_sells_and_the_agent_says_since_when(
    shop: Shop, server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shop.cli("check") == 0
    server.stop()
    try:
        assert shop.cli("check") == 1
        assert shop.status()["contact"]["trouble"]["code"] == "NO_CONTACT"
        assert shop.status()["contact"]["last_at"]
        assert shop.rig.tell_till(do="sale", key="offline", fen=100)["ok"]
        assert shop.cli("status") == 0
        assert "Last contact" in capsys.readouterr().out
    finally:
        server._http.socket.close()
        server.stop = lambda: None  # type: ignore[method-assign] # stopped already


def test_a_killed_agent_comes_back_and_finishes(shop: Shop, server: FakeServer) -> None:
    _release, files = shop.release()
    server.cut_after_bytes = 1000
    server.offer(5, 12, files)
    settled(lambda: (shop.status()["journey"] or {}).get("state") == "downloading", "it downloads")
    os.kill(shop.agent_pid(), signal.SIGKILL)
    settled(lambda: not server.actions[5].open, "the action is closed")
    assert server.feedbacks(5)[-1]["status"]["result"]["finished"] == "success"
    assert shop.rig.sells("1.1.0")


def test_low_battery_on_the_charger_waits_and_goes_on_by_itself(shop: Shop, server: FakeServer) -> None:
    shop.scene(Scene(power=Power("battery", 38, charging=True)))
    _release, files = shop.release()
    server.offer(5, 12, files)
    settled(lambda: held(shop) == ["BATTERY"], "held by the battery")
    shop.scene(Scene(power=Power("battery", 50, charging=True)))
    shop.ask(do="confirm", matter="power")  # any tap lets it look again
    settled(lambda: not server.actions[5].open, "the action is closed")


def test_without_wifi_a_package_beyond_the_months_mobile_data_waits(shop: Shop, server: FakeServer) -> None:
    server.set_policy(2, window="00:00-24:00", cellular_budget_mb=0)
    shop.scene(Scene(link=Link("cellular", "wwan0")))
    settled(lambda: 2 in server.policy_applied, "the policy is known")
    _release, files = shop.release()
    server.offer(5, 12, files)
    settled(lambda: held(shop) == ["NETWORK_BUDGET"], "held by the allowance")
    assert server.payload_bytes == 0
    shop.scene(Scene(link=Link("wifi", "wlan0")))
    shop.ask(do="confirm", matter="power")
    settled(lambda: not server.actions[5].open, "the action is closed")


def test_manual_mode_shows_the_release_and_installs_after_the_tick(shop: Shop, server: FakeServer) -> None:
    server.set_policy(2, mode="manual", window="00:00-24:00")
    settled(lambda: 2 in server.policy_applied, "the policy is known")
    _release, files = shop.release()
    reasons = [{"code": "CONSENT_NEEDED", "params": {"version": "1.1.0"}}]
    server.offers = [{"release": 12, "action": None, "download": False, "install": False, "reasons": reasons}]
    settled(lambda: shop.status()["offers"] and "notes" in shop.status()["offers"][0], "shown with its signed notes")
    assert shop.status()["offers"][0]["notes"]["en"] == "Discounts"
    assert shop.ask(do="displayed", release=12)["ok"]
    assert shop.ask(do="consent", release=12, person="owner", pin="000000")["error"] == "PIN_WRONG"
    assert shop.ask(do="consent", release=12, person="owner", pin=PIN, text_version="consent-1")["ok"]
    settled(lambda: len(server.acts) == 2, "the server heard both")
    assert {said["act"] for _, said in server.acts.values()} == {"displayed", "consent"}
    server.offer(5, 12, files)
    settled(lambda: not server.actions[5].open, "the action is closed")
    assert server.feedbacks(5)[-1]["evertill"]["displayed"] == [12]


def test_a_merchant_goes_back_within_seven_days(shop: Shop, server: FakeServer) -> None:
    _release, files = shop.release()
    server.offer(5, 12, files)
    settled(lambda: not server.actions[5].open, "updated")
    shop.rig.tell_till(do="sale", key="new", fen=700)
    shop.rig.tell_till(do="settle")
    assert shop.ask(do="go_back", person="owner", pin=PIN)["ok"]
    settled(lambda: shop.rig.sells("1.0.0"), "the old version sells again")
    settled(lambda: server.attributes.get("component.till") == "1.0.0", "and says so")


def test_a_restored_backup_sells_and_a_bad_key_changes_nothing(shop: Shop, tmp_path: Path) -> None:
    shop.rig.tell_till(do="sale", key="one", fen=100)
    assert shop.cli("backup") == 0
    (name,) = [note["file"] for note in shop.status()["backups"]]
    kept = tmp_path / name
    kept.write_bytes((shop.home / "backups" / name).read_bytes())
    shop.rig.tell_till(do="sale", key="two", fen=200)
    (tmp_path / "bad.key").write_text("AGE-SECRET-KEY-1QQQQ\n")
    (tmp_path / "bad.key").chmod(0o600)
    pin = ("--pin-file", str(shop.pin_file))
    shop.rig.tell_till(do="settle")
    assert shop.cli("restore", str(kept), "--identity", str(tmp_path / "bad.key"), *pin) == 1
    assert shop.rig.state() is not None
    assert shop.cli("restore", str(kept), "--identity", str(tmp_path / "recovery.key"), *pin) == 0
    settled(lambda: shop.rig.sells("1.0.0"), "it sells")
    with closing(sqlite3.connect(shop.home / "generations" / "current" / "data" / "journal.db")) as journal:
        assert journal.execute("SELECT fen FROM entries").fetchall() == [(100,)]


def test_the_agent_needs_little_memory(shop: Shop, server: FakeServer) -> None:
    _release, files = shop.release()
    server.offer(5, 12, files)
    settled(lambda: not server.actions[5].open, "a whole update behind it")
    status = Path(f"/proc/{shop.agent_pid()}/status").read_text()
    rss_kib = int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])
    assert rss_kib <= 60 * 1024, f"{rss_kib / 1024:.1f} MiB"


def update_agent(shop: Shop, version: str, program: str) -> GenerationFolders:
    """Put an agent into its own A/B folders and point the link at it, as a journey does."""
    agents = GenerationFolders(shop.home / "agents")
    slot = agents.slot(1, "agent")
    slot.mkdir(parents=True)
    (slot / "start.py").write_text(program)
    command = ["{python}", "-I", "{slot}/start.py", "--home", "{run}"]
    (slot / "manifest.json").write_text(json.dumps({"version": version, "entry_points": {"start": command}}))
    agents.flip(1)
    return agents


def test_an_updated_agent_takes_over_and_is_kept_once_it_has_proven_itself(shop: Shop) -> None:
    before = shop.agent_pid()
    program = "import runpy\nrunpy.run_module('evertill.terminal.agent.main', run_name='__main__')\n"
    agents = update_agent(shop, "9.1", program)
    settled(lambda: agents.is_committed(1), "a conversation, verified metadata, the journal read")
    assert shop.agent_pid() != before
    assert shop.rig.sells("1.0.0")
    settled(lambda: shop.server.attributes.get("component.agent") == "9.1", "and it says so")


def test_an_updated_agent_that_does_not_start_is_not_kept(shop: Shop) -> None:
    agents = update_agent(shop, "9.2", "raise SystemExit(1)\n")
    settled(lambda: agents.current() is None, "the supervisor goes back")
    settled(shop.agent_answers, "to the agent before")
    assert not agents.is_committed(1)
    assert shop.rig.sells("1.0.0")


def test_the_command_run_becomes_the_supervisor(tmp_path: Path, server: FakeServer) -> None:
    made = Shop(tmp_path, server)
    made.set_up()
    made.rig = Rig(made.home)
    command = [sys.executable, "-m", "evertill.terminal.cli", "run", "--home", str(made.home)]
    made.rig.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(made.agent_answers, "the agent answers")
        assert made.rig.process.pid in made.rig.processes()
        assert made.status()["generation"] is None
    finally:
        made.close()
