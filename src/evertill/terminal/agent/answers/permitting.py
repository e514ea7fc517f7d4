"""Consent, trust, permission, freshness: may this release be taken further now?"""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.reasons import Reason
from evertill.protocol.release import Release
from evertill.terminal.agent.board import Board
from evertill.terminal.agent.journey.gate import gate, state_or_silence
from evertill.terminal.agent.journey.journal import Journey
from evertill.terminal.agent.journey.step import ActionDropped, NotYet
from evertill.terminal.agent.permission import Permission
from evertill.terminal.agent.permissions import Permissions
from evertill.terminal.agent.poll import PollLoop
from evertill.terminal.agent.settling import Settling
from evertill.terminal.agent.trust import TrustClient, TrustRefused
from evertill.terminal.till_client import Till

FRESH_FOR: Final = timedelta(hours=24)
CONTACT_TIMEOUT_S: Final = 120.0
AGAIN: Final = timedelta(minutes=5)
# Time and contact heal these; the journey rests meanwhile.
_PASSES: Final = frozenset({"TRUST_EXPIRED", "NO_FRESH_TRUST"})


class Permitting:
    def __init__(
        self,
        board: Board,
        permissions: Permissions,
        trust: TrustClient,
        polls: PollLoop,
        till: Till,
        settling: Settling,
    ) -> None:
        self._board = board
        self._permissions = permissions
        self._trust = trust
        self._polls = polls
        self._till = till
        self._settling = settling

    def consent(self, journey: Journey, _now: datetime) -> NotYet | None:
        """Somebody who must agree has not yet, or this terminal may not even download."""
        if journey.back_to is not None:
            return None
        asked = self._permission(journey)
        if isinstance(asked, NotYet):
            return asked
        return None if asked.download else NotYet(asked.reasons, asked.next_try_at)

    def permitted(self, journey: Journey, now: datetime) -> NotYet | None:
        """Policy and window. Going back is a person's own wish at this terminal, so only the gate is asked after it."""
        self._settle(journey, now)
        if journey.back_to is not None:
            return None
        asked = self._permission(journey)
        if isinstance(asked, NotYet):
            return asked
        if asked.install:
            return None
        if asked.next_try_at is not None and asked.next_try_at <= now:
            self._polls.check()  # the moment the server named has come: ask it
            return NotYet(asked.reasons, now + AGAIN)
        return NotYet(asked.reasons, asked.next_try_at)

    def trusted(self, journey: Journey, _now: datetime) -> NotYet | None:
        """The release is still vouched for, and each part is the file it names."""
        if journey.back_to is not None:
            return None
        release = self._release(journey)
        if isinstance(release, NotYet):
            return release
        named = {part.path: part for part in release.components}
        for part in journey.parts:
            if named.get(part.path) != part:
                raise TrustRefused("COMPONENT_SWAPPED", path=part.path)
        return None

    def fresh(self, journey: Journey, now: datetime) -> NotYet | None:
        """One conversation and one metadata refresh, both at most a day old, and everything still true after them."""
        self._polls.check_and_wait(CONTACT_TIMEOUT_S)
        with suppress(ProtocolRefused):  # what stands against going on is asked below, of what is trusted now
            self._trust.refresh(now)
        contact, verified_at = self._board.contact, self._trust.verified_at
        if not _is_fresh(contact.last_at, now) or not _is_fresh(verified_at, now):
            return NotYet((Reason.of("NO_FRESH_TRUST"),), now + AGAIN)
        return self.trusted(journey, now) or self.permitted(journey, now)

    def _permission(self, journey: Journey) -> Permission | NotYet:
        release = self._release(journey)
        return release if isinstance(release, NotYet) else self._permissions.of(journey.release)

    def _release(self, journey: Journey) -> Release | NotYet:
        """The signed release. A cancelled action or a withdrawn release ends the journey here."""
        if self._is_taken_back(journey):
            raise ActionDropped
        try:
            return self._trust.release(journey.release)
        except TrustRefused as refused:
            if refused.code == "WITHDRAWN":
                raise ActionDropped from refused
            if refused.code in _PASSES:
                return NotYet((Reason.of(refused.code),), None)
            raise

    def _is_taken_back(self, journey: Journey) -> bool:
        """Cancelled, or closed by the server without a word: a conversation after its beginning no longer named it."""
        if journey.action is None:
            return False
        contact = self._board.contact
        heard = contact.refused is None and contact.last_at is not None and contact.last_at > journey.began_at
        return self._board.is_cancelled(journey.action) or (heard and self._board.linked != journey.action)

    def _settle(self, journey: Journey, now: datetime) -> None:
        minute = self._permissions.effective().policy.settle_before_install
        if minute is not None and journey.from_generation is not None:
            held = gate(state_or_silence(self._till), needs_empty_batch=journey.needs_empty_batch)
            self._settling.settle_if_due(minute, held, now)


def _is_fresh(moment: datetime | None, now: datetime) -> bool:
    """Within the last day; a moment in the future means the clock went back, and proves nothing."""
    return moment is not None and -timedelta(minutes=10) <= now - moment <= FRESH_FOR
