"""What happens here that higher rooms must follow in the same transaction."""

from __future__ import annotations

from dataclasses import dataclass

from evertill.server.rooms.kernel.events import Event


@dataclass(frozen=True)
class PoliciesChanged(Event):
    """Something decide() reads of these terminals' policies has changed. At most `targets.BATCH` terminals at a time."""

    terminal_ids: tuple[int, ...]


@dataclass(frozen=True)
class SwitchedOff(Event):
    """These terminals' effective mode has become *never*: what is under way there and nobody asked for must end."""

    terminal_ids: tuple[int, ...]
