"""Small things the agent's tests are made of."""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from evertill.protocol.errors import ProtocolRefused
from evertill.terminal.agent.uptime import Uptime

NOW = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)  # 14:30 in Shanghai


@dataclass
class TurnedClock:
    """A clock that stands still until the test turns it."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def turn(self, **delta: float) -> None:
        self.now += timedelta(**delta)


@dataclass
class TurnedUptime:
    """A machine that stays on for as long as the test says, and is switched off and on when it says so."""

    boot: str = "first"
    seconds: float = 1000.0

    def __call__(self) -> Uptime:
        return Uptime(self.boot, self.seconds)

    def stay_on(self, **delta: float) -> None:
        self.seconds += timedelta(**delta).total_seconds()

    def reboot(self, boot: str = "second") -> None:
        self.boot, self.seconds = boot, 5.0


@dataclass(frozen=True)
class Signed:
    """What a signed target says of a file."""

    length: int
    sha256: str
    sha512: str

    @classmethod
    def of(cls, content: bytes) -> "Signed":
        return cls(len(content), hashlib.sha256(content).hexdigest(), hashlib.sha512(content).hexdigest())


@dataclass
class Meter:
    """A meter the test reads; `allowance` None = a free link."""

    allowance: int | None = None
    spent: list[int] = field(default_factory=list)

    def left_bytes(self) -> int | None:
        return None if self.allowance is None else max(0, self.allowance - sum(self.spent))

    def spend(self, size_bytes: int) -> None:
        self.spent.append(size_bytes)


def code_of(refused: object) -> str:
    value = getattr(refused, "value", refused)
    assert isinstance(value, ProtocolRefused)
    assert value.text("zh")
    assert value.next_step("en")
    return value.code
