"""How the till of this terminal is, in the shared words: what is damaged, hangs or keeps ending, and when the machine tries next."""

from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple

from evertill.protocol.reasons import Reason
from evertill.terminal.agent.care.hanging import Hanging
from evertill.terminal.agent.care.repairing import Repairing
from evertill.terminal.agent.care.watching import Watch

SHOWN_ENDS: Final = 3  # fewer may be an ordinary restart


class Condition(NamedTuple):
    """Nothing wrong: no reasons. `may_end`: a person with a PIN may have the hanging till ended."""

    reasons: tuple[Reason, ...]
    next_at: datetime | None
    may_end: bool


class Conditions:
    def __init__(self, repairing: Repairing, hanging: Hanging, watch: Watch, tell: Callable[[], None]) -> None:
        """`tell`: lets the server know soon, whatever its pace."""
        self._repairing = repairing
        self._hanging = hanging
        self._watch = watch
        self._tell = tell
        self._told: list[str] = []

    def look(self, now: datetime) -> None:
        """Whether something broke or healed since the last look is news for the server."""
        codes = self.codes(now)
        if codes != self._told:
            self._told = codes
            self._tell()

    def now(self, now: datetime) -> Condition:
        reasons: list[Reason] = []
        next_at = None
        if (damage := self._repairing.damage) is not None:
            code = "REPAIR_NEEDS_SERVER" if self._repairing.needs_server else "RUNNING_SLOT_DAMAGED"
            reasons.append(Reason.of(code, components=list(damage.components)))
            next_at = again_at if (again_at := self._repairing.again_at(damage, now)) > now else None
        hung_s = self._hanging.silent_s
        if hung_s is not None:
            code = "TILL_HANGS_IN_SALE" if self._hanging.in_sale else "TILL_HANGS"
            reasons.append(Reason.of(code, minutes=max(1, round(hung_s / 60))))
        if self._watch.ends >= SHOWN_ENDS:
            reasons.append(Reason.of("TILL_KEEPS_ENDING", count=self._watch.ends))
        return Condition(tuple(reasons), next_at, hung_s is not None)

    def codes(self, now: datetime) -> list[str]:
        return [reason.code for reason in self.now(now).reasons]
