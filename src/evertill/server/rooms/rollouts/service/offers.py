"""What a person at one of our terminals is offered, and what comes of their word.

Rules kept here: an offer is an update this terminal does not run and that a rollout or an open action brings to it, with everything that holds it, never
silently less; each word counts once, by its uuid; a yes or a now makes the action where none is open. Notes and dates a person reads come from the signed
release, never from here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from evertill.protocol.ddi import Offer
from evertill.server.rooms.audit import service as audit
from evertill.server.rooms.audit.actor import Actor
from evertill.server.rooms.catalog import queries as catalog
from evertill.server.rooms.kernel.errors import FieldInvalid
from evertill.server.rooms.policies import queries as policies
from evertill.server.rooms.policies import service as words
from evertill.server.rooms.policies.plain import aware, storable
from evertill.server.rooms.rollouts import asking
from evertill.server.rooms.rollouts.errors import OfferUnknown
from evertill.server.rooms.rollouts.models import Action, OfferWord
from evertill.server.rooms.rollouts.service import assigning, moving, standing
from evertill.server.rooms.rollouts.states import Origin, State

if TYPE_CHECKING:
    from datetime import datetime

    from evertill.protocol.ddi import OfferAct
    from evertill.server.rooms.catalog.models import Release
    from evertill.server.rooms.fleet.models import Terminal


def offers(terminal_id: int, now: datetime) -> list[Offer]:
    """Link `offers`: an open action's release first, then what else its rollouts bring, newest first."""
    questions = asking.offered(terminal_id)
    return [
        Offer(
            release=question.release_id,
            download=bool(decision.download),
            install=bool(decision.install),
            action=question.action.pk if question.action else None,
            reasons=list(decision.reasons),
            next_try_at=decision.next_try_at,
            turn=question.action is not None and asking.is_installing(question.action),
        )
        for question, decision in zip(questions, asking.decisions(questions, now), strict=True)
    ]


@transaction.atomic
def act_on_offer(terminal_id: int, release_id: int, act: OfferAct, now: datetime) -> None:
    """consent | postpone | now | closing_time | displayed, once per uuid.

    Raises `OfferUnknown`, `PostponedTooLong`, `FieldInvalid` (no day to postpone to, unknown components).
    """
    terminal = moving.lock(terminal_id)
    if release_id not in {question.release_id for question in asking.offered(terminal_id)}:
        raise OfferUnknown(release=release_id)
    uuid = UUID(act.uuid)
    if OfferWord.objects.filter(terminal=terminal, uuid=uuid).exists():
        return
    OfferWord.objects.create(uuid=uuid, terminal=terminal, release_id=release_id, act=act.act, at=now)
    release = catalog.by_id(release_id)
    person = storable(act.person)
    match act.act:
        case "displayed":
            words.displayed(terminal_id, [release_id], now)
        case "postpone":
            _postpone(terminal, release, act, person, now)
        case "consent":
            words.consent(
                terminal_id,
                release_id,
                person,
                now,
                components=_components(act, release_id),
                text_version=storable(act.text_version),
            )
            _action(terminal, release, now)
        case "now":
            action = _action(terminal, release, now)
            Action.objects.filter(pk=action.pk).update(tapped_at=now)
        case "closing_time":
            action = _action(terminal, release, now)
            Action.objects.filter(pk=action.pk).update(closing_at=now)
    _record(terminal, release, act, person, now)
    standing.refresh([terminal_id], now)


def _action(terminal: Terminal, release: Release, now: datetime) -> Action:
    """The open action of this release, made where there is none."""
    for action in moving.open_of_many([terminal.pk]):
        if action.release_id == release.pk and action.state != State.CANCELING:
            return action
    [action] = assigning.begin([terminal.pk], release, Origin.TERMINAL, Actor.terminal(terminal.serial), now)
    return action


def _postpone(terminal: Terminal, release: Release, act: OfferAct, person: str, now: datetime) -> None:
    if act.until is None or aware(act.until) <= now:
        raise FieldInvalid(field="until", problem=_("choose a moment in the future"))
    policy = policies.effective([terminal.pk], now)[terminal.pk].policy
    words.postpone(terminal.pk, release, aware(act.until), person, policy, now)


def _components(act: OfferAct, release_id: int) -> list[str]:
    known = {part.artifact.name for part in catalog.parts(release_id)}
    if unknown := sorted(set(act.components) - known):
        raise FieldInvalid(
            field="components", problem=_("the release has no component %(name)s") % {"name": unknown[0]}
        )
    return sorted(set(act.components))


def _record(terminal: Terminal, release: Release, act: OfferAct, person: str, now: datetime) -> None:
    """The tick is evidence: who, what exactly, which text."""
    details = {
        "release": release.pk,
        "person": person,
        "components": act.components,
        "text_version": storable(act.text_version),
        "until": act.until.isoformat() if act.until else None,
    }
    actor = Actor.terminal(terminal.serial)
    audit.record(
        actor,
        f"offer.{act.act}",
        kind="terminal",
        ref=terminal.serial,
        node=terminal.node.address,
        details=details,
        now=now,
    )
