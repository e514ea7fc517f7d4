"""升级并关机: the wish to switch off once an update is done, kept until it is fulfilled or somebody sells again.

Rules kept here: the wish is durable, a screen that was started again still knows it; it waits for an update under way, however it
ends, and then for one try to report it; a sale withdraws it, because then the shop is open; it holds for one evening. Not here: how a terminal is switched off.
"""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from evertill.terminal.agent.records import Record
from evertill.terminal.durable import remove
from evertill.terminal.power import Power, PowerRefused
from evertill.terminal.shell.agent_client import AgentAway, AgentClient
from evertill.terminal.shell.facts import Facts

HOLDS_FOR: Final = timedelta(hours=12)  # as long as the closing-time tap itself
LOOK_EVERY_S: Final = 2.0
REPORT_WITHIN: Final = timedelta(
    minutes=5
)  # a server that asks for patience keeps no shop waiting; the report waits on disk


class Wish(msgspec.Struct, frozen=True):
    """`release`: the update to wait for; None = at once."""

    asked_at: datetime
    release: int | None = None


class ClosingDown:
    def __init__(self, home: Path, agent: AgentClient, power: Power, clock: Callable[[], datetime]) -> None:
        self._record = Record(home / "state" / "closing.json", Wish)
        self._agent = agent
        self._power = power
        self._clock = clock
        self._wished = threading.Event()
        if self._record.rescue() is not None:
            self._wished.set()

    @property
    def wish(self) -> Wish | None:
        return self._record.rescue()

    def after(self, release: int | None) -> None:
        """Switch off: after this release's update, or at once."""
        self._record.save(Wish(self._clock(), release))
        self._wished.set()

    def withdraw(self) -> None:
        self._wished.clear()
        remove(self._record.path)

    def run(self, over: threading.Event) -> None:
        """Look until `over`; for a thread of its own."""
        while not over.wait(LOOK_EVERY_S):
            if self._wished.is_set():
                self.look()

    def look(self) -> None:
        """Fulfil the wish if its time has come."""
        wish = self.wish
        if wish is None or not self._is_time(wish):
            return
        try:
            self._power.off()
        except PowerRefused as refused:
            if refused.code == "SALE_IN_PROGRESS":
                self.withdraw()
            return  # anything else passes: an update that began just now, a supervisor that is started again
        self.withdraw()

    def _is_time(self, wish: Wish) -> bool:
        try:
            facts = self._agent.facts()
        except AgentAway:
            return wish.release is None
        if (facts.till is not None and facts.till.sale) or self._clock() - wish.asked_at > HOLDS_FOR:
            self.withdraw()
            return False
        over = wish.release is None or _is_over(facts, wish, wish.release, self._clock())
        return facts.journey is None and over


def _is_over(facts: Facts, wish: Wish, release: int, now: datetime) -> bool:
    """The update has ended since and the server was told, or told in vain; or it is offered no more."""
    ended = next((past for past in facts.history if past.release == release and past.ended_at >= wish.asked_at), None)
    if ended is None:
        return facts.offer(release) is None
    tried_at = facts.contact.tried_at
    return (tried_at is not None and tried_at >= ended.ended_at) or now - ended.ended_at >= REPORT_WITHIN
