"""Why is this terminal not updating? What staff, the command line and the merchant's pages answer with, from the same decisions as the device door.

Rules kept here: nothing is hidden; what the terminal itself reported (its own checks, its till) stands beside what the server holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from evertill.protocol.explain import Explanation
from evertill.protocol.explain import explain as in_words
from evertill.protocol.reasons import Reason
from evertill.server.rooms.catalog import queries as catalog
from evertill.server.rooms.fleet import queries as fleet
from evertill.server.rooms.policies.rules import decide
from evertill.server.rooms.policies.rules.consequences import Consequences, consequences_of_never
from evertill.server.rooms.rollouts import asking
from evertill.server.rooms.rollouts.states import State

if TYPE_CHECKING:
    from datetime import datetime

    from evertill.protocol.errors import Language
    from evertill.server.rooms.catalog.models import Release
    from evertill.server.rooms.policies.rules import Decision
    from evertill.server.rooms.rollouts.asking import Question
    from evertill.server.rooms.rollouts.models import Action


@dataclass(frozen=True)
class Explained:
    """One release for one terminal: what was decided, rule by rule, and the words for it."""

    release: Release
    action: Action | None
    decision: Decision
    explanation: Explanation


def explain(serial: str, now: datetime, language: Language) -> list[Explained]:
    """Every release this terminal could get, its open action first; empty: there is nothing to install. Raises `TerminalUnknown`."""
    terminal = fleet.by_serial(serial)
    return about(asking.offered(terminal.pk), now, language)


def explain_release(serial: str, release_id: int, now: datetime, language: Language) -> Explained:
    """Why this release does not come to this terminal, offered or not. Raises `TerminalUnknown`, `ReleaseUnknown`."""
    terminal = fleet.by_serial(serial)
    release = catalog.by_id(release_id)
    known = [each for each in asking.offered(terminal.pk) if each.release_id == release.pk]
    [explained] = about(known or [asking.Question(terminal.pk, release.pk)], now, language)
    return explained


def consequences(serial: str, now: datetime) -> Consequences:
    """What switching automatic updates off would mean for this terminal, with its own releases and dates. Raises `TerminalUnknown`."""
    terminal = fleet.by_serial(serial)
    questions = [asking.Question(terminal.pk, release_id) for release_id in asking.newer(terminal.pk)]
    return consequences_of_never(asking.inputs(questions, now))


def about(questions: list[Question], now: datetime, language: Language) -> list[Explained]:
    explained = []
    for question, inputs in zip(questions, asking.inputs(questions, now), strict=True):
        decision = decide(inputs)
        known = {reason.code for reason in decision.reasons}
        reasons = [*decision.reasons, *(reason for reason in reported(question.action) if reason.code not in known)]
        words = in_words(reasons, decision.next_try_at, language, inputs.terminal.zone, now)
        release = question.action.release if question.action else catalog.by_id(question.release_id)
        explained.append(Explained(release, question.action, decision, words))
    return explained


def reported(action: Action | None) -> list[Reason]:
    """What the terminal itself last said holds this action."""
    if action is None or action.journey is None:
        return []
    return msgspec.convert(action.journey.get("reasons", []), list[Reason])


def outcome(action: Action) -> list[Reason]:
    """What came of a closed action, or why it counts as failed; empty while it goes its way and after it is verified."""
    version = action.release.version
    if action.timed_out_at is not None and not asking.is_proven(action):
        return [Reason.of("UPDATE_TIMED_OUT", version=version, minutes=action.timeout_s // 60)]
    if action.state == State.FINISHED and not asking.is_proven(action):
        return [Reason.of("INSTALLED_UNVERIFIED", version=version)]
    return reported(action) if action.state == State.ERROR else []
