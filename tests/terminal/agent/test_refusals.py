"""What a person at a terminal is told when it will not just now: the code, and that nothing happened."""

import pytest

from tests.fakes.fake_server import FakeServer
from tests.fakes.rig import until
from tests.fakes.shop import PIN, Shop, settled


def test_restore_over_an_unsettled_batch_says_not_now_and_the_shop_sells_on(shop: Shop) -> None:
    assert shop.cli("backup") == 0
    shop.rig.tell_till(do="sale", key="unsettled", fen=100)
    pid = shop.rig.till_pid()
    (file,) = (shop.home / "backups").glob("*.age")
    assert shop.ask(do="restore", person="owner", pin=PIN, file=str(file))["ok"]
    settled(lambda: shop.status()["restored"], "it has an answer")
    restored = shop.status()["restored"]
    assert (restored["code"], "TILL_BATCH_UNSETTLED" in restored["detail"]) == ("RESTORE_NOT_NOW", True)
    assert shop.rig.till_pid() == pid
    assert shop.status()["till"]["batch_count"] == 1


def test_file_without_a_recovery_key_opens_no_backup(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    assert shop.cli("backup") == 0
    (file,) = (shop.home / "backups").glob("*.age")
    key = shop.folder / "no.key"
    key.write_text("not a key\n")
    key.chmod(0o600)
    assert shop.cli("restore", str(file), "--identity", str(key), "--pin-file", str(shop.pin_file)) == 1
    assert "RECOVERY_KEY_INVALID" in capsys.readouterr().err


def test_settling_in_the_middle_of_a_sale_is_the_tills_no(shop: Shop) -> None:
    shop.rig.tell_till(do="first_key")
    assert shop.ask(do="settle")["error"] == "TILL_REFUSED"


def test_line_that_breaks_off_is_told_and_the_download_goes_on_by_itself(shop: Shop, server: FakeServer) -> None:
    _release, files = shop.release()
    server.cut_after_bytes = 400
    server.offer(5, 12, files)
    until(lambda: "DOWNLOAD_INTERRUPTED" in _held(shop), "it says so")
    assert shop.rig.sells("1.0.0")


def _held(shop: Shop) -> list[str]:
    return [reason["code"] for reason in (shop.status()["journey"] or {}).get("held", [])]
