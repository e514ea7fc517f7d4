"""The words of an update's journey: its states, the seven steps a shop is shown, and how a journey can end.

The table of transitions is the agent's (`evertill.terminal.agent.journey`); the server and the screens need only these words.
Steps never count backwards within one attempt: what comes before the download belongs to the download.
"""

from enum import StrEnum
from typing import Final, NamedTuple

from evertill.protocol.ddi import Execution, Finished


class State(StrEnum):
    OFFERED = "offered"
    CONSENT = "consent"
    PREFLIGHT1 = "preflight1"
    DOWNLOADING = "downloading"
    CHECKING = "checking"
    WAITING = "waiting"
    PREFLIGHT2 = "preflight2"
    BACKING_UP = "backing_up"
    INSTALLING = "installing"
    REHEARSING = "rehearsing"
    REFRESHING = "refreshing"
    QUIESCING = "quiescing"
    MIGRATING = "migrating"
    SWITCHING = "switching"
    PROVING = "proving"
    COMMITTED = "committed"
    SELLING = "selling"
    ROLLING_BACK = "rolling_back"
    FAILED = "failed"
    REPORTED = "reported"


class Outcome(StrEnum):
    """How a reported journey ended. *failed*: nothing was switched. *rolled_back*: it was, and the old one is back."""

    COMMITTED = "committed"
    ROLLED_BACK = "rolled_back"
    FAILED = "failed"


class Step(NamedTuple):
    zh: str
    en: str


STEPS: Final[tuple[Step, ...]] = (
    Step("下载", "Download"),
    Step("核对签名", "Check signatures"),
    Step("等待结算", "Wait for settlement"),
    Step("备份数据", "Back up data"),
    Step("安装到备用槽位", "Install to the spare slot"),
    Step("自检", "Self-test"),
    Step("启用新版本", "Switch to the new version"),
)
ROLLING_BACK_STEP: Final = Step("换回原版本", "Back to the previous version")
WAIT_STEP: Final = 3  # a screen may show the holding rule's own name here

STEP_OF: Final[dict[State, int]] = {
    State.OFFERED: 0,
    State.CONSENT: 0,
    State.PREFLIGHT1: 1,
    State.DOWNLOADING: 1,
    State.CHECKING: 2,
    State.WAITING: 3,
    State.PREFLIGHT2: 3,
    State.BACKING_UP: 4,
    State.INSTALLING: 5,
    State.REHEARSING: 6,
    State.REFRESHING: 6,
    State.QUIESCING: 7,
    State.MIGRATING: 7,
    State.SWITCHING: 7,
    State.PROVING: 7,
    State.COMMITTED: 7,
    State.SELLING: 7,
    State.ROLLING_BACK: 7,
    State.FAILED: 0,
    State.REPORTED: 0,
}

# From here until SELLING the till is stopped or not yet trusted with a sale; before it nothing the shop uses is touched.
WITHOUT_TILL: Final = frozenset(
    {State.QUIESCING, State.MIGRATING, State.SWITCHING, State.PROVING, State.COMMITTED, State.ROLLING_BACK}
)


def step_of(state: State) -> Step | None:
    """The step a shop sees for this state; None before anything began and after everything ended."""
    if state is State.ROLLING_BACK:
        return ROLLING_BACK_STEP
    number = STEP_OF[state]
    return STEPS[number - 1] if number else None


def execution_of(state: State, outcome: Outcome | None = None) -> tuple[Execution, Finished]:
    """What DDI calls this state: only a journey that has ended closes the action, both bad ends as failures."""
    if outcome is not None:
        return "closed", "success" if outcome is Outcome.COMMITTED else "failure"
    if state is State.DOWNLOADING:
        return "download", "none"
    if state is State.CHECKING:
        return "downloaded", "none"
    return "proceeding", "none"
