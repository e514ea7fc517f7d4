"""The permission of a release, asked with everything this terminal knows at the moment."""

import dataclasses

from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.policy import Snapshot, within
from evertill.protocol.release import Guardrails, Release
from evertill.terminal.agent.acts import Acts
from evertill.terminal.agent.board import Board
from evertill.terminal.agent.permission import Facts, Permission, permission, repair_permission
from evertill.terminal.agent.place import Place
from evertill.terminal.agent.policy import Effective, PolicyStore
from evertill.terminal.agent.trust import TrustClient


class Permissions:
    """Also the `PolicyDesk` of the conversation: the one place where a policy arrives and where it is asked."""

    def __init__(self, policy: PolicyStore, acts: Acts, board: Board, trust: TrustClient, place: Place) -> None:
        self._policy = policy
        self._acts = acts
        self._board = board
        self._trust = trust
        self._place = place

    def effective(self) -> Effective:
        """The policy in force, with freezes cut to what the signed guardrails allow."""
        found = self._policy.effective()
        freeze = within(found.policy.freeze, self.guardrails())
        return found._replace(policy=dataclasses.replace(found.policy, freeze=freeze))

    def guardrails(self) -> Guardrails:
        """The signed bounds; the widest ones as long as none could be verified."""
        try:
            return self._trust.guardrails()
        except ProtocolRefused:
            return Guardrails()

    def facts(self, release: Release) -> Facts:
        effective = self.effective()
        return Facts(
            now=self._place.clock(),
            zone=self._place.zone,
            serial=self._place.serial,
            policy=effective.policy,
            snapshot=effective.snapshot,
            mode_unconfirmed=any(change.field == "mode" for change in effective.pending),
            release=release,
            acts=self._acts.of(release.id),
            offer=self._board.offer(release.id),
        )

    def of(self, release_id: int) -> Permission:
        """Raises ProtocolRefused when the release cannot be trusted, or what people said cannot be read."""
        return permission(self.facts(self._trust.release(release_id)))

    def of_repair(self, release_id: int) -> Permission:
        """Raises ProtocolRefused when nothing is known of the release any more."""
        return repair_permission(self.facts(self._trust.release(release_id)))

    def apply(self, snapshot: Snapshot) -> bool:
        return self._policy.apply(snapshot)

    def may_ask_for(self, release_id: int) -> bool:
        """Whether this terminal would download it. A release it cannot vouch for costs one metadata refresh, never a payload."""
        try:
            try:
                return self.of(release_id).download
            except ProtocolRefused:
                self._trust.refresh(self._place.clock())
                return self.of(release_id).download
        except ProtocolRefused as refused:
            self._board.set_trouble(release_id, refused)
            return False
