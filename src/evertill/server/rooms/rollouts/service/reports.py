"""What devices report about their actions. A report is stored with its effect in one transaction; intermediate ones past the quota are only counted.

Rules kept here: a closed report is always stored; a device that finished although it was told to stop has finished; the terminal's own words, not this
report, prove success (`proofs`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec
from django.db import transaction

from evertill.protocol.ddi import MAX_MESSAGES_PER_STATUS
from evertill.protocol.journey import WITHOUT_TILL
from evertill.protocol.journey import State as JourneyState
from evertill.server.rooms.audit.actor import Actor
from evertill.server.rooms.catalog import queries as catalog
from evertill.server.rooms.fleet import service as fleet
from evertill.server.rooms.policies import service as policies
from evertill.server.rooms.policies.plain import storable
from evertill.server.rooms.rollouts import asking, queries
from evertill.server.rooms.rollouts.errors import ActionClosed, ActionUnknown, MessagesTooMany, NotCancelable
from evertill.server.rooms.rollouts.models import Action
from evertill.server.rooms.rollouts.service import moving, proofs, situations, standing, turns
from evertill.server.rooms.rollouts.states import (
    CLOSED,
    WAITING,
    Kind,
    State,
    after_cancel_feedback,
    after_feedback,
)

if TYPE_CHECKING:
    from datetime import datetime

    from evertill.protocol.ddi import ConfirmationFeedback, EvertillReport, Feedback
    from evertill.server.rooms.fleet.models import Terminal
    from evertill.server.rooms.policies.rules import Decision

# On its way to the switch while the old till sells: the first of these asks for the shop's turn, and may be told to wait.
_BEGINNING: Final = frozenset(
    {
        JourneyState.PREFLIGHT2,
        JourneyState.BACKING_UP,
        JourneyState.INSTALLING,
        JourneyState.REHEARSING,
        JourneyState.REFRESHING,
    }
)


@transaction.atomic
def feedback(terminal_id: int, action_id: int, report: Feedback, now: datetime) -> None:
    """Row 3.

    Raises `ActionClosed` (410), `ActionUnknown` (404: foreign, waiting for confirmation), `MessagesTooMany` (429), and for a till of ours that would begin
    while another one of its shop stands before it `StoreTurn`, `StoreHalted` (409).
    """
    terminal, action = _mine(terminal_id, action_id)
    if action.state in WAITING:
        raise ActionUnknown(action=action_id)
    to = after_feedback(report.status.execution, report.status.result.finished, Kind(action.kind))
    messages = _messages(report.status.details, closes=to in CLOSED)
    if report.evertill or to in CLOSED:
        turns.lock(terminal)  # what it says may change the others' standing too: one till of a shop after the other
    if to in CLOSED:
        _close(terminal, action, to, report, messages, now)
        return
    sets = _words(report.evertill) if report.evertill else {}
    started = _start(action, report.evertill, now) if report.evertill else None
    if started is not None:
        sets |= turns.begun(action, now)
    elif report.evertill and report.evertill.state == JourneyState.WAITING and action.installing_at is not None:
        sets |= {"installing_at": None, "expires_at": None}
    actor = Actor.terminal(terminal.serial)
    # What is being cancelled stays so: only an end changes that.
    state = State(action.state) if action.state == State.CANCELING else to
    moving.move(action, state, actor, now, messages=messages, code=report.status.code, line=to, **sets)
    if report.evertill:
        _note_displayed(terminal_id, report.evertill.displayed, now)
    if started is not None:
        _note_start(action, started, now)
    if "installing_at" in sets:
        standing.refresh([terminal_id, *queries.waiting_beside(terminal)], now)
    elif sets:
        situations.note([terminal_id], now)  # what it says holds it may lead now


@transaction.atomic
def cancel_feedback(terminal_id: int, action_id: int, report: Feedback, now: datetime) -> None:
    """Row 5. Raises `ActionUnknown`, `ActionClosed`, `NotCancelable` (405), `MessagesTooMany`."""
    terminal, action = _mine(terminal_id, action_id)
    if action.state != State.CANCELING:
        raise NotCancelable(action=action_id)
    to = after_cancel_feedback(report.status.execution, report.status.result.finished)
    messages = _messages(report.status.details, closes=to in CLOSED)
    actor = Actor.terminal(terminal.serial)
    if to in CLOSED:
        turns.lock(terminal)
        _close(terminal, action, to, report, messages, now)
    elif to is State.CANCEL_REJECTED:
        # The device goes on with it: an action that came meanwhile waits behind it (it is `scheduled`), and its end is awaited again.
        awaited = now + timedelta(seconds=action.timeout_s) if asking.has_begun(action) else None
        sets = {"expires_at": action.expires_at or awaited}
        moving.move(action, State.RUNNING, actor, now, messages=messages, code=report.status.code, line=to, **sets)
        moving.record(action, "action.cancel-rejected", actor, now)
        standing.refresh([terminal_id], now)
    else:
        moving.write_line(action, to, now, messages, report.status.code)


@transaction.atomic
def confirmation_feedback(terminal_id: int, action_id: int, report: ConfirmationFeedback, now: datetime) -> None:
    """Row 11. Raises `ActionUnknown` (404: foreign or not waiting), `ActionClosed` (410), `MessagesTooMany`.

    Denying never closes the action; denying what was confirmed and not yet fetched takes the confirmation back (hawkBit since 2026).
    """
    terminal, action = _mine(terminal_id, action_id)
    messages = _messages(report.details, closes=False)
    actor = Actor.terminal(terminal.serial)
    waits = action.state == State.WAIT_FOR_CONFIRMATION
    if report.confirmation == "confirmed" and waits:
        moving.move(action, State.RUNNING, actor, now, messages=messages, code=report.code, confirmed_at=now)
        policies.consent(terminal_id, action.release_id, terminal.serial, now)
        moving.record(action, "action.confirmed", actor, now)
    elif report.confirmation == "denied" and (
        waits or (action.confirmed_at is not None and action.retrieved_at is None)
    ):
        moving.move(
            action, State.WAIT_FOR_CONFIRMATION, actor, now, messages=messages, code=report.code, confirmed_at=None
        )
        policies.withdraw_consent(terminal_id, action.release_id)
        moving.record(action, "action.denied", actor, now)
    else:
        raise ActionUnknown(action=action_id)
    standing.refresh([terminal_id], now)


def _mine(terminal_id: int, action_id: int) -> tuple[Terminal, Action]:
    terminal = moving.lock(terminal_id)
    action = (
        Action.objects.select_related("terminal__node", "terminal__model", "release")
        .filter(pk=action_id, terminal_id=terminal_id)
        .first()
    )
    if action is None:
        raise ActionUnknown(action=action_id)
    if action.state in CLOSED:
        raise ActionClosed(action=action_id)
    return terminal, action


def _messages(details: list[str] | None, *, closes: bool) -> list[str]:
    """The device's texts. A report that ends the action is never turned away: of too many the last ones tell the end."""
    texts = details or []
    if len(texts) > MAX_MESSAGES_PER_STATUS and not closes:
        raise MessagesTooMany(most=MAX_MESSAGES_PER_STATUS, count=len(texts))
    kept: list[str] = storable(texts[-MAX_MESSAGES_PER_STATUS:])
    return kept


