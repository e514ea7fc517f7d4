"""A machine that exists in a file: for development, the demo and tests on computers without a battery or a modem.

The file is read anew at each question, so whoever tells the story can drain the battery between two of them. A field that is
not there is as on a good day. Free space is real unless the file says otherwise: the disk is real, too.
"""

import os
from pathlib import Path

import msgspec

from evertill.terminal.agent.preflight.sources import Link, Peripheral, Power
from evertill.terminal.errors import TerminalRefused


class Scene(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    free_bytes: int | None = None
    power: Power = Power("mains")
    link: Link = Link("wired", "sim0")
    peripherals: tuple[Peripheral, ...] = ()


class SimulatedSources:
    def __init__(self, path: Path) -> None:
        self._path = path

    def free_bytes(self, folder: Path) -> int:
        said = self._scene().free_bytes
        if said is not None:
            return said
        found = os.statvfs(folder)
        return found.f_bavail * found.f_frsize

    def power(self) -> Power:
        return self._scene().power

    def link(self) -> Link:
        return self._scene().link

    def peripherals(self) -> tuple[Peripheral, ...]:
        return self._scene().peripherals

    def _scene(self) -> Scene:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Scene)
        except FileNotFoundError:
            return Scene()
        except msgspec.MsgspecError as error:
            raise TerminalRefused("STATE_DAMAGED", file=self._path.name, detail=error) from error
