"""Many terminals at a glance: what each one's list row says, decided for a whole page at once, and the story of one terminal's actions.

Rules kept here: a fixed number of queries for a page of terminals, whatever stands in it; the words come from the same decisions as everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from django.db.models import Max, Q

from evertill.protocol.explain import explain as in_words
from evertill.protocol.explain import headline
from evertill.protocol.policy import Mode
from evertill.server.rooms.fleet.rules import State as TerminalState
from evertill.server.rooms.policies import queries as policies
from evertill.server.rooms.policies.rules import decide
from evertill.server.rooms.rollouts import asking, explaining
from evertill.server.rooms.rollouts.asking import Question
from evertill.server.rooms.rollouts.models import Action, ActionStatus, RolloutMember
from evertill.server.rooms.rollouts.rules import RolloutState, Update
from evertill.server.rooms.rollouts.states import CLOSED, State

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from evertill.protocol.errors import Language
    from evertill.protocol.explain import Explanation
    from evertill.protocol.policy import Policy
    from evertill.protocol.reasons import Glyph, Reason
    from evertill.server.rooms.policies.rules import Decision

# Three polls missed, and never less than an hour: a short cut of the line is not silence.
MISSED_POLLS: Final = 3
SILENT_AT_LEAST_S: Final = 3600
# What a terminal out of service is, whatever else could be said of it.
_OUT_OF_SERVICE: Final = {
    TerminalState.RETIRED.value: (Update.OFF, "RETIRED"),
    TerminalState.LOCKED.value: (Update.NEED, "LOCKED"),
}
# A reason that says nobody knows (no contact, a code of a later version), of a terminal that is heard from: it holds the update all the same.
_NOT_KNOWN: Final[Glyph] = "mute"
_CARRYING = (RolloutState.RUNNING, RolloutState.PAUSED, RolloutState.HALTED)
_NOTHING: Final[Mapping[int, Decision]] = MappingProxyType({})


@dataclass(frozen=True)
class Glance:
    """`action`: the open one, else the newest. `reasons`: what holds the open one or the next to come, or what came of a closed one; `explanation` says them in words."""

    policy: Policy
    zone: ZoneInfo
    poll_s: int
    action: Action | None
    reasons: Sequence[Reason]
    explanation: Explanation
    review_at: datetime | None = None

    @property
    def silent_after_s(self) -> int:
        return max(MISSED_POLLS * self.poll_s, SILENT_AT_LEAST_S)

    @property
    def proven(self) -> bool:
        return self.action is not None and asking.is_proven(self.action)

    @property
    def failed(self) -> bool:
        return self.action is not None and asking.has_failed(self.action)


def update_of(glance: Glance, terminal_state: str) -> tuple[Update, str]:
    """How a terminal that is heard from stands with its updates, and the code of the reason that leads, where one does."""
    if terminal_state in _OUT_OF_SERVICE:
        return _OUT_OF_SERVICE[terminal_state]
    if glance.reasons:
        glyph = glance.explanation.state
        return (Update.WAIT if glyph == _NOT_KNOWN else Update(glyph)), headline(glance.reasons).code
    action = glance.action
    if action is not None and action.state not in CLOSED:
        return Update.MOVE, ""
    if glance.policy.mode is Mode.NEVER:
        return Update.OFF, "MODE_NEVER"
    return _came_of(action), ""


def _came_of(action: Action | None) -> Update:
    """What a closed action left behind; only what the terminal itself proved is good."""
    if action is None or action.state == State.CANCELED:
        return Update.IDLE
    if asking.has_failed(action):
        return Update.NEED
    return Update.GOOD if action.verified_at is not None else Update.IDLE


def glances(
    terminal_ids: Collection[int], now: datetime, language: Language, known: Mapping[int, Decision] = _NOTHING
) -> dict[int, Glance]:
    """By terminal id. `known`: by action id, what the caller has decided at this moment already."""
    actions = _newest(terminal_ids)
    questions = [asking.about(action) for action in actions.values() if action.state not in CLOSED]
    waiting = set(terminal_ids) - {question.terminal_id for question in questions}
    decided = {each.terminal_id: known[each.action.pk] for each in questions if each.action and each.action.pk in known}
    questions = [each for each in questions if each.terminal_id not in decided] + _to_come(waiting)
    answers = map(decide, asking.inputs(questions, now))
    decided |= dict(zip((question.terminal_id for question in questions), answers, strict=True))
    effective, revisions = policies.effective(terminal_ids, now), policies.revisions(terminal_ids)
    found = {}
    for terminal_id, each in effective.items():
        zone, action = ZoneInfo(each.time_zone), actions.get(terminal_id)
        decision = decided.get(terminal_id)
        reasons = _reasons(action, decision)
        words = in_words(reasons, decision.next_try_at if decision else None, language, zone, now)
        review_at = decision.review_at if decision else None
        poll_s = revisions[terminal_id].poll_s
        found[terminal_id] = Glance(each.policy, zone, poll_s, action, reasons, words, review_at)
    return found


def histories(action_ids: Collection[int], most: int) -> dict[int, list[ActionStatus]]:
    """The newest lines of these actions together, newest first, by action."""
    found: dict[int, list[ActionStatus]] = {action_id: [] for action_id in action_ids}
    for line in ActionStatus.objects.filter(action_id__in=action_ids).order_by("-pk")[:most]:
        found[line.action_id].append(line)
    return found


def open_count(release_id: int) -> int:
    """How many terminals have an open action of this release."""
    return Action.objects.filter(release_id=release_id, closed_at=None).count()


def _newest(terminal_ids: Collection[int]) -> dict[int, Action]:
    mine = Action.objects.filter(terminal_id__in=terminal_ids)
    newest = mine.values("terminal_id").annotate(newest=Max("pk")).values_list("newest", flat=True)
    rows = mine.select_related("release", "terminal").filter(Q(closed_at=None) | Q(pk__in=list(newest)))
    found: dict[int, Action] = {}
    # Open ones come first; of several, the one that is worked on: what is scheduled behind it is newer.
    for action in sorted(rows, key=lambda action: (action.state in CLOSED, action.pk)):
        found.setdefault(action.terminal_id, action)
    return found


def _to_come(terminal_ids: Collection[int]) -> list[Question]:
    """What a rollout brings to terminals that have no action of it yet."""
    rows = RolloutMember.objects.filter(
        terminal_id__in=terminal_ids, action=None, withheld=False, rollout__state__in=_CARRYING
    )
    newest: Mapping[int, int] = dict(rows.order_by("rollout_id").values_list("terminal_id", "rollout__release_id"))
    return [Question(terminal_id, release_id) for terminal_id, release_id in newest.items()]


def _reasons(action: Action | None, decision: Decision | None) -> list[Reason]:
    is_open = action is not None and action.state not in CLOSED
    if action is not None and is_open and asking.has_failed(action):
        return explaining.outcome(action)  # silent for too long: it counts as failed, whatever else would hold it
    if decision is not None:
        return [*decision.reasons, *(explaining.reported(action) if is_open else [])]
    return explaining.outcome(action) if action is not None else []
