"""Many terminals at a glance: what each one's list row says, decided for a whole page at once, and the story of one terminal's actions.

Rules kept here: a fixed number of queries for a page of terminals, whatever stands in it; the words come from the same decisions as everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.db.models import Max, Q

from evertill.protocol.explain import explain as in_words
from evertill.server.rooms.policies import queries as policies
from evertill.server.rooms.policies.rules import decide
from evertill.server.rooms.rollouts import asking, explaining
from evertill.server.rooms.rollouts.asking import Question
from evertill.server.rooms.rollouts.models import Action, ActionStatus, RolloutMember
from evertill.server.rooms.rollouts.rules import RolloutState
from evertill.server.rooms.rollouts.states import CLOSED

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from evertill.protocol.errors import Language
    from evertill.protocol.explain import Explanation
    from evertill.protocol.policy import Policy
    from evertill.protocol.reasons import Reason
    from evertill.server.rooms.policies.rules import Decision

_CARRYING = (RolloutState.RUNNING, RolloutState.PAUSED, RolloutState.HALTED)


@dataclass(frozen=True)
class Glance:
    """`action`: the open one, else the newest. `reasons`: what holds the open one or the next to come, or what came of a closed one; `explanation` says them in words."""

    policy: Policy
    zone: ZoneInfo
    poll_s: int
    action: Action | None
    reasons: Sequence[Reason]
    explanation: Explanation

    @property
    def proven(self) -> bool:
        return self.action is not None and asking.is_proven(self.action)

    @property
    def failed(self) -> bool:
        return self.action is not None and asking.has_failed(self.action)


def glances(terminal_ids: Collection[int], now: datetime, language: Language) -> dict[int, Glance]:
    """By terminal id."""
    actions = _newest(terminal_ids)
    questions = [asking.about(action) for action in actions.values() if action.state not in CLOSED]
    waiting = set(terminal_ids) - {question.terminal_id for question in questions}
    questions += _to_come(waiting)
    decided = dict(
        zip((question.terminal_id for question in questions), map(decide, asking.inputs(questions, now)), strict=True)
    )
    effective, known = policies.effective(terminal_ids, now), policies.revisions(terminal_ids)
    found = {}
    for terminal_id, each in effective.items():
        zone, action = ZoneInfo(each.time_zone), actions.get(terminal_id)
        decision = decided.get(terminal_id)
        reasons = _reasons(action, decision)
        words = in_words(reasons, decision.next_try_at if decision else None, language, zone, now)
        found[terminal_id] = Glance(each.policy, zone, known[terminal_id].poll_s, action, reasons, words)
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
    if decision is not None:
        is_open = action is not None and action.state not in CLOSED
        return [*decision.reasons, *(explaining.reported(action) if is_open else [])]
    return explaining.outcome(action) if action is not None else []
