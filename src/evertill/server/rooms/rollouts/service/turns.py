"""A shop's turn: its tills are updated one after the other, the next only when the one before is verified (ADR 0012).

Rules kept here: a turn is taken under the lock of its shop, by a decision made under that lock, so that two tills which ask at the same moment are asked one
after the other; who holds a turn is read from the actions alone (`asking.is_installing`) and kept nowhere else, so whatever ends an installation, or the
silence of a till that died in it, gives the turn back. Giving back needs no lock: it makes nobody a second holder.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from evertill.server.rooms.organisations import queries as organisations
from evertill.server.rooms.rollouts import asking
from evertill.server.rooms.rollouts.errors import StoreHalted, StoreTurn
from evertill.server.rooms.rollouts.states import SHOPS

if TYPE_CHECKING:
    from datetime import datetime

    from evertill.server.rooms.fleet.models import Terminal
    from evertill.server.rooms.policies.rules import Decision
    from evertill.server.rooms.rollouts.models import Action

_REFUSALS: Final = {refusal.code: refusal for refusal in (StoreTurn, StoreHalted)}


def lock(terminal: Terminal) -> None:
    """The shop in which this terminal stands, held until the transaction ends. Taken after the terminal's own lock, before anything is written."""
    if terminal.node.kind in SHOPS:
        organisations.lock(terminal.node)


def take(action: Action, now: datetime) -> Decision:
    """Decides under the shop's lock whether this till may begin. Raises `StoreTurn`, `StoreHalted` where another one stands before it."""
    decision = look(action, now)
    for outcome in decision.outcomes:
        if outcome.rule == "store_turn" and outcome.holds and outcome.reason is not None:
            raise _REFUSALS[outcome.reason.code](**outcome.reason.params)
    return decision


def look(action: Action, now: datetime) -> Decision:
    """What is decided of it now, with nobody beside it beginning meanwhile."""
    lock(action.terminal)
    [decision] = asking.decisions([asking.about(action)], now)
    return decision


def begun(action: Action, now: datetime) -> dict[str, Any]:
    """The columns of an installation that begins now. Heard again, a silent one is awaited anew; what was never fetched here counts from now, too."""
    expires_at = now + timedelta(seconds=action.timeout_s)
    fetched_at = action.retrieved_at or now
    return {"retrieved_at": fetched_at, "installing_at": now, "expires_at": expires_at, "timed_out_at": None}
