"""Preflight: each check says what holds and nothing else, by the real machine's files and by simulated ones alike."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evertill.terminal.agent.daily_use import DailyUse
from evertill.terminal.agent.preflight import STAGE_1, STAGE_2, Findings, Need, Subject, preflight
from evertill.terminal.agent.preflight.check import MARGIN_BYTES
from evertill.terminal.agent.preflight.real import RealSources
from evertill.terminal.agent.preflight.simulated import Scene, SimulatedSources
from evertill.terminal.agent.preflight.sources import Link, Peripheral, Power
from evertill.terminal.errors import TerminalRefused
from tests.terminal.agent.making import NOW

MB = 10**6
PRINTER = Peripheral("04b8:0202", "Receipt printer")
MODEM = Peripheral("12d1:1506", "LTE modem", carries_link=True)
DOCK = Peripheral("1a2b:3c4d", "Charging dock", gives_power=True)


@pytest.fixture
def subject(tmp_path: Path) -> Callable[..., Subject]:
    def make(scene: Scene | None = None, **changes: Any) -> Subject:
        (tmp_path / "scene.json").write_bytes(msgspec.json.encode(scene or Scene(free_bytes=10**12)))
        words: dict[str, Any] = {
            "home": tmp_path,
            "now": NOW,
            "need": Need(10 * MB, 40 * MB, 5 * MB),
            "sources": SimulatedSources(tmp_path / "scene.json"),
            "clock_floor": NOW - timedelta(days=1),
            "server_date": NOW,
            "battery_floor_percent": 50,
            "unmetered_only": False,
            "budget_left_bytes": lambda: 20 * MB,
            "clean_cache": lambda: 0,
            "version": "1.1.0",
            **changes,
        }
        return Subject(**words)

    return make


def codes(findings: Findings) -> list[str]:
    return [reason.code for reason in findings.reasons]


def test_a_terminal_in_order_passes_both_stages(subject: Callable[..., Subject]) -> None:
    assert preflight(STAGE_1, subject()) == Findings()
    assert preflight(STAGE_2, subject()) == Findings()


def test_everything_that_holds_is_said_at_once(subject: Callable[..., Subject]) -> None:
    scene = Scene(free_bytes=0, power=Power("battery", 30, charging=True), peripherals=(PRINTER,))
    found = preflight(STAGE_2, subject(scene, must_unplug=True, clock_floor=NOW + timedelta(days=2)))
    assert codes(found) == ["CLOCK_WRONG", "STORAGE", "BATTERY", "PERIPHERAL"]


def test_room_is_needed_for_package_slot_backup_and_a_margin(subject: Callable[..., Subject]) -> None:
    need = Need(10 * MB, 40 * MB, 5 * MB)
    assert need.total_bytes == 65 * MB + MARGIN_BYTES
    assert codes(preflight(STAGE_1, subject(Scene(free_bytes=need.total_bytes)))) == []
    assert codes(preflight(STAGE_1, subject(Scene(free_bytes=need.total_bytes - 1)))) == ["STORAGE"]


def test_caches_are_cleaned_before_anybody_is_asked_for_room(subject: Callable[..., Subject], tmp_path: Path) -> None:
    def clean() -> int:
        (tmp_path / "scene.json").write_bytes(msgspec.json.encode(Scene(free_bytes=10**12)))
        return 5

    assert codes(preflight(STAGE_1, subject(Scene(free_bytes=0), clean_cache=clean))) == []


@pytest.mark.parametrize(
    ("power", "confirmed", "expected"),
    [
        (Power("mains"), False, []),
        (Power("battery", 50, charging=False), False, []),
        (Power("battery", 49, charging=False), False, ["BATTERY"]),
        (Power("battery", 49, charging=True), False, ["BATTERY"]),
        (Power("battery", 49, charging=True), True, ["BATTERY"]),
        (Power("unknown"), False, ["POWER_UNKNOWN"]),
        (Power("unknown"), True, []),
        (Power("battery", None), False, ["POWER_UNKNOWN"]),
    ],
)
def test_a_charger_does_not_replace_the_battery_floor(
    subject: Callable[..., Subject], power: Power, confirmed: Any, expected: list[str]
) -> None:
    scene = Scene(free_bytes=10**12, power=power)
    assert codes(preflight(STAGE_2, subject(scene, power_confirmed=confirmed))) == expected


@pytest.mark.parametrize(
    ("kind", "unmetered_only", "left", "expected"),
    [
        ("wired", True, 0, []),
        ("wifi", True, 0, []),
        ("local", True, 0, []),
        ("cellular", False, 10 * MB, []),
        ("cellular", False, 10 * MB - 1, ["NETWORK_BUDGET"]),
        ("cellular", True, 20 * MB, ["NETWORK_METERED"]),
        ("unknown", False, 0, ["NETWORK_BUDGET"]),
        ("none", False, 20 * MB, ["SERVER_SILENT"]),
    ],
)
def test_the_download_uses_only_the_links_it_may(
    subject: Callable[..., Subject], kind: Any, unmetered_only: Any, left: int, expected: list[str]
) -> None:
    made = subject(
        Scene(free_bytes=10**12, link=Link(kind)), unmetered_only=unmetered_only, budget_left_bytes=lambda: left
    )
    assert codes(preflight(STAGE_1, made)) == expected


def test_what_is_downloaded_already_needs_no_network(subject: Callable[..., Subject]) -> None:
    made = subject(Scene(free_bytes=10**12, link=Link("none")), need=Need(0, 40 * MB, 0))
    assert codes(preflight(STAGE_1, made)) == []


def test_foreign_devices_warn_and_hold_only_where_the_release_says_so(subject: Callable[..., Subject]) -> None:
    scene = Scene(free_bytes=10**12, peripherals=(PRINTER,))
    warned = preflight(STAGE_2, subject(scene))
    assert codes(warned) == []
    assert [warning.params for warning in warned.warnings] == [{"names": ["Receipt printer"]}]
    assert codes(preflight(STAGE_2, subject(scene, must_unplug=True))) == ["PERIPHERAL"]
    assert codes(preflight(STAGE_2, subject(scene, must_unplug=True, peripherals_confirmed=True))) == []


def test_the_updates_own_link_and_power_and_devices_in_daily_use_are_never_asked_about(
    subject: Callable[..., Subject],
) -> None:
    scene = Scene(free_bytes=10**12, peripherals=(MODEM, DOCK, PRINTER))
    made = subject(scene, must_unplug=True, daily=frozenset({PRINTER.usb_id}))
    assert preflight(STAGE_2, made) == Findings()


def test_a_device_the_release_does_not_work_with_holds_it_even_in_daily_use(subject: Callable[..., Subject]) -> None:
    made = subject(
        Scene(free_bytes=10**12, peripherals=(PRINTER,)),
        incompatible=frozenset({PRINTER.usb_id}),
        daily=frozenset({PRINTER.usb_id}),
        peripherals_confirmed=True,
    )
    assert codes(preflight(STAGE_2, made)) == ["PERIPHERAL_INCOMPATIBLE"]


@pytest.mark.parametrize(
    ("floor_ahead", "server_ahead", "minutes"),
    [
        (timedelta(hours=-1), timedelta(minutes=9), None),
        (timedelta(hours=-1), timedelta(minutes=-9), None),
        (timedelta(hours=-1), None, None),
        (timedelta(minutes=9), None, None),
        (timedelta(hours=2), None, 120),
        (timedelta(hours=-1), timedelta(minutes=40), 40),
        (timedelta(hours=-1), timedelta(minutes=-40), 40),
        (timedelta(hours=3), timedelta(minutes=40), 180),
    ],
)
def test_a_clock_that_contradicts_what_is_known_is_wrong(
    subject: Callable[..., Subject], floor_ahead: timedelta, server_ahead: timedelta | None, minutes: int | None
) -> None:
    server_date = None if server_ahead is None else NOW + server_ahead
    found = preflight(STAGE_1, subject(clock_floor=NOW + floor_ahead, server_date=server_date))
    assert [reason.params for reason in found.reasons] == ([] if minutes is None else [{"minutes": minutes}])


def test_a_scene_with_a_mistake_is_told_not_guessed(tmp_path: Path) -> None:
    (tmp_path / "scene.json").write_text('{"powr": {"kind": "mains"}}')
    with pytest.raises(TerminalRefused) as refused:
        SimulatedSources(tmp_path / "scene.json").power()
    assert refused.value.code == "STATE_DAMAGED"


def test_a_device_seen_on_three_days_is_in_daily_use(tmp_path: Path) -> None:
    daily, day = DailyUse(tmp_path / "seen.json"), date(2026, 11, 20)
    for ahead in (0, 0, 1):
        daily.note([PRINTER], day + timedelta(days=ahead))
    assert daily.usb_ids(day + timedelta(days=1)) == frozenset()
    daily.note([PRINTER], day + timedelta(days=2))
    assert daily.usb_ids(day + timedelta(days=2)) == {PRINTER.usb_id}
    assert daily.usb_ids(day + timedelta(days=30)) == frozenset()


# --- the real machine, as files -------------------------------------------------------------------------------------------


class Machine:
    """A /sys and /proc the test writes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "sys/class/power_supply").mkdir(parents=True)
        (root / "sys/class/net").mkdir(parents=True)
        (root / "sys/bus/usb/devices").mkdir(parents=True)
        (root / "proc/net").mkdir(parents=True)

    def write(self, folder: str, **files: str) -> Path:
        path = self.root / folder
        path.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (path / name).write_text(text + "\n")
        return path

    def supply(self, name: str, **files: str) -> None:
        self.write(f"sys/class/power_supply/{name}", **files)

    def usb(self, name: str, **files: str) -> Path:
        place = self.write(f"sys/devices/pci0/usb1/{name}", **files)
        (self.root / "sys/bus/usb/devices" / name).symlink_to(place)
        return place

    def card(self, name: str, device: Path | None = None, **files: str) -> Path:
        path = self.write(f"sys/class/net/{name}", **files)
        if device:
            (path / "device").symlink_to(device)
        return path

    def route(self, *lines: str) -> None:
        head = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT"
        (self.root / "proc/net/route").write_text("\n".join([head, *lines]) + "\n")

    def sources(self, **changes: Any) -> RealSources:
        return RealSources(root=self.root, **changes)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "root")


