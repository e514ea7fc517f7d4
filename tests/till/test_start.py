import json
import os
import signal
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.till.driver import PATIENCE_S, RunningTill
from till.locks import FileLock

Start = Callable[..., RunningTill]
Shop = Callable[[str], Path]


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize("version", ["1.0.0", "1.1.0", "1.2.0"])
def test_a_started_till_says_what_it_is(start: Start, shop: Shop, version: str) -> None:
    till = start(shop(version), version=version).wait_ready()
    state = till.state()
    assert (state["version"], state["mode"], state["sale"], state["batch_count"]) == (version, "selling", False, 0)
    assert state["schema"] == {"1.0.0": 1, "1.1.0": 2, "1.2.0": 3}[version]
    assert state["pid"] == till.process.pid
    assert abs(time.monotonic() - float(str(state["started_at_monotonic"]))) < PATIENCE_S


def test_a_first_start_makes_the_folders_for_its_user_alone(start: Start, tmp_path: Path) -> None:
    till = start(tmp_path / "new" / "data", run="new/run").wait_ready()
    for path in (till.data, till.run, *till.data.iterdir(), *till.run.iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert {path.name for path in till.run.iterdir()} >= {"till.sock", "ready.sock", "till.pid", "data.lock"}


def test_the_pidfile_tells_this_process_from_a_later_one_with_its_pid(till: RunningTill) -> None:
    content = json.loads((till.run / "till.pid").read_bytes())
    fields = Path(f"/proc/{till.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    assert content == {"pid": till.process.pid, "start_ticks": int(fields[19]), "version": "1.2.0"}


def test_a_stop_ends_the_process_and_leaves_no_socket(till: RunningTill) -> None:
    assert till.ask(do="stop") == {"ok": True}
    assert till.wait_exit() == 0
    assert {path.name for path in till.run.iterdir()} <= {"data.lock", "sale.lock"}


def test_a_stop_during_a_sale_is_refused_and_the_sale_goes_on(till: RunningTill) -> None:
    browser = till.browser()
    browser.post("sale", typed="1250", go="1")
    assert till.ask(do="stop") == {"error": "SALE_IN_PROGRESS"}
    assert browser.post("tender", go="1").status == 303
    assert till.ask(do="stop") == {"ok": True}


def test_sigterm_during_a_sale_waits_for_its_receipt(till: RunningTill) -> None:
    browser = till.browser()
    browser.post("sale", typed="1250", go="1")
    till.process.send_signal(signal.SIGTERM)
    eventually(lambda: till.state()["mode"] == "stopping")
    other = till.browser("00").post("sale", typed="5", go="1")
    assert (other.status, other.code) == (409, "STOPPING")
    assert browser.post("tender", go="1").status == 303
    assert till.wait_exit() == 0


def test_a_second_signal_does_not_wait(till: RunningTill) -> None:
    till.browser().post("sale", typed="1250", go="1")
    till.process.send_signal(signal.SIGTERM)
    eventually(lambda: till.state()["mode"] == "stopping")
    till.process.send_signal(signal.SIGTERM)
    assert till.wait_exit() == 0


def test_two_tills_never_share_a_run_folder_or_data(start: Start, till: RunningTill, tmp_path: Path) -> None:
    same_run = start(tmp_path / "other data")
    assert same_run.output()["code"] == "DATA_LOCKED"
    same_data = start(till.data, run="other run")
    assert same_data.output()["code"] == "DATA_LOCKED"
    assert same_data.wait_exit() == 1
    assert till.state()["mode"] == "selling"


def test_a_till_starts_over_what_a_killed_one_left(start: Start, till: RunningTill) -> None:
    till.kill()
    assert (till.run / "ready.sock").exists()
    assert start(till.data).wait_ready().state()["mode"] == "selling"


def test_a_run_folder_others_may_enter_is_refused(start: Start, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(mode=0o755)
    (tmp_path / "run").chmod(0o755)
    till = start(tmp_path / "data")
    assert till.output()["code"] == "RUN_FOLDER_UNSAFE"
    assert list((tmp_path / "run").iterdir()) == []


def test_a_path_longer_than_a_unix_address_works(start: Start, tmp_path: Path) -> None:
    till = start(tmp_path / "data", run="/".join(["a" * 60] * 3)).wait_ready()
    assert till.state()["mode"] == "selling"


@pytest.mark.parametrize(
    ("to", "version", "code"), [("1.1.0", "1.0.0", "SCHEMA_TOO_NEW"), ("1.0.0", "1.1.0", "SCHEMA_NEEDS_MIGRATION")]
)
def test_a_version_starts_only_on_its_own_schema(start: Start, shop: Shop, to: str, version: str, code: str) -> None:
    till = start(shop(to), version=version)
    assert till.output()["code"] == code
    assert till.wait_exit() == 1


def test_a_proving_till_shows_one_page_and_sells_only_when_told(start: Start, shop: Shop) -> None:
    till = start(shop("1.2.0"), "--prove").wait_ready()
    assert till.state()["mode"] == "proving"
    browser = till.browser(None)
    for page in ("", "sale", "sign-in", "settle"):
        answer = browser.get(page)
        assert (answer.status, "正在检查新版本" in answer.text) == (503, True)
    assert browser.request("POST", "sign-in", {"operator": "01", "typed": "258013", "go": "1"}).status == 503
    assert till.ask(do="settle") == {"error": "PROVING"}
    assert till.ask(do="sell") == till.ask(do="sell") == {"ok": True, "mode": "selling"}
    assert till.browser().sell(1_00) == "000001-0001"


def test_the_agent_holding_the_sale_lock_makes_the_till_say_so_and_keep_what_was_typed(till: RunningTill) -> None:
    browser = till.browser()
    agent = FileLock(till.run / "sale.lock")
    assert agent.take_exclusive()
    refused = browser.post("sale", typed="1250")
    assert (refused.status, refused.code) == (409, "CHANGING_VERSION")
    assert "正在换新版本，几秒钟后再收款" in refused.text
    assert "¥12.50" in refused.text
    assert till.state()["sale"] is False
    agent.release()
    assert browser.post("sale", go="1").location == "tender"
    assert not agent.take_exclusive()
    assert browser.post("tender", go="1").status == 303
    assert agent.take_exclusive()
    agent.release()


def test_locks_are_not_inherited_by_children(till: RunningTill) -> None:
    till.browser().post("sale", typed="1")
    held = [path for path in Path(f"/proc/{till.process.pid}/fd").iterdir() if path.readlink().suffix == ".lock"]
    assert len(held) == 2
    for path in held:
        flags = Path(f"/proc/{till.process.pid}/fdinfo/{path.name}").read_text(encoding="ascii")
        assert int(flags.split("flags:")[1].split()[0], 8) & os.O_CLOEXEC


def test_the_till_is_small(till: RunningTill) -> None:
    till.browser().sell(1_00)
    status = Path(f"/proc/{till.process.pid}/status").read_text(encoding="ascii")
    rss_kib = int(status.split("VmRSS:")[1].split()[0])
    assert rss_kib < 40 * 1024
