"""What happens here that higher rooms must follow in the same transaction."""

from __future__ import annotations

from dataclasses import dataclass

from evertill.server.rooms.kernel.events import Event


@dataclass(frozen=True)
class ReleasePublished(Event):
    """A release is signed and in force: it may be offered."""

    release_id: int


@dataclass(frozen=True)
class ReleaseTakenBack(Event):
    """A release was withdrawn or revoked: no offers any more, open actions end."""

    release_id: int
    revoked: bool
