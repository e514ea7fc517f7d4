"""Where a field can be set: a node of the tree, or one terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from evertill.protocol.policy import Place
from evertill.server.rooms.fleet import queries as fleet
from evertill.server.rooms.organisations import queries as organisations
from evertill.server.rooms.policies import queries

if TYPE_CHECKING:
    from datetime import datetime

    from evertill.server.rooms.fleet.models import Terminal
    from evertill.server.rooms.organisations.models import Node
    from evertill.server.rooms.policies.queries import Effective

# What one transaction follows at once; beyond it the work is queued, with its progress (design §3).
BATCH: Final = 1000


@dataclass(frozen=True)
class Target:
    """Exactly one of `terminal` and, where it is empty, the `node` itself."""

    node: Node
    terminal: Terminal | None = None

    @classmethod
    def of(cls, where: Node | Terminal) -> Target:
        return cls(where) if organisations.is_node(where) else cls(where.node, where)

    @property
    def place(self) -> Place:
        return Place.TERMINAL if self.terminal else Place(self.node.kind)

    @property
    def kind(self) -> str:
        return "terminal" if self.terminal else "node"

    @property
    def ref(self) -> str:
        return self.terminal.serial if self.terminal else str(self.node.address)

    @property
    def key(self) -> dict[str, Any]:
        """The columns that say where a row stands."""
        return (
            {"node_id": None, "terminal_id": self.terminal.pk}
            if self.terminal
            else {"node_id": self.node.pk, "terminal_id": None}
        )

    def effective(self, now: datetime) -> Effective:
        if self.terminal:
            return queries.effective([self.terminal.pk], now)[self.terminal.pk]
        return queries.effective_at(self.node, now)

    def terminal_ids(self) -> list[int]:
        return [self.terminal.pk] if self.terminal else fleet.in_subtree(self.node)

    def lock(self) -> None:
        """Held until the transaction ends, so that two changes of one place come one after the other."""
        if self.terminal:
            fleet.lock([self.terminal.pk])
        else:
            organisations.lock(self.node)
