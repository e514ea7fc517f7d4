"""Consent, trust, permission, freshness and the shop's turn: may this release be taken further now?"""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.reasons import Reason
from evertill.protocol.release import Release
from evertill.terminal.agent.board import Board, Contact
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


class _Vain(NamedTuple):
    """What a question to the server came to, and the contact it came to it with."""

    contact: Contact
    answer: NotYet


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
        self._vain: _Vain | None = None

    def consent(self, journey: Journey, _now: datetime) -> NotYet | None:
        """Somebody who must agree has not yet, or this terminal may not even download. What lies here needs nobody's yes to be repaired."""
        if journey.back_to is not None or (journey.repair and journey.action is None):
            return None
        asked = self._permission(journey)
        if isinstance(asked, NotYet):
            return asked
        return None if asked.download else NotYet(asked.reasons, asked.next_try_at)

    def permitted(self, journey: Journey, now: datetime) -> NotYet | None:
        """Policy and window. Going back is a person's own wish at this terminal, so only the gate is asked after it."""
        if journey.repair:
            return self._repair_permitted(journey)
        self._settle(journey, now)
        if (resting := self._resting(now)) is not None or journey.back_to is not None:
            return resting
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
        if journey.repair:
            for part in journey.parts:
                self._trust.check_installed(part, journey.release)
            return None
        release = self._release(journey)
        if isinstance(release, NotYet):
            return release
        named = {part.path: part for part in release.components}
        for part in journey.parts:
            if named.get(part.path) != part:
                raise TrustRefused("COMPONENT_SWAPPED", path=part.path)
        return None

    def turn(self, journey: Journey, now: datetime) -> NotYet | None:
        """Before any work is done: the server, asked now, has noted that this till begins, and no other one of its shop may."""
        return self._granted(journey, now, heard=self._ask()) if _takes_turn(journey) else None

    def fresh(self, journey: Journey, now: datetime) -> NotYet | None:
        """One conversation and one metadata refresh, both at most a day old, and everything still true after them.

        What takes the shop's turn needs this very conversation: the turn may have ended meanwhile. A repair needs no contact at all: it
        brings what is installed already, and a shop without a till may be without a network too.
        """
        if journey.repair:
            return self.trusted(journey, now)
        heard = self._ask()
        with suppress(ProtocolRefused):  # what stands against going on is asked below, of what is trusted now
            self._trust.refresh(now)
        contact, verified_at = self._board.contact, self._trust.verified_at
        if not _is_fresh(contact.last_at, now) or not _is_fresh(verified_at, now):
            return self._rest("NO_FRESH_TRUST", now)
        held = self.trusted(journey, now)
        if held is not None or not _takes_turn(journey):
            return held or self.permitted(journey, now)
        return self._granted(journey, now, heard=heard)

    def _ask(self) -> bool:
        """One conversation, beginning now; whether it was a whole one. It delivers first what the journey reports."""
        return self._polls.check_and_wait(CONTACT_TIMEOUT_S) and self._board.contact.refused is None

    def _granted(self, journey: Journey, now: datetime, *, heard: bool) -> NotYet | None:
        """What the server said in that conversation. Nobody there: nothing begins, whatever was allowed before."""
        if not heard:
            return self._rest("NO_FRESH_TRUST", now)
        held = self.permitted(journey, now)
        offer = self._board.offer(journey.release)
        if held is not None or (offer is not None and offer.turn):
            return held
        return self._rest("SERVER_SILENT", now)  # it permits, and did not take our report: another till was faster

    def _rest(self, code: str, now: datetime) -> NotYet:
        """Asked in vain: nothing is tried again before the server was heard anew, or a while has passed."""
        self._vain = _Vain(self._board.contact, NotYet((Reason.of(code),), now + AGAIN))
        return self._vain.answer

    def _resting(self, now: datetime) -> NotYet | None:
        vain, contact = self._vain, self._board.contact
        if vain is None or (contact is not vain.contact and contact.refused is None):
            return None
        return vain.answer if vain.answer.again_at is not None and now < vain.answer.again_at else None

    def _repair_permitted(self, journey: Journey) -> NotYet | None:
        """A till that does not sell has no hours to be kept out of."""
        if self._is_taken_back(journey):
            raise ActionDropped
        if state_or_silence(self._till) is None:
            return None
        try:
            asked = self._permissions.of_repair(journey.release)
        except ProtocolRefused:  # no release to estimate by any more: the gate alone decides
            return None
        return None if asked.install else NotYet(asked.reasons, asked.next_try_at)

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


def _takes_turn(journey: Journey) -> bool:
    """Only what the server brings: going back and repairing are for a till whose shop needs it now."""
    return journey.action is not None and not journey.repair


def _is_fresh(moment: datetime | None, now: datetime) -> bool:
    """Within the last day; a moment in the future means the clock went back, and proves nothing."""
    return moment is not None and -timedelta(minutes=10) <= now - moment <= FRESH_FOR
