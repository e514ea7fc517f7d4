"""What happens here that higher rooms must follow in the same transaction."""

from __future__ import annotations

from dataclasses import dataclass

from evertill.server.rooms.kernel.events import Event


@dataclass(frozen=True)
class TerminalsChanged(Event):
    """Something decide() or the door reads of these terminals has changed: token, state, node, model, attributes."""

    terminal_ids: tuple[int, ...]


@dataclass(frozen=True)
class AttributesReported(Event):
    """A terminal told its attributes (configData); proofs of success may now hold. Raised before `TerminalsChanged`."""

    terminal_id: int
    attributes: dict[str, str]
