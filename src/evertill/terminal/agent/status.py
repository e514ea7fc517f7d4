"""How this terminal is, for the command line and the screen: facts only, as JSON; words are the reader's business."""

from typing import Any

import msgspec

from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.journey import STEP_OF, STEPS
from evertill.protocol.policy import FIELDS
from evertill.protocol.provision import Provision
from evertill.terminal.agent.acts import Acts
from evertill.terminal.agent.answers.fetching import Fetching
from evertill.terminal.agent.answers.preflights import Preflights
from evertill.terminal.agent.backup import Backups
from evertill.terminal.agent.board import Board
from evertill.terminal.agent.care.condition import Conditions
from evertill.terminal.agent.history import History
from evertill.terminal.agent.journey.gate import state_or_silence
from evertill.terminal.agent.journey.run import Journeys
from evertill.terminal.agent.outbox import Outbox
from evertill.terminal.agent.permissions import Permissions
from evertill.terminal.agent.place import Place
from evertill.terminal.agent.restoring import Restoring
from evertill.terminal.agent.trust import TrustClient


class Status:
    def __init__(  # noqa: PLR0913 - it shows everything there is
        self,
        place: Place,
        provision: Provision,
        *,
        board: Board,
        permissions: Permissions,
        trust: TrustClient,
        acts: Acts,
        outbox: Outbox,
        history: History,
        journeys: Journeys,
        fetching: Fetching,
        preflights: Preflights,
        backups: Backups,
        restoring: Restoring,
        conditions: Conditions,
    ) -> None:
        self._place = place
        self._provision = provision
        self._board = board
        self._permissions = permissions
        self._trust = trust
        self._acts = acts
        self._outbox = outbox
        self._history = history
        self._journeys = journeys
        self._fetching = fetching
        self._preflights = preflights
        self._backups = backups
        self._restoring = restoring
        self._conditions = conditions

    def whole(self) -> dict[str, Any]:
        generations = self._place.generations
        current = generations.current()
        till = state_or_silence(self._journeys.till)
        facts = {
            "serial": self._provision.serial,
            "node": self._provision.node,
            "model": self._provision.model,
            "time_zone": self._provision.time_zone,
            "generation": current,
            "release": generations.release(current) if current is not None else None,
            "components": self._place.installed(),
            "till": till,
            "condition": self._conditions.now(self._place.clock())._asdict(),
            "policy": self.policy(),
            "contact": self._contact(),
            "trust": self._trust_facts(),
            "journey": self._journey(),
            "offers": self.offers(),
            "history": self._history.past[:10],
            "backups": self._backups.notes(),
            "restored": self._restoring.latest,
            "waiting_reports": len(self._outbox),
        }
        found = msgspec.to_builtins(facts)
        assert isinstance(found, dict)  # noqa: S101 - a dict in gives a dict out
        return found

    def policy(self) -> dict[str, Any]:
        """Each field with its value in force, its origin, and whether the server has confirmed it."""
        effective = self._permissions.effective()
        said = effective.snapshot.fields if effective.snapshot else {}
        changed = {change.field for change in effective.pending}
        fields = {
            name: {
                "value": field.write(getattr(effective.policy, name)),
                "origin": "terminal" if name in changed else said[name].origin if name in said else "default",
                "mandated": name in said and said[name].mandated,
                "confirmed": name not in changed,
            }
            for name, field in FIELDS.items()
        }
        return {
            "revision": effective.revision,
            "fields": fields,
            "pending": effective.pending,
            "forked": effective.forked,
            "deadlines": effective.snapshot.deadlines if effective.snapshot else [],
        }

    def offers(self) -> list[dict[str, Any]]:
        """Every offered release, with what is signed about it; one that cannot be vouched for says why instead."""
        return [self._offer(offer.release) for offer in self._board.offers]

    def _offer(self, release_id: int) -> dict[str, Any]:
        try:
            release = self._trust.release(release_id)
            permission = self._permissions.of(release_id)
            acts = self._acts.of(release_id)
        except ProtocolRefused as refused:
            return {"release": release_id, "refused": {"code": refused.code, "params": refused.params}}
        return {
            "release": release_id,
            "name": release.name,
            "version": release.version,
            "severity": release.severity,
            "required_at": release.required_at,
            "notes": release.notes,
            "cves": release.cves,
            "published_at": release.published_at,
            "minutes": release.minutes,
            "size_bytes": release.size_bytes,
            "components": [{"component": part.component, "version": part.version} for part in release.components],
            "download": permission.download,
            "install": permission.install,
            "reasons": permission.reasons,
            "next_try_at": permission.next_try_at,
            "acts": acts,
        }

    def _contact(self) -> dict[str, Any]:
        contact = self._board.contact
        refused = contact.refused
        trouble = {"code": refused.code, "params": refused.params} if refused else None
        return {"last_at": contact.last_at, "tried_at": contact.tried_at, "trouble": trouble, "next_s": contact.next_s}

    def _trust_facts(self) -> dict[str, Any]:
        try:
            self._trust.floor()
            trouble = None
        except ProtocolRefused as refused:
            trouble = {"code": refused.code, "params": refused.params}
        return {"verified_at": self._trust.verified_at, "trouble": trouble}

    def _journey(self) -> dict[str, Any] | None:
        journey = self._journeys.journey
        if journey is None:
            return None
        return {
            "id": journey.id,
            "release": journey.release,
            "version": journey.version,
            "state": journey.state,
            "step": STEP_OF[journey.state],
            "of": len(STEPS),
            "repair": journey.repair,
            "began_at": journey.began_at,
            "entered_at": journey.entered_at,
            "finished_at": journey.finished_at,
            "forecast_s": journey.forecast_s,
            "held": journey.held,
            "again_at": journey.again_at,
            "warnings": self._preflights.warnings,
            "download": self._fetching.progress._asdict() if self._fetching.progress else None,
        }
