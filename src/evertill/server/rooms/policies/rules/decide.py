"""The only place that decides: may this terminal download this release now, may it install it, and if not, why and until when.

Rules kept here: pure and deterministic; every rule is asked, every reason is returned, in the order of the table; a hold that a
licence skips is shown as skipped; a hold more never permits more. What a moment allows depends on that moment alone, so looking
ahead is asking the same rules at a later `now`. Not here: what each rule says, and the terminal's own preflight and gate.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from evertill.protocol.reasons import Reason
from evertill.server.rooms.policies.rules import (
    choice,
    consent,
    eligibility,
    freeze,
    rate_limit,
    requirements,
    rollout,
    selection,
    window,
)
from evertill.server.rooms.policies.rules.decision import DeadlineState, Decision, Licence, Outcome, Permission, Reach
from evertill.server.rooms.policies.rules.inputs import StoreTurn
from evertill.server.rooms.policies.rules.licences import SKIPS, deadline_of, terms

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from evertill.server.rooms.policies.rules.decision import DeadlineFacts, Finding
    from evertill.server.rooms.policies.rules.inputs import Inputs
    from evertill.server.rooms.policies.rules.licences import Term


class Rule(NamedTuple):
    number: int
    name: str
    reach: Reach
    ask: Callable[[Inputs], Finding]


RULES: Final = (
    Rule(1, "terminal_state", Reach.DOWNLOAD, eligibility.terminal_state),
    Rule(1, "terminal_clock", Reach.DOWNLOAD, eligibility.terminal_clock),
    Rule(1, "action_open", Reach.DOWNLOAD, eligibility.action_open),
    Rule(1, "release_state", Reach.DOWNLOAD, eligibility.release_state),
    Rule(1, "client", Reach.DOWNLOAD, eligibility.client),
    Rule(1, "model", Reach.DOWNLOAD, eligibility.model),
    Rule(1, "requirements", Reach.DOWNLOAD, requirements.requirements),
    Rule(1, "stepping_stone", Reach.DOWNLOAD, requirements.stepping_stone),
    Rule(2, "rollout_turn", Reach.DOWNLOAD, rollout.rollout_turn),
    Rule(3, "never", Reach.DOWNLOAD, choice.never),
    Rule(3, "fork", Reach.INSTALL, choice.fork),
    Rule(4, "freeze", Reach.INSTALL, freeze.freeze),
    Rule(5, "pin", Reach.DOWNLOAD, selection.pin),
    Rule(5, "channel", Reach.DOWNLOAD, selection.channel),
    Rule(6, "consent", Reach.DOWNLOAD, consent.consent),
    Rule(6, "postponement", Reach.INSTALL, consent.postponement),
    Rule(7, "rate_limit", Reach.INSTALL, rate_limit.rate_limit),
    Rule(8, "opening_hours", Reach.INSTALL, window.opening_hours),
    Rule(8, "window", Reach.INSTALL, window.window),
    Rule(8, "store_turn", Reach.INSTALL, window.store_turn),
)

# Each look ahead passes at least one hold for good or one night; a year of nights without a free moment is no promise to make.
_LOOKS_AHEAD: Final = 400


def decide(inputs: Inputs) -> Decision:
    deadline = deadline_of(inputs)
    outcomes, review_at = _ask(inputs, deadline)
    holds = [outcome for outcome in outcomes if outcome.holds]
    return Decision(
        download=_permission([hold for hold in holds if hold.reach is Reach.DOWNLOAD]),
        install=_permission(holds),
        next_try_at=_next_try(inputs, outcomes),
        review_at=review_at,
        outcomes=outcomes,
        deadline=deadline,
        notes=_notes(inputs, deadline, holds),
    )


def _ask(inputs: Inputs, deadline: DeadlineFacts) -> tuple[tuple[Outcome, ...], datetime | None]:
    licences = terms(inputs, deadline)
    edges = [term.next_edge(inputs.now) for term in licences]
    outcomes = []
    for rule in RULES:
        finding = rule.ask(inputs)
        edges.append(finding.changes_at)
        outcomes.append(_outcome(rule, finding, licences, inputs.now))
    return tuple(outcomes), min((edge for edge in edges if edge is not None), default=None)


def _outcome(rule: Rule, finding: Finding, licences: Sequence[Term], now: datetime) -> Outcome:
    if finding.reason is None:
        return Outcome(rule.name, rule.number, rule.reach)
    skipping = [term for term in licences if rule.name in SKIPS[term.licence]]
    active = next((term.licence for term in skipping if term.is_on(now)), None)
    starts = [term.starts_at for term in skipping if term.starts_at is not None and now < term.starts_at]
    until = min((moment for moment in (finding.until, *starts) if moment is not None), default=None)
    return Outcome(rule.name, rule.number, rule.reach, finding.reason, until, active)


def _permission(holds: Sequence[Outcome]) -> Permission:
    return Permission(tuple(hold.reason for hold in holds if hold.reason is not None))


def _next_try(inputs: Inputs, outcomes: tuple[Outcome, ...]) -> datetime | None:
    """The latest of the time-bound holds, carried on (a freeze that ends at midnight is followed by the wait for the window)."""
    now = inputs.now
    for _ in range(_LOOKS_AHEAD):
        ends = [outcome.until for outcome in outcomes if outcome.holds]
        known = [end for end in ends if end is not None]
        if not ends or len(known) < len(ends):
            return now if not ends else None
        now = max(known)
        later = _expected(inputs, now)
        outcomes, _ = _ask(later, deadline_of(later))
    return None


def _expected(inputs: Inputs, now: datetime) -> Inputs:
    """The inputs at a later moment, if nothing changes but time and the sibling till is done when it should be."""
    store = inputs.store
    done = store.busy_until is not None and store.busy_until <= now and not store.busy_failed
    return replace(inputs, now=now, store=StoreTurn(share=store.share) if done else store)


def _notes(inputs: Inputs, deadline: DeadlineFacts, holds: Sequence[Outcome]) -> tuple[Reason, ...]:
    """A critical date that has passed and still does not act is explained beside the hold it leaves standing."""
    release, now = inputs.release, inputs.now
    overdue = release.required_at is not None and release.required_at <= now
    if not overdue or not any(hold.rule in SKIPS[Licence.DEADLINE] for hold in holds):
        return ()
    if deadline.state is DeadlineState.WAIVED and deadline.acts_at is not None:
        return (Reason.of("DEADLINE_WAIVED", version=release.version, until=deadline.acts_at),)
    if inputs.security_build is not None and deadline.state is DeadlineState.GIVES_WAY:
        return (Reason.of("DEADLINE_BY_BUILD", version=release.version, build=inputs.security_build),)
    if deadline.state in {DeadlineState.NOT_DISPLAYED, DeadlineState.RUNNING}:
        return (Reason.of("DEADLINE_NOT_DISPLAYED", version=release.version),)
    return ()
