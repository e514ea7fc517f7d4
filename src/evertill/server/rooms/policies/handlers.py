"""What this room does when something below it happens, and the queued work of large changes."""

from __future__ import annotations

from typing import Final

from evertill.server.rooms.fleet.events import TerminalsChanged
from evertill.server.rooms.kernel.events import Handler
from evertill.server.rooms.kernel.jobs import PieceHandler
from evertill.server.rooms.policies.service import revisions


def on_terminals_changed(event: TerminalsChanged) -> None:
    """A new terminal gets its first revision; a moved one may get another."""
    revisions.introduce(event.terminal_ids, event.now)
    revisions.follow(event.terminal_ids, event.now)


HANDLERS: Final = (Handler(TerminalsChanged, on_terminals_changed),)
QUEUE: Final = (PieceHandler(revisions.RESOLVE, revisions.resolve_piece),)
