"""What the server is told while a journey goes on, and how it ended."""

from collections.abc import Callable
from math import ceil

from evertill.protocol.ddi import EvertillReport, TillReport
from evertill.protocol.journey import STEP_OF, STEPS, WITHOUT_TILL, Outcome
from evertill.terminal.agent.acts import Acts
from evertill.terminal.agent.board import Board
from evertill.terminal.agent.history import History
from evertill.terminal.agent.journey.gate import state_or_silence
from evertill.terminal.agent.journey.journal import Journey
from evertill.terminal.agent.place import Place
from evertill.terminal.agent.reports import Reports
from evertill.terminal.till_client import Till

_SWITCH_S = 2.0  # two proving starts and the copy, measured; the migration comes on top


class Telling:
    def __init__(
        self,
        reports: Reports,
        board: Board,
        acts: Acts,
        history: History,
        till: Till,
        place: Place,
        poll_soon: Callable[[], None],
    ) -> None:
        self._reports = reports
        self._board = board
        self._acts = acts
        self._history = history
        self._till = till
        self._place = place
        self._poll_soon = poll_soon

    def entered(self, journey: Journey) -> None:
        """It moved, or what holds it changed."""
        self._board.set_journey_action(journey.action)
        if journey.action is not None and journey.outcome is None and not journey.dropped:
            self._reports.progress(journey.action, self._report(journey))

    def ended(self, journey: Journey) -> None:
        """It is over: durable before this returns. Told twice after a crash; the server closes an action once."""
        if journey.action is not None:
            self._close(journey, journey.action)
        self._history.note(journey, self._place.clock())
        self._board.set_journey_action(None)
        self._poll_soon()

    def _close(self, journey: Journey, action: int) -> None:
        cancelled = self._board.is_cancelled(action)
        if journey.dropped:
            self._reports.cancelled(action, accepted=True)
        else:
            if cancelled:
                self._reports.cancelled(action, accepted=False, detail="the update had gone too far to be stopped")
            outcome = journey.outcome or Outcome.FAILED
            details = [f"{journey.failure.code}: {journey.failure.params}"] if journey.failure else []
            self._reports.ended(action, outcome, self._report(journey), details)
        self._board.set_cancelled(action, cancelled=False)

    def _report(self, journey: Journey) -> EvertillReport:
        state = state_or_silence(self._till)
        till = TillReport(state.sale, state.batch_count, state.pending + state.queue) if state else None
        seconds_left = ceil((journey.forecast_s or 0) + _SWITCH_S) if journey.state in WITHOUT_TILL else None
        return EvertillReport(
            journey=journey.id,
            state=journey.state,
            step=STEP_OF[journey.state],
            of=len(STEPS),
            generation=self._place.generations.current() or 0,
            reasons=[*journey.held, *([journey.failure] if journey.failure else [])],
            till=till,
            seconds_left=seconds_left,
            displayed=self._acts.displayed_releases()[-64:],
        )
