"""When a reported success is believed: by the terminal's own words, as its model proves them. Until then: installed, unverified.

versions        every component of the release stands in the terminal's attributes with the release's version (our agent)
attribute:KEY   that attribute names the release's version, or one of its components'
after_restart   the device described itself after it had fetched the action: SWUpdate reports after its restart and describes itself once
                per start; a client that reports before its restart needs another proof in its model
reported        nothing better exists; the report counts, and is shown as "reported, not verified"
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from evertill.server.rooms.catalog import queries as catalog
from evertill.server.rooms.fleet import queries as fleet
from evertill.server.rooms.fleet.rules import ATTRIBUTE_PROOF
from evertill.server.rooms.policies import queries as policies
from evertill.server.rooms.policies.facts import COMPONENT
from evertill.server.rooms.rollouts import asking, queries
from evertill.server.rooms.rollouts.models import Action
from evertill.server.rooms.rollouts.service import moving, standing
from evertill.server.rooms.rollouts.states import State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from evertill.server.rooms.fleet.events import AttributesReported


def on_attributes_reported(event: AttributesReported) -> None:
    """A terminal described itself: what it was believed to be installing may be proven now."""
    mine = Action.objects.filter(terminal_id=event.terminal_id, retrieved_at__isnull=False, verified_at=None)
    awaited = list(
        mine.select_related("terminal__node", "release")
        .exclude(state__in=[State.ERROR, State.CANCELED])
        .order_by("-pk")[:1]
    )
    for action in awaited:
        action.described_at = event.now
        Action.objects.filter(pk=action.pk).update(described_at=event.now)
    judge([action for action in awaited if action.state == State.FINISHED], event.now)


@transaction.atomic
def judge(actions: Sequence[Action], now: datetime) -> None:
    """Marks those finished actions as verified whose proof holds now; a late proof also ends a timeout."""
    attributes = fleet.attributes_of([action.terminal_id for action in actions])
    for action in actions:
        if not _holds(action, attributes.get(action.terminal_id, {})):
            continue
        if not Action.objects.filter(pk=action.pk, state=State.FINISHED, verified_at=None).update(
            verified_at=now, expires_at=None
        ):
            continue
        action.verified_at = now
        moving.record(action, "action.verified", standing.DECIDER, now, proof=action.proof)
        # The store's next till may have its turn.
        standing.refresh(queries.waiting_beside(action.terminal), now)


def _holds(action: Action, attributes: Mapping[str, str]) -> bool:
    if action.proof == "after_restart":
        return action.described_at is not None
    if action.proof == asking.REPORTED:
        return False
    parts = {part.artifact.name: part.artifact.version for part in catalog.parts(action.release_id)}
    if action.proof.startswith(ATTRIBUTE_PROOF):
        told = attributes.get(action.proof.removeprefix(ATTRIBUTE_PROOF))
        return told is not None and told in {action.release.version, *parts.values()}
    # The components a person ticked; none: all of it.
    chosen = policies.ticked(action.terminal_id, action.release_id) or parts.keys()
    return all(attributes.get(f"{COMPONENT}{name}") == version for name, version in parts.items() if name in chosen)
