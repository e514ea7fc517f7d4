"""The gate fails closed."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from evertill.terminal.agent.journey.gate import gate
from evertill.terminal.till_client import Rows, TillState

IDLE = TillState(
    version="1", schema=1, mode="selling", sale=False, batch_count=0, pending=0, queue=0, journal=Rows(0, 0), pid=1
)
COUNTS = st.integers(0, 3)


def test_idle_till_may_be_stopped() -> None:
    assert gate(IDLE, needs_empty_batch=True) == ()


def test_silence_is_never_idleness() -> None:
    assert [reason.code for reason in gate(None, needs_empty_batch=False)] == ["TILL_SILENT"]


STATES = st.builds(
    lambda **changes: msgspec.structs.replace(IDLE, **changes),
    sale=st.booleans(),
    batch_count=COUNTS,
    pending=COUNTS,
    queue=COUNTS,
    mode=st.sampled_from(["selling", "proving", "stopping"]),
)


@given(state=STATES, needs_empty_batch=st.booleans())
def test_gate_opens_exactly_when_nothing_is_owed(*, state: TillState, needs_empty_batch: bool) -> None:
    batch = state.batch_count and needs_empty_batch
    owed = state.sale or state.pending or state.queue or batch or state.mode != "selling"
    assert bool(gate(state, needs_empty_batch=needs_empty_batch)) == bool(owed)


def test_every_reason_is_said_at_once() -> None:
    state = msgspec.structs.replace(IDLE, sale=True, batch_count=2, pending=1, queue=4)
    codes = [reason.code for reason in gate(state, needs_empty_batch=True)]
    assert codes == ["TILL_SALE", "TILL_BATCH_UNSETTLED", "TILL_PENDING", "TILL_QUEUE"]
