"""What the agent's threads tell each other: what the server last said, and that somebody should look.

The poll loop writes, the journey and the control socket read; the journey says which action it is on. Nothing here is durable: after a restart the first poll says it
again, and what must not be lost lies in the journal, the outbox and the records.
"""

import threading
from collections.abc import Sequence
from datetime import datetime

import msgspec

from evertill.protocol.ddi import Offer
from evertill.protocol.errors import ProtocolRefused


class FileLink(msgspec.Struct, frozen=True):
    """Where the server says a file can be had; what the file is, only the signed target says."""

    filename: str
    url: str


class OpenAction(msgspec.Struct, frozen=True):
    """The server's open action with the links to its files by sha256; none while this terminal would not download them."""

    number: int
    release: int
    files: dict[str, FileLink]


class Contact(msgspec.Struct, frozen=True):
    """`last_at`: the last complete conversation. `refused`: why the latest one was not."""

    last_at: datetime | None = None
    tried_at: datetime | None = None
    refused: ProtocolRefused | None = None
    next_s: float | None = None


class Board:
    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._version = 0
        self._journey_action: int | None = None
        self._linked: int | None = None
        self._action: OpenAction | None = None
        self._cancelled: frozenset[int] = frozenset()
        self._offers: tuple[Offer, ...] = ()
        self._contact = Contact()
        self._troubles: dict[int, ProtocolRefused] = {}

    @property
    def journey_action(self) -> int | None:
        """The action whose journey is under way here."""
        return self._journey_action

    @property
    def linked(self) -> int | None:
        """The action the server offered at the last contact, whether or not its files were asked for."""
        return self._linked

    @property
    def action(self) -> OpenAction | None:
        return self._action

    @property
    def offers(self) -> tuple[Offer, ...]:
        return self._offers

    @property
    def contact(self) -> Contact:
        return self._contact

    def offer(self, release: int) -> Offer | None:
        return next((offer for offer in self._offers if offer.release == release), None)

    def trouble(self, release: int) -> ProtocolRefused | None:
        """Why this terminal cannot vouch for an offered release."""
        return self._troubles.get(release)

    def is_cancelled(self, action: int) -> bool:
        return action in self._cancelled

    def set_journey_action(self, action: int | None) -> None:
        self._set("_journey_action", action)

    def set_linked(self, action: int | None) -> None:
        self._set("_linked", action)

    def set_action(self, action: OpenAction | None) -> None:
        self._set("_action", action)

    def set_offers(self, offers: Sequence[Offer]) -> None:
        """A new answer: what stood against earlier ones is asked anew."""
        self._troubles = {}
        self._set("_offers", tuple(offers))

    def set_trouble(self, release: int, trouble: ProtocolRefused) -> None:
        self._troubles = {**self._troubles, release: trouble}

    def set_contact(self, contact: Contact) -> None:
        self._contact = contact

    def set_cancelled(self, action: int, *, cancelled: bool) -> None:
        self._set("_cancelled", self._cancelled | {action} if cancelled else self._cancelled - {action})

    def poke(self) -> None:
        """Something else happened that whoever waits should look at (a person's word, a clock set right)."""
        with self._changed:
            self._version += 1
            self._changed.notify_all()

    @property
    def version(self) -> int:
        return self._version

    def wait(self, seen: int, timeout_s: float) -> int:
        """Wait until something changed after version `seen`; returns the version now."""
        with self._changed:
            self._changed.wait_for(lambda: self._version != seen, timeout_s)
            return self._version

    def _set(self, name: str, value: object) -> None:
        if getattr(self, name) != value:
            setattr(self, name, value)
            self.poke()
