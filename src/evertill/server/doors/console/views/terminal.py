"""One terminal: what it runs, why it is not updated, the policy in force, and its story."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from evertill.protocol.explain import explain as in_words
from evertill.protocol.policy import Mode
from evertill.server.doors.console import advice, policy_table, restarts, sight, timeline, words
from evertill.server.doors.console.door import Visit, language, page
from evertill.server.doors.console.views.terminals import runs
from evertill.server.rooms.accounts.rules import Operation
from evertill.server.rooms.fleet import queries as fleet
from evertill.server.rooms.fleet.rules import State
from evertill.server.rooms.organisations import queries as organisations
from evertill.server.rooms.policies import queries as policies
from evertill.server.rooms.policies.targets import Target
from evertill.server.rooms.rollouts import explaining, overview, queries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from django.http import HttpResponse

    from evertill.protocol.explain import Explanation
    from evertill.server.rooms.policies.models import PolicyChange
    from evertill.server.rooms.policies.rules.decision import Outcome
    from evertill.server.rooms.rollouts.explaining import Explained
    from evertill.server.rooms.rollouts.models import Action

ACTIONS_TOLD: Final = 5
LINES_TOLD: Final = 60


@dataclass(frozen=True)
class Card:
    """One release and why it is not there yet. `said`: the sentence on the terminal's own screen."""

    title: str
    action: Action | None
    explanation: Explanation
    said: str
    rules: Sequence[tuple[str, Outcome]]

    @property
    def holding(self) -> int:
        return sum(outcome.holds for _name, outcome in self.rules)

    @property
    def passing(self) -> int:
        return len(self.rules) - self.holding


@page
def show(visit: Visit, serial: str) -> HttpResponse:
    terminal = sight.terminal(visit, serial)
    glance = overview.glances([terminal.pk], visit.now, language())[terminal.pk]
    seen = fleet.last_seen([terminal.pk]).get(terminal.pk)
    attributes = fleet.attributes(terminal.pk)
    actions = queries.actions_of(terminal.pk, size=ACTIONS_TOLD)
    lines = overview.histories([action.pk for action in actions], LINES_TOLD)
    chain = organisations.chain(terminal.node)
    target = Target.of(terminal)
    table = policy_table.rows(target, target.effective(visit.now), chain)
    offered = [_card(each, glance.zone, visit.now) for each in explaining.explain(serial, visit.now, language())]
    return visit.show(
        "terminal",
        "terminals",
        terminal=terminal,
        chain=chain,
        chip=words.terminal_chip(terminal, glance, seen, visit.now),
        cards=offered,
        outcome=glance if glance.reasons and (glance.failed or not offered) else None,
        came=advice.for_staff(glance.explanation, glance.reasons, glance.zone, visit.now),
        recovery=advice.of_publisher(glance.action.release) if glance.action and glance.failed else "",
        is_retired=terminal.state == State.RETIRED,
        switched=_switched(target) if glance.policy.mode is Mode.NEVER else None,
        zone=glance.zone,
        seen=seen,
        ago=words.span(visit.now - seen) if seen else "",
        runs=runs(attributes),
        attributes=attributes,
        restarted=restarts.last_of(attributes),
        state_word=words.TERMINAL_STATES[terminal.state],
        client_word=words.CLIENTS[terminal.client],
        till=(glance.action.journey or {}).get("till") if glance.action else None,
        severities=words.SEVERITIES,
        policy=policy_table.telling(table),
        mode=next(row for row in table if row.name == "mode"),
        revision=policies.revision_of(terminal.pk),
        never=glance.policy.mode is Mode.NEVER,
        confirmed_off=queries.is_confirmed_off(terminal, visit.now),
        conflicts=policies.open_conflicts(terminal.pk),
        days=timeline.days(actions, lines, glance.zone, visit.now),
        may_assign=terminal.state != State.RETIRED and visit.may(Operation.ACTIONS_EDIT, terminal.node),
    )


def _switched(target: Target) -> PolicyChange | None:
    """Who switched updates off right here, and when; None where the mode comes from above."""
    return next((each for each in policies.changes(target.key) if each.field == "mode" and not each.problem), None)


def _card(each: Explained, zone: ZoneInfo, now: datetime) -> Card:
    reasons = [*each.decision.reasons, *explaining.reported(each.action)]
    shown = in_words(reasons, each.decision.next_try_at, "zh", zone, now)
    return Card(
        f"{each.release.name} {each.release.version}",
        each.action,
        advice.for_staff(each.explanation, reasons, zone, now),
        f"{shown.head}。{shown.why.fact}。",
        [(str(words.RULES[outcome.rule]), outcome) for outcome in each.decision.outcomes],
    )
