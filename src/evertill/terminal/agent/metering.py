"""Which bytes of a download cost mobile data: asked again for each stretch, because Wi-Fi comes and goes."""

from collections.abc import Callable
from typing import Final

from evertill.protocol.policy import Download, Policy
from evertill.terminal.agent.budget import CellularBudget
from evertill.terminal.agent.preflight.sources import Sources

FREE: Final = frozenset({"wired", "wifi", "local"})
MEGABYTE: Final = 10**6


class CellularMeter:
    """A `Meter`: without limit on a free link, the rest of the month's allowance on any other."""

    def __init__(self, budget: CellularBudget, sources: Sources, policy: Callable[[], Policy]) -> None:
        self._budget = budget
        self._sources = sources
        self._policy = policy
        self._counting = False

    def allowance_left_bytes(self) -> int:
        return self._budget.left_bytes(self._policy().cellular_budget_mb * MEGABYTE)

    def left_bytes(self) -> int | None:
        self._counting = self._sources.link().kind not in FREE
        if not self._counting:
            return None
        return 0 if self._policy().download is Download.UNMETERED else self.allowance_left_bytes()

    def spend(self, size_bytes: int) -> None:
        if self._counting and size_bytes:
            self._budget.spend(size_bytes)