def test_no_battery_is_mains(machine: Machine) -> None:
    machine.supply("AC", type="Mains", online="1")
    assert machine.sources().power() == Power("mains")


def test_a_kernel_without_power_supplies_knows_nothing(tmp_path: Path) -> None:
    assert RealSources(root=tmp_path / "nowhere").power() == Power("unknown")


def test_the_emptiest_battery_counts(machine: Machine) -> None:
    machine.supply("BAT0", type="Battery", capacity="90", status="Discharging", present="1")
    machine.supply("BAT1", type="Battery", capacity="38", status="Charging", present="1")
    assert machine.sources().power() == Power("battery", 38, charging=True)


def test_the_battery_of_a_mouse_and_an_empty_slot_are_not_ours(machine: Machine) -> None:
    machine.supply("hidpp_battery_0", type="Battery", capacity="5", scope="Device")
    machine.supply("BAT1", type="Battery", present="0")
    assert machine.sources().power() == Power("mains")


@pytest.mark.parametrize("capacity", ["", "many", "-1", "101", "５０"])
def test_a_battery_that_says_nonsense_is_unknown(machine: Machine, capacity: str) -> None:
    machine.supply("BAT0", type="Battery", capacity=capacity, status="Full")
    assert machine.sources().power().kind == "unknown"


