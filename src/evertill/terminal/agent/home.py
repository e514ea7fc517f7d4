"""The home folder of a terminal: where what lies, and how its two secret files are read."""

from pathlib import Path
from typing import Final

import msgspec

from evertill.protocol.provision import Provision, parse_provision
from evertill.terminal.agent.backup import Keys
from evertill.terminal.agent.records import Record
from evertill.terminal.errors import TerminalRefused

FOLDERS: Final = ("state", "trust", "cache", "generations", "backups", "run", "run/till", "logs")
PROVISION: Final = "provision.json"  # written last: a home with it is set up
KEYS: Final = "state/keys.json"


def load_provision(home: Path) -> Provision:
    """Raises TerminalRefused HOME_NOT_SET_UP, FILE_UNREADABLE; ProtocolRefused PROVISION_INVALID."""
    path = home / PROVISION
    try:
        return parse_provision(path.read_bytes())
    except FileNotFoundError as error:
        raise TerminalRefused("HOME_NOT_SET_UP", home=home) from error
    except OSError as error:
        raise TerminalRefused("FILE_UNREADABLE", file=path, detail=error.strerror) from error


def load_keys(home: Path) -> Keys:
    """Raises TerminalRefused HOME_NOT_SET_UP, STATE_DAMAGED."""
    keys = Record(home / KEYS, Keys).load()
    if keys is None:
        raise TerminalRefused("HOME_NOT_SET_UP", home=home)
    return keys


def root_bytes(provision: Provision) -> bytes:
    """The first trusted root, as python-tuf wants it; its signatures are over the canonical form, not these bytes."""
    return msgspec.json.encode(provision.root)
