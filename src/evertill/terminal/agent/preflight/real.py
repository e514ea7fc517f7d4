"""The real machine, read from /sys and /proc of Linux; `root` is another folder in tests.

Sources: kernel documentation, ABI/testing/sysfs-class-power, sysfs-class-net, sysfs-bus-usb; proc(5) for the routes.
A file that is missing or says nonsense leads to `unknown`, not to an error and not to a guess.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from evertill.terminal.agent.preflight.sources import Link, LinkKind, Peripheral, Power

_HUB_CLASS: Final = "09"
_PPP: Final = "512"  # ARPHRD_PPP, if_arp.h
_CELLULAR_NAMES: Final = ("wwan", "rmnet", "ccmni", "ppp")
_ROUTE_UP: Final = 0x1


class RealSources:
    def __init__(
        self, *, root: Path = Path("/"), cellular_interfaces: tuple[str, ...] = (), local: bool = False
    ) -> None:
        """`cellular_interfaces`: modems that look like network cards. `local`: the server runs on this very machine."""
        self._sys = root / "sys"
        self._proc = root / "proc"
        self._cellular = cellular_interfaces
        self._local = local

    def free_bytes(self, folder: Path) -> int:
        found = os.statvfs(folder)
        return found.f_bavail * found.f_frsize

    def power(self) -> Power:
        """The emptiest battery counts. No battery at all is mains; a kernel that knows no power supplies knows nothing."""
        supplies = self._sys / "class/power_supply"
        if not supplies.is_dir():
            return Power("unknown")
        batteries = [supply for supply in sorted(supplies.iterdir()) if _is_own_battery(supply)]
        if not batteries:
            return Power("mains")
        percents = [_number(battery / "capacity") for battery in batteries]
        charging = any(_text(battery / "status") in {"Charging", "Full"} for battery in batteries)
        known = [percent for percent in percents if percent is not None and 0 <= percent <= 100]  # noqa: PLR2004 - percent
        if len(known) < len(percents):
            return Power("unknown", None, charging)
        return Power("battery", min(known), charging)

    def link(self) -> Link:
        if self._local:
            return Link("local")
        interface = self._default_interface()
        return Link(self._kind(interface), interface) if interface else Link("none")

    def peripherals(self) -> tuple[Peripheral, ...]:
        """Every USB device a person could unplug: no hubs, nothing the maker soldered in."""
        found = []
        for device in sorted((self._sys / "bus/usb/devices").glob("*")):
            vendor, product = _text(device / "idVendor"), _text(device / "idProduct")
            if not vendor or not product or _text(device / "bDeviceClass") == _HUB_CLASS:
                continue
            if _text(device / "removable") == "fixed":
                continue
            place = device.resolve()
            found.append(
                Peripheral(
                    f"{vendor}:{product}".lower(),
                    _text(device / "product") or f"USB {vendor}:{product}",
                    carries_link=self._hangs_on("class/net", place),
                    gives_power=self._hangs_on("class/power_supply", place),
                )
            )
        return tuple(found)

    def _hangs_on(self, group: str, place: Path) -> bool:
        """Whether a network card or power supply sits on the device at `place`."""
        entries = (self._sys / group).glob("*")
        return any(
            (entry / "device").resolve().is_relative_to(place) for entry in entries if (entry / "device").exists()
        )

    def _default_interface(self) -> str:
        routes = sorted([*self._routes_4(), *self._routes_6()])
        return routes[0][1] if routes else ""

    def _routes_4(self) -> Iterator[tuple[int, str]]:
        for line in _lines(self._proc / "net/route")[1:]:
            words = line.split()
            if len(words) >= 8 and words[1] == words[7] == "00000000" and int(words[3], 16) & _ROUTE_UP:  # noqa: PLR2004 - columns
                yield int(words[6]), words[0]

    def _routes_6(self) -> Iterator[tuple[int, str]]:
        for line in _lines(self._proc / "net/ipv6_route"):
            words = line.split()
            if len(words) == 10 and words[0] == "0" * 32 and words[1] == "00" and words[9] != "lo":  # noqa: PLR2004 - columns
                yield int(words[5], 16), words[9]

    def _kind(self, interface: str) -> LinkKind:
        card = self._sys / "class/net" / interface
        if interface in self._cellular or interface.startswith(_CELLULAR_NAMES) or _text(card / "type") == _PPP:
            return "cellular"
        words = _text(card / "uevent")
        if "DEVTYPE=wwan" in words:
            return "cellular"
        if (card / "wireless").exists() or (card / "phy80211").exists() or "DEVTYPE=wlan" in words:
            return "wifi"
        return "wired" if card.exists() else "unknown"


def _is_own_battery(supply: Path) -> bool:
    """A battery that drives this machine: not a mouse's (`scope` Device), not an empty slot."""
    return (
        _text(supply / "type") == "Battery" and _text(supply / "scope") != "Device" and _text(supply / "present") != "0"
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""


def _lines(path: Path) -> list[str]:
    return _text(path).splitlines()


def _number(path: Path) -> int | None:
    text = _text(path)
    return int(text) if text.isascii() and text.isdecimal() else None