@pytest.mark.parametrize(
    ("card", "files", "kind"),
    [
        ("eth0", {"type": "1"}, "wired"),
        ("wlan0", {"type": "1", "uevent": "DEVTYPE=wlan"}, "wifi"),
        ("wwan0", {"type": "1"}, "cellular"),
        ("net0", {"uevent": "DEVTYPE=wwan"}, "cellular"),
        ("rmnet_data0", {"type": "519"}, "cellular"),
        ("tun7", {"type": "512"}, "cellular"),
    ],
)
def test_the_link_is_the_one_of_the_default_route(
    machine: Machine, card: str, files: dict[str, str], kind: str
) -> None:
    machine.card(card, None, **files)
    machine.card("eth9", type="1")
    machine.route(
        "eth9 0001A8C0 00000000 0001 0 0 50 00FFFFFF 0 0 0", f"{card} 00000000 0101A8C0 0003 0 0 100 00000000 0 0 0"
    )
    assert machine.sources().link() == Link(kind, card)  # type: ignore[arg-type]


def test_the_route_with_the_lowest_metric_wins(machine: Machine) -> None:
    machine.card("eth0", type="1")
    machine.card("wwan0", type="1")
    machine.route("wwan0 00000000 0 0003 0 0 700 00000000 0 0 0", "eth0 00000000 0 0003 0 0 100 00000000 0 0 0")
    assert machine.sources().link().interface == "eth0"


