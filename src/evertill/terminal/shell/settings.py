"""What is set of this terminal's screen: `state/screen.json`. A home without the file has no screen."""

from pathlib import Path
from typing import Annotated, Final

import msgspec

from evertill.terminal.agent.records import Record
from evertill.terminal.errors import TerminalRefused

FILE: Final = "state/screen.json"  # the supervisor starts the screen where this lies

MAX_PORT: Final = 65_535
Port = Annotated[int, msgspec.Meta(ge=0, le=MAX_PORT)]


class ScreenSettings(msgspec.Struct, frozen=True):
    """`port`: 0 = a free one, told in `run/screen.port`."""

    port: Port = 0


def load_screen(home: Path) -> ScreenSettings:
    """Raises TerminalRefused STATE_DAMAGED."""
    return Record(home / FILE, ScreenSettings).load() or ScreenSettings()


def set_screen_port(home: Path, port: int) -> None:
    """From the next start on this home has a screen, there.

    Raises:
        TerminalRefused: PORT_INVALID.
    """
    if not 0 <= port <= MAX_PORT:
        raise TerminalRefused("PORT_INVALID", port=port)
    Record(home / FILE, ScreenSettings).save(ScreenSettings(port))
