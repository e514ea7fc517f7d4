"""One virtual terminal: its conversation with the server, and an update that goes through the same steps as a real one.

Rules kept here: what the server's policy does not permit is not fetched and not begun; a step is reported when it is entered, and a server that refuses the
first one has given the shop's turn to another till; right before the switch it is asked again; the end is told once, and after it the terminal describes
itself, which is the proof. It checks no signatures and keeps nothing over a restart: it stands for load and for
numbers, never for safety.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal

from evertill.protocol import ddi
from evertill.protocol.journey import STEP_OF, STEPS, Outcome, State, execution_of
from evertill.protocol.policy import Snapshot
from evertill.protocol.reasons import Reason
from evertill.sim.fleet.door import DeviceDoor, DoorShut

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evertill.sim.fleet.scene import Virtual

PAUSE_AFTER_TROUBLE_S: Final = 5.0
_BEFORE_SWITCH: Final = (State.PREFLIGHT2, State.BACKING_UP, State.INSTALLING, State.REHEARSING)
_SWITCH: Final = (State.QUIESCING, State.MIGRATING, State.SWITCHING, State.PROVING)

_log = logging.getLogger(__name__)


class VirtualTerminal:
    def __init__(self, virtual: Virtual, door: DeviceDoor, step_s: float) -> None:
        self.virtual = virtual
        self.components = dict(virtual.components)
        self.generation = 1
        self.policy_revision = 0
        self._door = door
        self._step_s = step_s
        self._offers: list[ddi.Offer] = []
        self._fetched: dict[int, ddi.DeploymentBase] = {}
        self._ended: set[int] = set()
        self._waits: tuple[Reason, ...] | None = None
        self._told: dict[str, str] = {}

    async def live(self) -> None:
        """Until it is cancelled."""
        while True:
            try:
                sleep_s: float = await self.converse()
            except DoorShut as shut:
                _log.info("%s: %s", self.virtual.serial, shut)
                sleep_s = max(PAUSE_AFTER_TROUBLE_S, shut.retry_after_s)
            await asyncio.sleep(sleep_s)

    async def converse(self) -> int:
        """One whole conversation; answers how many seconds the server lets it sleep. Raises `DoorShut`."""
        answer = await self._door.get(self._door.base, ddi.PollAnswer)
        links = answer.links
        if link := links.get(ddi.CANCEL_ACTION):
            await self._cancel(link.href)
        if link := links.get(ddi.POLICY):
            await self._take_policy(link.href)
        if ddi.CONFIG_DATA in links or self._told != self.attributes():
            await self._describe()
        if link := links.get(ddi.OFFERS):
            self._offers = await self._door.get(link.href, list[ddi.Offer])
        if link := links.get(ddi.DEPLOYMENT_BASE):
            await self._follow(link.href)
        try:
            return ddi.parse_sleep(answer.config.polling.sleep)
        except ValueError as error:
            raise DoorShut(str(error)) from error

    def attributes(self) -> dict[str, str]:
        """What it says of itself."""
        return {
            **{f"component.{name}": version for name, version in self.components.items()},
            "generation": str(self.generation),
            "slot": "BA"[self.generation % 2],
            "hardware.model": self.virtual.model,
            "hardware.revision": self.virtual.hardware_revision,
            "time_zone": self.virtual.time_zone,
            "policy.revision": str(self.policy_revision),
        }

    async def _describe(self) -> None:
        attributes = self.attributes()
        await self._door.send("PUT", f"{self._door.base}/{ddi.CONFIG_DATA}", ddi.ConfigData(attributes, "replace"))
        self._told = attributes

    async def _cancel(self, href: str) -> None:
        told = await self._door.get(href, ddi.CancelAction)
        self._ended.add(int(told.cancel_action.stop_id))
        status = ddi.Status("closed", ddi.Result("success"))
        await self._door.send("POST", f"{_plain(href)}/feedback", ddi.Feedback(status, told.id))

    async def _take_policy(self, href: str) -> None:
        snapshot = await self._door.get(href, Snapshot)
        if snapshot.revision != self.policy_revision:
            await self._door.send("POST", f"{href}/feedback", ddi.PolicyFeedback(snapshot.revision, datetime.now(UTC)))
            self.policy_revision = snapshot.revision

    async def _follow(self, href: str) -> None:
        """An action: fetched when it may be, installed when it may be."""
        number = int(_plain(href).rpartition("/")[2])
        offer = next((offer for offer in self._offers if offer.action == number), None)
        if offer is None or number in self._ended or not offer.download:
            return
        if number not in self._fetched:
            base = await self._door.get(href, ddi.DeploymentBase)
            await self._report(number, State.DOWNLOADING)
            for artifact in itertools.chain.from_iterable(chunk.artifacts for chunk in base.deployment.chunks):
                await self._door.download(artifact)
            await self._report(number, State.CHECKING)
            self._fetched[number], self._waits = base, None
        if offer.install:
            await self._install(number, self._fetched[number])
        elif self._waits != (held := tuple(offer.reasons)):
            await self._report(number, State.WAITING, held)
            self._waits = held

    async def _install(self, number: int, base: ddi.DeploymentBase) -> None:
        brought = {chunk.name: chunk.version for chunk in base.deployment.chunks}
        outcome = self._outcome_of(brought)
        why = self._why(outcome, brought)
        await self._work(number, _BEFORE_SWITCH)
        if outcome is not Outcome.FAILED:
            if not await self._has_turn(number):
                return
            await self._work(number, _SWITCH)
        if outcome is Outcome.COMMITTED:
            self.components |= brought
            self.generation += 1
        await self._end(number, outcome, why)
        await self._describe()

    async def _work(self, number: int, states: tuple[State, ...]) -> None:
        for state in states:
            await self._report(number, state)
            await asyncio.sleep(self._step_s)

    async def _has_turn(self, number: int) -> bool:
        """Asked moments before the till would stop; without it everything waits again."""
        await self._report(number, State.REFRESHING)
        offers = await self._door.get(f"{self._door.base}/{ddi.OFFERS}", list[ddi.Offer])
        offer = next((offer for offer in offers if offer.action == number), None)
        if offer is not None and offer.install and offer.turn:
            return True
        await self._report(number, State.WAITING, tuple(offer.reasons) if offer else ())
        return False

    def _outcome_of(self, brought: Mapping[str, str]) -> Outcome:
        """The worst that the scene has for one of these versions."""
        found: set[Literal["failed", "rolled_back"]] = {
            self.virtual.outcomes[version] for version in brought.values() if version in self.virtual.outcomes
        }
        return Outcome(min(found)) if found else Outcome.COMMITTED

    def _why(self, outcome: Outcome, brought: Mapping[str, str]) -> tuple[Reason, ...]:
        """The reason that a terminal gives for an end that is not a success."""
        version = ", ".join(brought.values())
        if outcome is Outcome.FAILED:
            return (Reason.of("REHEARSAL_FAILED", version=version, what="simulated"),)
        if outcome is Outcome.ROLLED_BACK:
            back = ", ".join(self.components.get(name, "-") for name in brought)
            return (Reason.of("ROLLED_BACK", version=version, back=back, what="simulated"),)
        return ()

    async def _end(self, number: int, outcome: Outcome, why: tuple[Reason, ...]) -> None:
        execution, finished = execution_of(State.REPORTED, outcome)
        status = ddi.Status(execution, ddi.Result(finished), details=[f"outcome: {outcome}"])
        await self._tell(number, status, State.REPORTED, why)
        self._ended.add(number)
        self._fetched.pop(number, None)

    async def _report(self, number: int, state: State, reasons: tuple[Reason, ...] = ()) -> None:
        execution, finished = execution_of(state)
        status = ddi.Status(execution, ddi.Result(finished), details=[f"step: {state}"])
        await self._tell(number, status, state, reasons)

    async def _tell(self, number: int, status: ddi.Status, state: State, reasons: tuple[Reason, ...]) -> None:
        report = ddi.EvertillReport(
            journey=f"action-{number}",
            state=state,
            step=STEP_OF[state],
            of=len(STEPS),
            generation=self.generation,
            reasons=list(reasons),
            till=ddi.TillReport(sale=False, batch_count=0, pending=0),
        )
        feedback = ddi.Feedback(status, str(number), evertill=report)
        await self._door.send("POST", f"{self._door.base}/{ddi.DEPLOYMENT_BASE}/{number}/feedback", feedback)


def _plain(href: str) -> str:
    """Without the query that only says whether the deployment changed."""
    return href.partition("?")[0]
