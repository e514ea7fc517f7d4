"""What a poll offers for an open action, from what was decided. Pure.

Rules kept here: for our agent the link opens with the permission to download (the terminal enforces installing), for ddi clients with the permission to
install; once retrieved it stays until the action is closed, because SWUpdate drops its result when the link is gone (DDI facts §2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from evertill.protocol.policy import Client
from evertill.server.rooms.rollouts.states import Kind, Link, State

if TYPE_CHECKING:
    from datetime import datetime

    from evertill.protocol.reasons import Reason
    from evertill.server.rooms.policies.rules import Decision
    from evertill.server.rooms.rollouts.models import Action

# Once retrieved only these refuse a file: a window, freeze or limit that closes later does not cut a running transfer (design §4).
_CUTS: Final = frozenset({"action_open", "release_state", "never"})


def permits(action: Action, decision: Decision, client: str) -> bool:
    """Whether this action may be handed out now."""
    if action.retrieved_at is not None:
        return not cutting(action, decision)
    return bool(
        decision.download if client == Client.EVERTILL or action.kind == Kind.DOWNLOADONLY else decision.install
    )


def link(action: Action, decision: Decision, client: str) -> Link:
    if action.state == State.CANCELING:
        return Link.CANCEL
    if action.state == State.SCHEDULED:
        return Link.NONE
    if action.retrieved_at is not None or permits(action, decision, client):
        return Link.DEPLOY
    return Link.CONFIRM if waits_for_confirmation(decision, client) else Link.NONE


def waits_for_confirmation(decision: Decision, client: str) -> bool:
    """`confirmationBase` is for ddi clients only; at our terminals a person answers an offer."""
    return client == Client.DDI and decision.asks_consent


def cutting(action: Action, decision: Decision) -> list[Reason]:
    """What ends even a running transfer. A person's tap covers *never* until the action ends, however slow the line is."""
    by_hand = {"never"} if action.tapped_at is not None else set()
    return [
        each.reason
        for each in decision.outcomes
        if each.reason is not None and each.holds and each.rule in _CUTS - by_hand
    ]


def edges(decision: Decision, moments: tuple[datetime | None, ...], now: datetime) -> datetime | None:
    """The first moment at which time alone may change what was decided."""
    return min((edge for edge in (decision.review_at, *moments) if edge is not None and edge > now), default=None)
