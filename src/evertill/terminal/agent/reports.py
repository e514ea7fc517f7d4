"""What the agent tells the server about an update: each report written to the outbox first, sent when there is a network.

An action is closed by exactly one report (`ended`, or `cancelled` when the server took it back); everything before is progress.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from evertill.protocol.ddi import EvertillReport, Feedback, OfferAct, PolicyChangeReport, PolicyFeedback, Result, Status
from evertill.protocol.journey import Outcome, State, execution_of
from evertill.terminal.agent.outbox import Outbox


class Reports:
    def __init__(self, outbox: Outbox, clock: Callable[[], datetime], wake: Callable[[], None]) -> None:
        self._outbox = outbox
        self._clock = clock
        self._wake = wake

    def progress(self, action: int, report: EvertillReport, details: Sequence[str] = ()) -> None:
        """Where the journey is. A later report makes this one worthless, so it may be dropped when there is no room."""
        execution, finished = execution_of(State(report.state))
        status = Status(execution, Result(finished), details=list(details) or None)
        self._put(f"deploymentBase/{action}/feedback", self._feedback(action, status, report), passing=True)

    def ended(self, action: int, outcome: Outcome, report: EvertillReport, details: Sequence[str]) -> None:
        """Close the action with the truth: what runs now, and why."""
        execution, finished = execution_of(State.REPORTED, outcome)
        status = Status(execution, Result(finished), details=[f"outcome: {outcome}", *details])
        self._put(f"deploymentBase/{action}/feedback", self._feedback(action, status, report))

    def cancelled(self, action: int, *, accepted: bool, detail: str = "") -> None:
        """Answer a cancelAction: accepted = nothing was switched; else the update has gone too far and goes on."""
        status = Status(
            "closed" if accepted else "rejected",
            Result("success" if accepted else "none"),
            details=[detail] if detail else None,
        )
        self._put(f"cancelAction/{action}/feedback", self._feedback(action, status, None))

    def act(self, release: int, act: OfferAct) -> None:
        self._put(f"offers/{release}", act, tag=act.uuid)

    def policy_changed(self, change: PolicyChangeReport) -> None:
        self._put("policy/changes", [change], tag=change.uuid)

    def policy_applied(self, revision: int) -> None:
        self._put("policy/feedback", PolicyFeedback(revision, self._clock()))

    def _feedback(self, action: int, status: Status, report: EvertillReport | None) -> Feedback:
        return Feedback(status, str(action), timestamp=int(self._clock().timestamp() * 1000), evertill=report)

    def _put(
        self, path: str, body: msgspec.Struct | Sequence[msgspec.Struct], *, passing: bool = False, tag: str = ""
    ) -> None:
        self._outbox.put(path, body, passing=passing, tag=tag)
        self._wake()
