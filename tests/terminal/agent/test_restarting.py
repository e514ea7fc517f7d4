"""重启与恢复 with a real agent, supervisor and till: what a reset keeps, what holds it, and that somebody hears of it."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from evertill.terminal.durable import write_atomic
from tests.fakes.fake_server import FakeServer
from tests.fakes.rig import until
from tests.fakes.shop import PIN, Shop, settled

# What a reset writes: what was agreed, which devices are known, who did it; beside them only what the agent writes all the time.
RESET_WRITES = {"state/acts.json", "state/peripherals.json", "state/restarts.json"}
ALWAYS_MOVING = ("run/", "logs/", "state/outbox/", "state/clock.json", "state/journey.json", "cache/", "trust/")
PRINTER = '{"days":{"04b8:0202":["2026-11-18","2026-11-19","2026-11-20"]}}'


def contents(home: Path) -> dict[str, str]:
    """Every file of the home by its hash, but for those that change by themselves."""
    files = {str(path.relative_to(home)): path for path in home.rglob("*") if path.is_file() and not path.is_symlink()}
    kept = {name: path for name, path in files.items() if not name.startswith(ALWAYS_MOVING)}
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in kept.items()}


def order(shop: Shop, verb: str, pin: str = PIN) -> dict[str, Any]:
    return shop.ask(do=verb, person="owner", pin=pin)


def test_reset_forgets_what_was_learned_and_keeps_keys_sales_backups_and_pins(shop: Shop, server: FakeServer) -> None:
    shop.rig.tell_till(do="sale", key="kept", fen=100)
    assert shop.cli("backup") == 0
    shop.rig.tell_till(do="settle")
    write_atomic(shop.home / "state" / "peripherals.json", PRINTER.encode())
    _release, files = shop.release()
    server.set_policy(2, window="03:00-03:01", mode="manual")
    server.offer(5, 12, files)
    settled(lambda: shop.status()["offers"], "the release is offered")
    assert shop.ask(do="consent", person="owner", pin=PIN, release=12)["ok"]
    before = contents(shop.home)
    assert order(shop, "reset_settings")["ok"]
    assert shop.status()["offers"][0]["acts"]["consented_at"] is None, "it is asked again"
    after = contents(shop.home)
    assert {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)} <= RESET_WRITES
    assert any(name.startswith("backups/") for name in after)
    assert b"04b8" not in (shop.home / "state" / "peripherals.json").read_bytes()
    assert shop.ask(do="restart_till", person="owner", pin=PIN).get("error") != "PIN_WRONG", "the PIN is as it was"


def test_reset_is_refused_while_a_batch_is_open_or_a_sale_runs_and_nothing_is_forgotten(shop: Shop) -> None:
    write_atomic(shop.home / "state" / "peripherals.json", PRINTER.encode())
    shop.rig.tell_till(do="sale", key="unsettled", fen=100)
    before = contents(shop.home)
    refused = order(shop, "reset_settings")
    assert (refused["error"], refused["params"]["detail"]) == ("RESTART_NOT_NOW", "RESET_UNSETTLED")
    assert [each["code"] for each in shop.ask(ask="restarts")["held"]["reset_settings"]] == ["RESET_UNSETTLED"]
    shop.rig.tell_till(do="settle")
    shop.rig.tell_till(do="first_key")
    for verb in ("reset_settings", "restart_till", "restart_device"):
        assert order(shop, verb)["params"]["detail"] == "TILL_SALE"
    assert before["state/peripherals.json"] == contents(shop.home)["state/peripherals.json"]
    assert shop.ask(ask="restarts")["done"] == []


def test_till_that_does_not_answer_is_never_taken_for_a_free_one(shop: Shop) -> None:
    (shop.home / "run" / "till" / "ready.sock").unlink()
    for verb in ("reset_settings", "restart_till", "restart_device"):
        assert order(shop, verb)["params"]["detail"] == "TILL_SILENT"


def test_update_at_work_holds_every_restart_and_one_that_waits_holds_none(shop: Shop, server: FakeServer) -> None:
    _release, files = shop.release(fault="slow_migrate")
    server.offer(5, 12, files)
    until(lambda: (shop.status()["journey"] or {}).get("step", 0) > 3, "it works")
    assert {each[0]["code"] for each in shop.ask(ask="restarts")["held"].values() if each} == {"UPDATE_RUNNING"}
    assert order(shop, "restart_till")["params"]["detail"] == "UPDATE_RUNNING"
    settled(lambda: not server.actions[5].open, "the action is closed")
    settled(lambda: shop.status()["journey"] is None, "and over")
    assert shop.ask(ask="restarts")["held"]["restart_till"] == []


def test_wrong_pin_restarts_nothing(shop: Shop) -> None:
    pid = shop.rig.supervisor.state()["till"]["pid"]
    assert order(shop, "restart_till", pin="918273")["error"] == "PIN_WRONG"
    assert shop.rig.supervisor.state()["till"]["pid"] == pid


def test_till_is_started_again_with_every_sale_and_the_server_hears_who_did_it(shop: Shop, server: FakeServer) -> None:
    shop.rig.tell_till(do="sale", key="before", fen=100)
    pid = shop.rig.supervisor.state()["till"]["pid"]
    assert order(shop, "restart_till")["ok"]
    until(lambda: shop.rig.supervisor.state()["till"]["pid"] not in {pid, None}, "another till runs")
    until(lambda: shop.rig.sells("1.0.0"), "it sells")
    till = shop.status()["till"]
    assert till["batch_count"] == 1
    settled(lambda: _told(server).startswith("restart_till "), "the server hears of it")
    assert _told(server).endswith(" owner")


def _told(server: FakeServer) -> str:
    said = server.attributes.get("restart.last", "")
    assert isinstance(said, str)
    return said


@pytest.mark.parametrize("fault", ["self_test"])
def test_advice_of_a_release_that_failed_is_kept_in_the_terminals_own_history(
    shop: Shop, server: FakeServer, fault: str
) -> None:
    advice = {"zh": "不要重复安装；联系客服报 E17。", "en": "Do not install again; ask support about E17."}
    _release, files = shop.release(fault=fault, recovery=advice)
    server.offer(5, 12, files)
    settled(lambda: shop.status()["history"], "it has ended")
    past = shop.status()["history"][0]
    assert past["outcome"] == "failed"
    assert past["recovery"] == advice
