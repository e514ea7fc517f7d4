"""Where a journey goes on after a restart: link and mark say what is, the journal only what was intended.

Pure: the machine looks at the terminal and asks here. An uncommitted generation never accepted a sale, so every doubt before the mark ends in
the old generation; after the mark there is only forward.
"""

from evertill.protocol.journey import State
from evertill.terminal.agent.journey.states import FLIPPED, TABLE, WORKING

MAX_CRASHES = 5  # restarts in the middle of work before a journey is given up


def after_restart(journaled: State, *, link_is_new: bool, marked: bool) -> State:
    """The state to go on in. `link_is_new`, `marked`: of the generation this journey installs."""
    if journaled in {State.REPORTED, State.FAILED} and not link_is_new:
        return journaled
    if link_is_new and marked:
        return State.REPORTED if journaled is State.REPORTED else State.SELLING
    if link_is_new:
        return TABLE[journaled].on_boot if journaled in {State.COMMITTED, State.ROLLING_BACK} else State.PROVING
    return State.ROLLING_BACK if journaled in FLIPPED else TABLE[journaled].on_boot


def counts_as_crash(journaled: State) -> bool:
    return journaled in WORKING


def given_up(goes_on: State, *, link_is_new: bool) -> State:
    """Where a journey ends that crashed the terminal too often; `goes_on` is where it would go on otherwise."""
    if goes_on in {State.SELLING, State.REPORTED, State.ROLLING_BACK}:
        return goes_on
    return State.ROLLING_BACK if link_is_new else State.FAILED
