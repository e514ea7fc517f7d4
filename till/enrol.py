"""Sets operators' PINs from a file, for set-up tools that have no screen. Never replaces a PIN that somebody set."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from till.clock import Clock, stamp
from till.errors import Refused
from till.journal import database, operators
from till.journal.journal import require_schema
from till.journal.migrations import Step
from till.journal.transactions import transaction


def enrol(folder: Path, pin_file: Path, schema: int, steps: Sequence[Step], clock: Clock) -> list[str]:
    """Sets all PINs of the file or none; returns the operators' numbers.

    Raises:
        Refused: PIN_FILE_WRONG, PIN_ALREADY_SET, PIN_TOO_SHORT, PIN_TRIVIAL; and as opening the journal.
    """
    pins = read_pins(pin_file)
    if database.look(folder).schema == 0:
        database.create(folder, steps, stamp(clock.now()))
    require_schema(database.look(folder).schema, schema)
    with closing(database.open_existing(folder)) as db, transaction(db):
        there = {operator.number for operator in operators.everyone(db)}
        for number, pin in pins.items():
            if number in there:
                raise Refused("PIN_ALREADY_SET", number)
            operators.set_pin(db, number, pin)
    return list(pins)


def read_pins(pin_file: Path) -> dict[str, str]:
    """Lines of `NUMBER PIN`; the file must be its owner's alone.

    Raises:
        Refused: PIN_FILE_WRONG.
    """
    try:
        if pin_file.stat().st_mode & 0o077:
            raise Refused("PIN_FILE_WRONG", "others may read the file; make it mode 0600")
        lines = [line.split() for line in pin_file.read_text(encoding="ascii").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise Refused("PIN_FILE_WRONG", str(error)) from error
    for words in lines:
        if len(words) != 2 or len(words[0]) != 2 or not words[0].isdigit():  # noqa: PLR2004 (NUMBER PIN, two digits)
            raise Refused("PIN_FILE_WRONG", "each line is NUMBER PIN, the number has two digits")
    return dict(lines)
