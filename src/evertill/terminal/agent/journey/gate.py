"""The till gate: may the till be stopped now? It fails closed.

Rules kept here (facts: a till that is silent, sells, owes a result or keeps unsent sales must never be taken away): every doubt is a
reason to wait; no release, however overdue, is asked about here; all reasons are returned, so a screen can show them all. One thing is
told apart: silence does not hold back the repair of a damaged slot, nor a backup in the place of data no till can read, because there the
two locks, both ours, prove that nobody sells.
"""

from evertill.protocol.reasons import Reason
from evertill.terminal.agent.journey.journal import Journey
from evertill.terminal.till_client import Till, TillSilent, TillState


def gate_of(journey: Journey, state: TillState | None) -> tuple[Reason, ...]:
    """What stands against stopping this till for this journey."""
    if journey.locks_suffice and state is None:
        return ()
    return gate(state, needs_empty_batch=journey.needs_empty_batch)


def gate(state: TillState | None, *, needs_empty_batch: bool) -> tuple[Reason, ...]:
    """What stands against stopping this till; empty = nothing. None = it did not answer."""
    if state is None or state.mode != "selling":
        return (Reason.of("TILL_SILENT"),)
    reasons = []
    if state.sale:
        reasons.append(Reason.of("TILL_SALE"))
    if state.batch_count and needs_empty_batch:
        reasons.append(Reason.of("TILL_BATCH_UNSETTLED", count=state.batch_count))
    if state.pending:
        reasons.append(Reason.of("TILL_PENDING", count=state.pending))
    if state.queue:
        reasons.append(Reason.of("TILL_QUEUE", count=state.queue))
    return tuple(reasons)


def state_or_silence(till: Till) -> TillState | None:
    try:
        return till.state()
    except TillSilent:
        return None
