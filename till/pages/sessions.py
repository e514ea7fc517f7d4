"""Who is signed in on which browser, and what they have half typed. Kept in memory: a restart asks for the PIN
again.
"""

import hmac
import os
from dataclasses import dataclass, field

from till.clock import Clock
from till.journal.operators import Operator
from till.journal.sales import Adjustment
from till.money import typed_fen

MOST_SESSIONS = 32
IDLE_S = 12 * 3600.0


def new_key() -> str:
    """128 random bits: session ids, form keys, tokens."""
    return os.urandom(16).hex()


@dataclass
class SaleDraft:
    """A sale being typed; nothing of it is recorded."""

    form_key: str = field(default_factory=new_key)
    typed: str = ""
    given: str = ""
    adjustment: Adjustment | None = None

    @property
    def gross_fen(self) -> int:
        """The price."""
        return typed_fen(self.typed)

    @property
    def total_fen(self) -> int:
        """What the customer pays."""
        return self.gross_fen - (self.adjustment.off_fen if self.adjustment else 0)

    @property
    def given_fen(self) -> int:
        """The cash on the counter; nothing typed means exactly what is due."""
        return typed_fen(self.given) or self.total_fen


@dataclass
class RefundDraft:
    """A refund being typed."""

    number: str
    form_key: str = field(default_factory=new_key)
    typed: str = ""
    approving: bool = False


@dataclass
class Session:
    """One browser."""

    id: str = field(default_factory=new_key)
    csrf: str = field(default_factory=new_key)
    operator: Operator | None = None
    touched_s: float = 0.0
    has_left: bool = False  # the last thing done here was to sign out
    pin: str = ""
    pin_of: str = ""
    first_pin: str | None = None
    sale: SaleDraft = field(default_factory=SaleDraft)
    refund: RefundDraft | None = None
    half_typed: dict[str, str] = field(default_factory=dict)  # what features' pads hold, by page

    @property
    def sale_holder(self) -> str:
        """How the counter knows this browser's sale."""
        return f"sale {self.id}"

    @property
    def refund_holder(self) -> str:
        """How the counter knows this browser's refund."""
        return f"refund {self.id}"

    def trusts(self, token: str) -> bool:
        """Whether a form came from one of our pages."""
        return hmac.compare_digest(self.csrf.encode(), token.encode())

    def forget_pin(self) -> None:
        """Nothing typed on a PIN pad stays."""
        self.pin, self.pin_of, self.first_pin = "", "", None


class Sessions:
    """All browsers; those where nobody is signed in go first, then the longest unused."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[str, Session] = {}

    @property
    def anybody_signed_in(self) -> bool:
        """Whether an operator is signed in anywhere."""
        return any(session.operator for session in list(self._known.values()))

    def find(self, key: str) -> Session | None:
        """The session of a cookie, unless it is too old."""
        session = self._known.get(key)
        now_s = self._clock.monotonic()
        if session is None or now_s - session.touched_s > IDLE_S:
            return None
        session.touched_s = now_s
        return session

    def open(self, operator: Operator | None = None) -> Session:
        """A new session."""
        session = Session(operator=operator, touched_s=self._clock.monotonic())
        self._known[session.id] = session
        while len(self._known) > MOST_SESSIONS:
            self.close(min(self._known.values(), key=lambda known: (known.operator is not None, known.touched_s)))
        return session

    def close(self, session: Session) -> None:
        """Signs out."""
        self._known.pop(session.id, None)
