"""Setting a terminal up without a screen: provision file in, people and keys made, the merchant's recovery key handed out once.

Rules kept here: everything is checked before anything is written; `provision.json` is written last, so a set-up that was cut off is
simply done again; the recovery key is written to the file the caller names, never into the home; no person and no PIN exists
by default. The till's own operators are enrolled with the till.
"""

import os
import ssl
import stat
from pathlib import Path
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from evertill.protocol.provision import Provision, encode_provision, parse_provision
from evertill.terminal.agent.backup import Keys
from evertill.terminal.agent.clock import system_clock
from evertill.terminal.agent.home import FOLDERS, KEYS, PROVISION, load_provision
from evertill.terminal.agent.people import People, check_pin
from evertill.terminal.agent.records import Record
from evertill.terminal.agent.settings import Settings, save_settings
from evertill.terminal.durable import remove, sync_folder, write_atomic
from evertill.terminal.errors import TerminalRefused

DEFAULT_PERSON: Final = "owner"


class SetUp(NamedTuple):
    """What was made: for the sentence that says so."""

    serial: str
    people: list[str]
    recovery_file: Path


def set_up(home: Path, provision_file: Path, pin_file: Path, recovery_out: Path, settings: Settings) -> SetUp:
    """Make `home` the home of the terminal that the provision file describes.

    Raises:
        ProtocolRefused: PROVISION_…, PIN_…, FILE_…, CA_UNUSABLE, TIME_ZONE_UNKNOWN, HOME_ALREADY_SET_UP; nothing was written then.
    """
    provision = parse_provision(read_file(provision_file))
    check_provision(provision)
    pins = read_pins(pin_file)
    if (home / PROVISION).exists():
        raise TerminalRefused("HOME_ALREADY_SET_UP", home=home, serial=load_provision(home).serial)
    if recovery_out.exists():
        raise TerminalRefused("FILE_EXISTS", file=recovery_out)
    _write_recovery(recovery_out, provision, begin(home))
    complete(home, provision, pins, settings)
    return SetUp(provision.serial, sorted(pins), recovery_out)


def begin(home: Path) -> str:
    """Folders and keys; the merchant's recovery key, which is kept nowhere here. Repeating makes new keys."""
    import pyrage  # late: set-up only

    for folder in (home, *(home / name for name in FOLDERS)):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    device, recovery = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    Record(home / KEYS, Keys).save(Keys(str(device), str(recovery.to_public())))
    return str(recovery)


def complete(home: Path, provision: Provision, pins: dict[str, str], settings: Settings) -> None:
    """People and provision, the provision last: from here on the home is set up. Raises TerminalRefused PERSON_…, PIN_…."""
    remove(home / "state" / "people.json")  # of a set-up that was cut off
    people = People(home / "state" / "people.json", system_clock)
    for name, pin in pins.items():
        people.add(name, pin)
    save_settings(home / "state", settings)
    write_atomic(home / PROVISION, encode_provision(provision))
    sync_folder(home.parent)


def renew_provision(home: Path, provision_file: Path) -> Provision:
    """Take over a newer provision file of the same terminal (a new token, a new CA)."""
    provision, known = parse_provision(read_file(provision_file)), load_provision(home)
    check_provision(provision)
    if provision.serial != known.serial:
        raise TerminalRefused("HOME_ALREADY_SET_UP", home=home, serial=known.serial)
    if provision != known:
        write_atomic(home / PROVISION, encode_provision(provision))
    return provision


def check_provision(provision: Provision) -> None:
    """What only a machine can check. Raises TerminalRefused TIME_ZONE_UNKNOWN, CA_UNUSABLE."""
    try:
        ZoneInfo(provision.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise TerminalRefused("TIME_ZONE_UNKNOWN", zone=provision.time_zone) from error
    if provision.ca_pem is not None:
        try:
            ssl.create_default_context(cadata=provision.ca_pem)
        except (ssl.SSLError, ValueError) as error:
            raise TerminalRefused("CA_UNUSABLE", detail=error) from error


def read_pins(path: Path) -> dict[str, str]:
    """The people of a PIN file (mode 0600): one line each, `NAME PIN`, or the PIN alone for the owner.

    Raises:
        TerminalRefused: FILE_UNREADABLE, FILE_TOO_OPEN, PIN_FILE_WRONG, PIN_TOO_SHORT, PIN_TRIVIAL.
    """
    pins: dict[str, str] = {}
    lines = read_secret(path).decode(errors="replace").splitlines()
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, pin = line.strip().rpartition(" ")
        name = name.strip() or DEFAULT_PERSON
        if name in pins:
            raise TerminalRefused("PIN_FILE_WRONG", line=number)
        check_pin(pin)
        pins[name] = pin
    if not pins:
        raise TerminalRefused("PIN_FILE_WRONG", line=1)
    return pins


def read_secret(path: Path) -> bytes:
    """A file that only its owner can read. Raises TerminalRefused FILE_TOO_OPEN, FILE_UNREADABLE."""
    content = read_file(path)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise TerminalRefused("FILE_TOO_OPEN", file=path)
    return content


def read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise TerminalRefused("FILE_UNREADABLE", file=path, detail=error.strerror) from error


def _write_recovery(recovery_out: Path, provision: Provision, recovery: str) -> None:
    text = (
        f"# 恢复密钥 / recovery key · {provision.serial} · {provision.node}\n"
        "# 请离线妥善保存：有了它，这台终端坏了也能恢复备份。它不会再出现第二次。\n"
        "# Keep it offline: with it the backups can be restored even when this terminal is gone. It is never shown again.\n"
        f"{recovery}\n"
    )
    try:
        descriptor = os.open(recovery_out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise TerminalRefused("FILE_UNREADABLE", file=recovery_out, detail=error.strerror) from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
