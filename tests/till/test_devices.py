import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.till.driver import RunningTill, run_till
from tests.till.fake_devices import OFFLINE_STATUS, PAPER_END_STATUS, fake_driver, fake_escpos
from till.devices.attached import Attached, attach, attached
from till.devices.driver import Driver
from till.devices.escpos import EscPosPrinter
from till.devices.port import DeviceSilentError

Shop = Callable[[str], Path]
Tree = Callable[[str], Path]


def checks(tree: Path, data: Path) -> dict[str, tuple[bool, str]]:
    _, answer = run_till(tree, "self-test", "--data", data)
    found = answer["checks"]
    assert isinstance(found, list)
    return {check["name"]: (check["ok"], check["detail"]) for check in found}


def test_self_test_asks_what_is_attached(shop: Shop, tree: Tree, tmp_path: Path) -> None:
    data = shop("1.2.0")
    assert checks(tree("1.2.0"), data)["reader_answers"] == (True, "none attached")
    with fake_driver(tmp_path / "d" / "reader.sock") as reader:
        attach(data, "reader", Attached("driver", str(reader.path)))
        assert checks(tree("1.2.0"), data)["reader_answers"] == (True, "ready")
        reader.state = "tampered"
        assert checks(tree("1.2.0"), data)["reader_answers"] == (False, "tampered")


def test_a_right_version_with_a_dead_reader_fails_its_self_test(shop: Shop, tree: Tree, tmp_path: Path) -> None:
    data = shop("1.2.0")
    attach(data, "reader", Attached("driver", str(tmp_path / "gone.sock")))
    code, answer = run_till(tree("1.2.0"), "self-test", "--data", data)
    assert (code, answer["ok"], answer["version"]) == (1, False, "1.2.0")
    ok, detail = checks(tree("1.2.0"), data)["reader_answers"]
    assert not ok
    assert detail.startswith("silent")


def test_a_printer_on_a_line_says_its_state_and_prints_in_chinese() -> None:
    with fake_escpos() as printer:
        device = EscPosPrinter(str(printer.path))
        assert device.state() == "ready"
        device.print(["收款: ¥12.50"])
        printer.wait_for("收款".encode("gb18030"))
        printer.status[1] = OFFLINE_STATUS
        assert device.state() == "offline"
        printer.status |= {1: 0x12, 4: PAPER_END_STATUS}
        assert device.state() == "out of paper"
        printer.silent = True
        with pytest.raises(DeviceSilentError):
            device.state()


def test_what_is_no_device_is_silent_within_a_second(tmp_path: Path) -> None:
    for device in (EscPosPrinter(str(tmp_path / "lp9")), Driver(str(tmp_path / "none.sock"))):
        with pytest.raises(DeviceSilentError):
            device.state()


@pytest.mark.parametrize(
    "answer", [b"", b"nonsense\n", b"[]\n", b'{"state": 7}\n', b"\xff\n", b'{"state": "' + b"x" * 9000]
)
def test_a_driver_that_answers_rubbish_is_silent(tmp_path: Path, answer: bytes) -> None:
    with fake_driver(tmp_path / "reader.sock") as driver:
        driver.says = answer
        with pytest.raises(DeviceSilentError):
            Driver(str(driver.path)).state()


@pytest.mark.parametrize("written", ["", "[]", '{"printer": 7}', '{"scale": {"kind": "driver", "path": "x"}}'])
def test_a_damaged_list_fails_the_self_test_and_stops_no_sale(
    shop: Shop, tree: Tree, start: Callable[..., RunningTill], written: str
) -> None:
    data = shop("1.2.0")
    (data / "devices.json").write_text(written)
    assert checks(tree("1.2.0"), data)["printer_answers"][0] is False
    browser = start(data).wait_ready().browser("00")
    assert "设备清单读不出来" in browser.get("devices").text
    assert browser.get(f"receipt?number={browser.sell(500)}").status == 200


def test_supervisor_attaches_what_is_there_and_receipts_are_printed(till: RunningTill) -> None:
    with fake_driver(till.run / "devices" / "printer.sock") as printer:
        browser = till.browser("00")
        assert "没有连接" in browser.get("devices").text
        assert browser.post("devices", role="printer", path=str(printer.path)).status == 303
        assert json.loads((till.data / "devices.json").read_text())["printer"]["kind"] == "driver"
        number = browser.sell(1250)
        assert "打印小票" in browser.get(f"receipt?number={number}").text
        assert browser.post(f"receipt?number={number}").status == 200
        assert browser.request("POST", "print", {"number": number}).code == "CSRF_WRONG"
        csrf = browser.get("sale").field("csrf")
        assert browser.request("POST", "print", {"csrf": csrf, "number": number}).status == 303
        assert any(number in line for line in printer.printed[0])
    refused = browser.request("POST", "print", {"csrf": csrf, "number": number})
    assert (refused.status, refused.code) == (409, "PRINTER_SILENT")
    assert number in refused.text
    assert "没有回应" in browser.get("devices").text


def test_only_the_supervisor_attaches_and_only_what_is_there(till: RunningTill, tmp_path: Path) -> None:
    cashier = till.browser("01")
    assert cashier.get("devices").code == "NOT_ALLOWED"
    supervisor = till.browser("00")
    for form in ({"role": "printer", "path": "/etc/passwd"}, {"role": "scale", "path": ""}):
        assert supervisor.post("devices", **form).code == "DEVICE_UNKNOWN"
    assert attached(till.data) == {}


def test_attached_devices_stay_until_taken_off(till: RunningTill) -> None:
    supervisor = till.browser("00")
    with fake_driver(till.run / "devices" / "reader-1.sock") as reader:
        supervisor.post("devices", role="reader", path=str(reader.path))
    assert attached(till.data)["reader"].path == str(reader.path)
    supervisor.post("devices", role="reader", path="")
    assert attached(till.data) == {}