def test_an_ipv6_only_terminal_has_a_link_too(machine: Machine) -> None:
    machine.card("wlan0", uevent="DEVTYPE=wlan")
    zeros = "0" * 32
    (machine.root / "proc/net/ipv6_route").write_text(
        f"{zeros} 00 {zeros} 00 fe80 00000400 00000001 00000000 00450003 wlan0\n"
    )
    assert machine.sources().link() == Link("wifi", "wlan0")


def test_a_modem_that_looks_like_a_card_is_told_by_the_settings(machine: Machine) -> None:
    machine.card("usb0", type="1")
    machine.route("usb0 00000000 0 0003 0 0 100 00000000 0 0 0")
    assert machine.sources().link().kind == "wired"
    assert machine.sources(cellular_interfaces=("usb0",)).link().kind == "cellular"


def test_no_route_is_no_link_and_a_server_on_this_machine_needs_none(machine: Machine) -> None:
    assert machine.sources().link() == Link("none")
    assert machine.sources(local=True).link() == Link("local")


def test_hubs_and_built_in_devices_are_no_peripherals(machine: Machine) -> None:
    machine.usb("1-0", idVendor="1d6b", idProduct="0002", bDeviceClass="09", product="Root hub")
    machine.usb("1-1", idVendor="0bda", idProduct="5411", bDeviceClass="00", removable="fixed", product="Camera")
    machine.usb(
        "1-2", idVendor="04B8", idProduct="0202", bDeviceClass="00", removable="removable", product="Receipt printer"
    )
    machine.usb("1-2:1.0", bInterfaceClass="07")
    assert machine.sources().peripherals() == (PRINTER,)


def test_a_usb_network_card_and_a_usb_power_supply_are_known_for_what_they_are(machine: Machine) -> None:
    card = machine.usb("1-3", idVendor="12d1", idProduct="1506", product="LTE modem")
    (card / "1-3:1.0").mkdir()
    machine.card("wwan0", device=card / "1-3:1.0")
    dock = machine.usb("1-4", idVendor="1a2b", idProduct="3c4d", product="Charging dock")
    machine.supply("dock", type="Mains")
    (machine.root / "sys/class/power_supply/dock/device").symlink_to(dock)
    machine.usb("1-31", idVendor="04b8", idProduct="0202", product="Receipt printer")
    assert set(machine.sources().peripherals()) == {MODEM, DOCK, PRINTER}


def test_this_very_machine_can_be_read(tmp_path: Path) -> None:
    sources = RealSources()
    assert sources.free_bytes(tmp_path) > 0
    assert sources.power().kind in {"mains", "battery", "unknown"}
    assert sources.link().kind
    assert isinstance(sources.peripherals(), tuple)
