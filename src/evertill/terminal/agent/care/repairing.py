"""Repairing a damaged slot: the same components of the same version again, beside it, by an ordinary journey that migrates nothing.

Rules kept here: only signed files count, though signatures that have merely expired still vouch for what was installed by them (a
revocation or a raised floor does not pass); what lies here already is used first, so most repairs need no network; what does not
is fetched with an action of the same release, like every payload; a repair that failed is tried again after growing pauses.
"""

from datetime import datetime, timedelta
from typing import Final

from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.release import Release
from evertill.terminal.agent.care.soundness import Damage, Soundness
from evertill.terminal.agent.download import Cache
from evertill.terminal.agent.history import History
from evertill.terminal.agent.journey.run import Order
from evertill.terminal.agent.place import Place
from evertill.terminal.agent.trust import TrustClient
from evertill.terminal.generations.contents import Content, load_contents, spare
from evertill.terminal.generations.folders import TILL

FIRST_PAUSE: Final = timedelta(minutes=10)
LONGEST_PAUSE: Final = timedelta(days=1)


class Repairing:
    def __init__(self, place: Place, soundness: Soundness, cache: Cache, trust: TrustClient, history: History) -> None:
        self._place = place
        self._soundness = soundness
        self._cache = cache
        self._trust = trust
        self._history = history
        self.needs_server = False  # whether, when last looked at, something of the damaged slot lay nowhere here

    @property
    def damage(self) -> Damage | None:
        return self._soundness.damage

    def from_here(self, now: datetime) -> Order | None:
        """The repair with what lies on this disk; None = there is nothing to repair, something is missing, or it is too early."""
        damage = self._soundness.damage
        if damage is None or self.again_at(damage, now) > now:
            return None
        wanted = self._wanted(damage)
        self.needs_server = not wanted or not all(self._is_here(content, damage) for content in wanted.values())
        if self.needs_server:
            return None
        release = self._place.generations.release(damage.generation) or 0
        return self._order(damage, wanted, f"{_prefix(damage)}{int(now.timestamp())}", release)

    def with_action(self, journey: str, action: int, release: Release) -> Order | None:
        """The repair with what an action of the server brings; None = that is not what is damaged here."""
        damage = self._soundness.damage
        wanted = self._wanted(damage) if damage is not None else {}
        if damage is None or not wanted or not {content.part.path for content in wanted.values()} <= _paths(release):
            return None
        return self._order(damage, wanted, journey, release.id, action)

    def again_at(self, damage: Damage, now: datetime) -> datetime:
        """When this slot's next repair may begin."""
        tried = [past for past in self._history.past if past.journey.startswith(_prefix(damage))]
        if not tried:
            return now
        return tried[0].ended_at + min(FIRST_PAUSE * (1 << min(len(tried) - 1, 20)), LONGEST_PAUSE)

    def _wanted(self, damage: Damage) -> dict[str, Content]:
        """Where each damaged component came from; empty where that is not known of all of them."""
        known = load_contents(self._place.generations.folder(damage.generation))
        found = {name: known[name] for name in damage.components if name in known}
        return found if len(found) == len(damage.components) else {}

    def _is_here(self, content: Content, damage: Damage) -> bool:
        """Whether it lies on this disk, and the signatures still vouch for it."""
        try:
            self._trust.check_installed(content.part, content.release)
        except ProtocolRefused:
            return False
        others = [number for number in self._place.generations.numbers() if number != damage.generation]
        return (
            self._cache.finished(content.part).is_file() or spare(self._place.generations, others, content) is not None
        )

    def _order(
        self, damage: Damage, wanted: dict[str, Content], journey: str, release: int, action: int | None = None
    ) -> Order:
        contents = load_contents(self._place.generations.folder(damage.generation))
        version = contents[TILL].part.version if TILL in contents else ""
        return Order(
            id=journey,
            release=release,
            version=version,
            parts=tuple(content.part for content in wanted.values()),
            action=action,
            repair=True,
        )


def _prefix(damage: Damage) -> str:
    return f"repair-{damage.generation}-"


def _paths(release: Release) -> set[str]:
    return {part.path for part in release.components}
