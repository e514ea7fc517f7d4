"""What the next journey is: a person's wish to go back, the repair of a damaged slot, or the server's open action.

Rules kept here: an action is begun once; what it brings is the signed release, less what already runs here and what the person did
not tick (a security release past its date is never taken apart); a release this terminal must refuse closes the action with the
reason instead of beginning it; what time or contact can heal is asked again later.
"""

from datetime import datetime, timedelta
from typing import Final

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from evertill.protocol.ddi import EvertillReport
from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.journey import STEPS, Outcome, State
from evertill.protocol.manifest import Requirement
from evertill.protocol.reasons import Reason
from evertill.protocol.release import Release, ReleaseComponent
from evertill.terminal.agent.acts import Acts
from evertill.terminal.agent.board import Board, OpenAction
from evertill.terminal.agent.care.repairing import Repairing
from evertill.terminal.agent.history import History
from evertill.terminal.agent.journey.journal import Journey
from evertill.terminal.agent.journey.run import Order
from evertill.terminal.agent.permissions import Permissions
from evertill.terminal.agent.place import Place
from evertill.terminal.agent.reports import Reports
from evertill.terminal.agent.trust import TrustClient
from evertill.terminal.errors import TerminalRefused
from evertill.terminal.generations.folders import TILL

GO_BACK_WITHIN: Final = timedelta(days=7)
# Another look may find it different; everything else is this terminal's last word on a release.
_PASSES: Final = frozenset({"TRUST_EXPIRED", "NO_FRESH_TRUST", "RELEASE_UNKNOWN", "TRUST_INCOMPLETE", "STATE_DAMAGED"})


class Orders:
    def __init__(
        self,
        place: Place,
        board: Board,
        trust: TrustClient,
        permissions: Permissions,
        acts: Acts,
        history: History,
        reports: Reports,
        repairing: Repairing,
    ) -> None:
        self._place = place
        self._board = board
        self._trust = trust
        self._permissions = permissions
        self._acts = acts
        self._history = history
        self._reports = reports
        self._repairing = repairing
        self._wished: Order | None = None

    def next(self, now: datetime) -> Order | None:
        """The journey to begin now; None = there is nothing to do."""
        wished, self._wished = self._wished, None
        action = self._board.action
        if first := wished or self._repairing.from_here(now):
            return first
        if action is None or self._history.has_ended(journey_id(action)):
            return None
        if self._board.is_cancelled(action.number):
            return None
        try:
            order = self._order(action, now)
            return order if self._permissions.of(action.release).download else None
        except ProtocolRefused as refused:
            self._board.set_trouble(action.release, refused)
            if refused.code not in _PASSES:
                self._refuse(action, refused, now)
            return None

    def go_back(self, person: str, now: datetime) -> Order:
        """The merchant wants the version before this one again: a new update that brings the old slot back.

        Raises:
            TerminalRefused: GO_BACK_TOO_LATE.
        """
        generations, current = self._place.generations, self._place.generations.current()
        last = next(
            (past for past in self._history.past if past.outcome is Outcome.COMMITTED and not past.repair), None
        )
        earlier = [n for n in generations.numbers() if n != current and generations.is_committed(n)]
        if last is None or not earlier or not timedelta(0) <= now - last.ended_at <= GO_BACK_WITHIN:
            raise TerminalRefused("GO_BACK_TOO_LATE")
        back_to = max(earlier)
        version = generations.versions(back_to).get(TILL, "")
        release = generations.release(back_to) or 0
        number = f"back-{back_to}-{int(now.timestamp())}"
        self._wished = Order(id=number, release=release, version=version, parts=(), person=person, back_to=back_to)
        self._board.poke()
        return self._wished

    def _order(self, action: OpenAction, now: datetime) -> Order:
        release = self._trust.release(action.release)
        if repair := self._repairing.with_action(journey_id(action), action.number, release):
            return repair
        installed = self._place.installed()
        _check_stepping_stone(release, installed)
        acts = self._acts.of(release.id)
        ticked = () if _is_overdue(release, now) else acts.components
        parts = tuple(part for part in release.components if _is_wanted(part, installed, ticked))
        return Order(
            id=journey_id(action),
            release=release.id,
            version=release.version,
            parts=parts,
            action=action.number,
            person=acts.person,
            recovery=release.recovery,
        )

    def _refuse(self, action: OpenAction, refused: ProtocolRefused, now: datetime) -> None:
        """Close the action with the truth: it was not begun, and this is why."""
        failure = Reason(refused.code, {name: _short(value) for name, value in refused.params.items()})
        generation = self._place.generations.current() or 0
        report = EvertillReport(journey_id(action), State.FAILED, 0, len(STEPS), generation, [failure])
        self._reports.ended(action.number, Outcome.FAILED, report, [str(refused)])
        refusal = Journey(
            id=journey_id(action),
            release=action.release,
            parts=(),
            from_generation=None,
            to_generation=generation,
            began_at=now,
            entered_at=now,
            action=action.number,
            outcome=Outcome.FAILED,
            failure=failure,
        )
        self._history.note(refusal, now)


def journey_id(action: OpenAction) -> str:
    return f"action-{action.number}"


def _is_overdue(release: Release, now: datetime) -> bool:
    """Only security and critical releases have a date (protocol.release)."""
    return release.required_at is not None and now >= release.required_at


def _is_wanted(part: ReleaseComponent, installed: dict[str, str], ticked: tuple[str, ...]) -> bool:
    return installed.get(part.component) != part.version and (not ticked or part.component in ticked)


def _check_stepping_stone(release: Release, installed: dict[str, str]) -> None:
    """Some releases can only be reached over another one; a terminal without any till may start anywhere."""
    if (
        TILL not in installed
        or (stone := release.stepping_stone) is None
        or _meets(installed.get(stone.component), stone)
    ):
        return
    have = installed.get(stone.component) or "-"
    words = {"version": release.version, "component": stone.component, "wanted": stone.versions}
    raise TerminalRefused("STEPPING_STONE", have=have, **words)


def _meets(version: str | None, wanted: Requirement) -> bool:
    """Foreign versions are opaque: they meet nothing."""
    try:
        return version is not None and SpecifierSet(wanted.versions).contains(Version(version), prereleases=True)
    except InvalidVersion:
        return False


def _short(value: str | int) -> str | int:
    return value[:160] if isinstance(value, str) else value