def _close(terminal: Terminal, action: Action, to: State, report: Feedback, messages: list[str], now: datetime) -> None:
    actor = Actor.terminal(terminal.serial)
    sets: dict[str, Any] = {}
    if report.evertill:
        sets = _words(report.evertill)
        sets["rolled_back"] = any(reason.code == "ROLLED_BACK" for reason in report.evertill.reasons)
        _note_displayed(terminal.pk, report.evertill.displayed, now)
    sets["retrieved_at"] = action.retrieved_at or now
    if to is State.FINISHED:
        awaited = action.expires_at or now + timedelta(seconds=action.timeout_s)
        needs_proof = action.proof != asking.REPORTED and action.kind != Kind.DOWNLOADONLY
        sets["expires_at"] = awaited if needs_proof else None
    moving.move(action, to, actor, now, messages=messages, code=report.status.code, **sets)
    if to is State.FINISHED:
        # It describes itself again after each successful update (DDI facts §1); that also brings the proof.
        fleet.ask_for_config(terminal.pk, now)
        proofs.judge([action], now)
    moving.promote(terminal.pk, now)
    standing.refresh([terminal.pk, *queries.waiting_beside(terminal)], now)


def _words(report: EvertillReport) -> dict[str, Any]:
    return {"journey": storable(msgspec.to_builtins(report))}


def _start(action: Action, report: EvertillReport, now: datetime) -> Decision | None:
    """What was decided, where our agent begins to install with this report. Raises `StoreTurn`, `StoreHalted`.

    A till that is stopped already is never told to wait: then the report is the truth, and is kept with what the server thinks of it.
    """
    if asking.is_installing(action):
        return None
    if report.state in WITHOUT_TILL:
        return turns.look(action, now)
    if report.state in _BEGINNING and action.state != State.CANCELING:
        return turns.take(action, now)
    return None


def _note_displayed(terminal_id: int, release_ids: list[int], now: datetime) -> None:
    known = [release.pk for release in catalog.with_ids(release_ids)]
    if known:
        policies.displayed(terminal_id, known, now)
        standing.refresh([terminal_id], now)


def _note_start(action: Action, decision: Decision, now: datetime) -> None:
    """That it began, and where the server sees it differently (the terminal reads it in its offers)."""
    codes = [reason.code for reason in decision.install.reasons]
    if not codes:
        moving.record(action, "action.started", standing.DECIDER, now)
        return
    moving.write_line(action, State.WARNING, now, codes)
    moving.record(action, "action.start-not-permitted", standing.DECIDER, now, reasons=codes)
