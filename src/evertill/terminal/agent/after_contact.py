"""What follows a complete conversation: the clock's floor rises, the signatures are looked at again, small habits are noted.

Rules kept here: metadata are refreshed twice a day, and at once where the server offers a release this terminal cannot vouch for;
a refusal of the trust client is noted for the screens and changes nothing that was trusted before. An updated agent proves
itself here: one whole conversation, verified metadata, the journal read.
"""

import logging
import threading
from datetime import datetime, timedelta
from typing import Final

from evertill.protocol.errors import ProtocolRefused
from evertill.terminal.agent.acts import Acts
from evertill.terminal.agent.board import Board
from evertill.terminal.agent.connection import ConnectionRefused
from evertill.terminal.agent.place import Place, Senses
from evertill.terminal.agent.trust import TrustClient

REFRESH_EVERY: Final = timedelta(hours=12)

_log = logging.getLogger(__name__)


class AfterContact:
    def __init__(
        self, place: Place, senses: Senses, board: Board, trust: TrustClient, acts: Acts, journal_read: threading.Event
    ) -> None:
        self._place = place
        self._senses = senses
        self._board = board
        self._trust = trust
        self._acts = acts
        self._journal_read = journal_read
        self._own_agent = place.agents.current()
        self._noted_on = ""

    def __call__(self) -> None:
        """Raises ConnectionRefused when the metadata could not be had: then it was no complete conversation."""
        now = self._place.clock()
        if (server_now := self._senses.server_now()) is not None:
            self._senses.floor.rise(server_now)
        if self._is_due(now):
            self._refresh(now)
        self._acts.forget({offer.release for offer in self._board.offers})
        self._note_devices(now)
        self._prove_agent()

    def _is_due(self, now: datetime) -> bool:
        verified_at = self._trust.verified_at
        if verified_at is None or not timedelta(0) <= now - verified_at < REFRESH_EVERY:
            return True
        return any(not self._is_known(offer.release) for offer in self._board.offers)

    def _is_known(self, release: int) -> bool:
        try:
            self._trust.release(release)
        except ProtocolRefused:
            return False
        return True

    def _refresh(self, now: datetime) -> None:
        try:
            self._trust.refresh(now)
        except ConnectionRefused:
            raise
        except ProtocolRefused as refused:
            _log.warning("metadata not taken over: %s", refused)

    def _note_devices(self, now: datetime) -> None:
        today = now.astimezone(self._place.zone).date()
        if today.isoformat() != self._noted_on:
            self._senses.daily.note(self._senses.sources.peripherals(), today)
            self._noted_on = today.isoformat()

    def _prove_agent(self) -> None:
        """A new agent in its own A/B folder is kept from here on; without this the supervisor goes back to the old one."""
        agents, own = self._place.agents, self._own_agent
        proven = self._journal_read.is_set() and self._trust.verified_at is not None
        if own is not None and proven and agents.current() == own and not agents.is_committed(own):
            agents.commit(own)
