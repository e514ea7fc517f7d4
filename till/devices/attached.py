"""Which devices are attached: `devices.json` beside the journal, so that it goes with the data from version to version.

`{"printer": {"kind": "escpos", "path": "/dev/usb/lp0"}, "reader": {"kind": "driver", "path": "…/devices/reader.sock"}}`. What can be
attached is what is there: character devices of printers, and sockets that drivers put into the run folder's `devices/`.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from till.devices.driver import Driver
from till.devices.escpos import EscPosPrinter
from till.devices.port import Device
from till.errors import Refused
from till.files import write_whole

NAME: Final = "devices.json"
PRINTER, READER = "printer", "reader"
ROLES: Final = (PRINTER, READER)
ESCPOS, DRIVER = "escpos", "driver"
KINDS: Final[Mapping[str, type[EscPosPrinter | Driver]]] = {ESCPOS: EscPosPrinter, DRIVER: Driver}


@dataclass(frozen=True)
class Attached:
    """One device and how it is reached."""

    kind: str
    path: str

    def reach(self) -> Device:
        """The device itself."""
        return KINDS[self.kind](self.path)


def attached(folder: Path) -> dict[str, Attached]:
    """Every device by its role; none without the file.

    Raises:
        Refused: DEVICES_UNREADABLE.
    """
    try:
        written = json.loads((folder / NAME).read_text(encoding="utf-8"))
        known = {role: Attached(**entry) for role, entry in written.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise Refused("DEVICES_UNREADABLE", str(error)) from error
    if any(role not in ROLES or entry.kind not in KINDS for role, entry in known.items()):
        raise Refused("DEVICES_UNREADABLE", "a role or a kind nobody knows")
    return known


def attach(folder: Path, role: str, device: Attached | None) -> None:
    """Attaches a device, or none; a damaged list is replaced.

    Raises:
        Refused: DISK_FULL, where it could not be written.
    """
    try:
        known = attached(folder)
    except Refused:
        known = {}
    known.pop(role, None)
    if device is not None:
        known[role] = device
    text = json.dumps({role: asdict(entry) for role, entry in sorted(known.items())})
    try:
        write_whole(folder / NAME, text.encode())
    except OSError as error:
        raise Refused("DISK_FULL", str(error)) from error


def candidates(role: str, run: Path) -> list[Attached]:
    """What could be attached in this role now."""
    drivers = [Attached(DRIVER, str(path)) for path in sorted((run / "devices").glob(f"{role}*.sock"))]
    plain = [Attached(ESCPOS, str(path)) for path in sorted(Path("/dev/usb").glob("lp*"))] if role == PRINTER else []
    return [*plain, *drivers]
