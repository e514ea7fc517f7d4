"""The machine on one screen: for each state its step, and where each way out of it leads.

ON_FAIL leads to *failed* before the flip (nothing was switched) and to *rolling back* after it; from the mark on there is no way back.
ON_HOLD is where a journey rests that may not go on now: before the slot is touched where it is, afterwards in *waiting*, selling.
ON_BOOT is where a killed journey goes on, if link and mark agree (`resume.py`): whatever was under way in the night may meet the morning, so
it asks *waiting* first, and a copy taken under a lock that died with us is taken again.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from evertill.protocol.journey import State
from evertill.protocol.release import ReleaseComponent
from evertill.terminal.agent.journey.backing_up import BackingUp, BackUp
from evertill.terminal.agent.journey.checking import Checking
from evertill.terminal.agent.journey.commands import TillCommands
from evertill.terminal.agent.journey.committing import Committing
from evertill.terminal.agent.journey.failing import Failing
from evertill.terminal.agent.journey.installing import Installing
from evertill.terminal.agent.journey.journal import Journey
from evertill.terminal.agent.journey.making_room import MakingRoom
from evertill.terminal.agent.journey.migrating import Migrating
from evertill.terminal.agent.journey.proving import Proving
from evertill.terminal.agent.journey.quiescing import Quiescing
from evertill.terminal.agent.journey.rehearsing import Rehearsing
from evertill.terminal.agent.journey.reporting import Reporting
from evertill.terminal.agent.journey.rolling_back import RollingBack
from evertill.terminal.agent.journey.selling import Selling
from evertill.terminal.agent.journey.standstill import Standstill
from evertill.terminal.agent.journey.step import Asking, Question, Step
from evertill.terminal.agent.journey.switching import Switching
from evertill.terminal.agent.journey.tills import Tills
from evertill.terminal.agent.journey.waiting import Waiting
from evertill.terminal.generations.folders import GenerationFolders


class Neighbours(NamedTuple):
    """What the rest of the agent does for a journey. Questions answer None when nothing holds it."""

    consent: Question  # has the person who must agree agreed?
    before_download: Question  # preflight 1: storage, network, budget
    download: Question  # is every part here, whole? It may work for a while and say "not yet, again now"
    trusted: Question  # do signatures, floor, identity and hashes of every part hold?
    permitted: Question  # policy and window, by the terminal's own and stricter judgement
    before_install: Question  # preflight 2: power, peripherals, storage, clock; then the shop's turn
    back_up: BackUp  # an encrypted backup of the running generation's data, verified; its name
    fresh: Question  # one poll and one metadata refresh just now, the turn still ours; raises ActionDropped when it was cancelled
    bundle: Callable[[ReleaseComponent], Path]  # the downloaded file of a part
    entered: Callable[[Journey], None]  # it moved, or what holds it changed
    ended: Callable[[Journey], None]  # it is over: told durably before this returns, once per journey id


class Parts(NamedTuple):
    """Everything the steps are made of."""

    ask: Neighbours
    generations: GenerationFolders
    agents: GenerationFolders  # the agent's own A/B folders
    commands: TillCommands
    tills: Tills
    standstill: Standstill


class Row(NamedTuple):
    step: Callable[[Parts], Step]
    on_ok: State
    on_fail: State
    on_hold: State
    on_boot: State


S = State
# fmt: off
TABLE: Final[dict[State, Row]] = {
    #                    step                                                                      ON_OK           ON_FAIL         ON_HOLD         ON_BOOT
    S.OFFERED:      Row(lambda p: MakingRoom(p.generations),                                       S.CONSENT,      S.FAILED,       S.OFFERED,      S.OFFERED),
    S.CONSENT:      Row(lambda p: Asking(p.ask.consent),                                           S.PREFLIGHT1,   S.FAILED,       S.CONSENT,      S.CONSENT),
    S.PREFLIGHT1:   Row(lambda p: Asking(p.ask.before_download),                                   S.DOWNLOADING,  S.FAILED,       S.PREFLIGHT1,   S.PREFLIGHT1),
    S.DOWNLOADING:  Row(lambda p: Asking(p.ask.download),                                          S.CHECKING,     S.FAILED,       S.DOWNLOADING,  S.PREFLIGHT1),
    S.CHECKING:     Row(lambda p: Checking(p.generations, p.ask.trusted, p.ask.bundle),            S.WAITING,      S.FAILED,       S.CHECKING,     S.DOWNLOADING),
    S.WAITING:      Row(lambda p: Waiting(p.ask.permitted, p.tills.till),                          S.PREFLIGHT2,   S.FAILED,       S.WAITING,      S.WAITING),
    S.PREFLIGHT2:   Row(lambda p: Asking(p.ask.before_install),                                    S.BACKING_UP,   S.FAILED,       S.WAITING,      S.WAITING),
    S.BACKING_UP:   Row(lambda p: BackingUp(p.ask.back_up),                                        S.INSTALLING,   S.FAILED,       S.WAITING,      S.WAITING),
    S.INSTALLING:   Row(lambda p: Installing(p.generations, p.agents, p.ask.bundle),               S.REHEARSING,   S.FAILED,       S.WAITING,      S.WAITING),
    S.REHEARSING:   Row(lambda p: Rehearsing(p.generations, p.commands),                           S.REFRESHING,   S.FAILED,       S.WAITING,      S.WAITING),
    S.REFRESHING:   Row(lambda p: Asking(p.ask.fresh),                                             S.QUIESCING,    S.FAILED,       S.WAITING,      S.WAITING),
    S.QUIESCING:    Row(lambda p: Quiescing(p.generations, p.tills, p.standstill),                 S.MIGRATING,    S.FAILED,       S.WAITING,      S.WAITING),
    S.MIGRATING:    Row(lambda p: Migrating(p.generations, p.commands, p.standstill),              S.SWITCHING,    S.FAILED,       S.WAITING,      S.REFRESHING),
    S.SWITCHING:    Row(lambda p: Switching(p.generations, p.standstill),                          S.PROVING,      S.FAILED,       S.WAITING,      S.REFRESHING),
    # ---- flipped ---------------------------------------------------------------------------------------------------------------------------------------
    S.PROVING:      Row(lambda p: Proving(p.generations, p.commands, p.tills, p.standstill),       S.COMMITTED,    S.ROLLING_BACK, S.ROLLING_BACK, S.PROVING),
    S.COMMITTED:    Row(lambda p: Committing(p.generations, p.tills.supervisor),                   S.SELLING,      S.ROLLING_BACK, S.ROLLING_BACK, S.COMMITTED),
    # ---- marked: no way back ---------------------------------------------------------------------------------------------------------------------------
    S.SELLING:      Row(lambda p: Selling(p.generations, p.agents, p.tills, p.standstill),         S.REPORTED,     S.SELLING,      S.SELLING,      S.SELLING),
    S.ROLLING_BACK: Row(lambda p: RollingBack(p.generations, p.agents, p.tills, p.standstill),     S.REPORTED,     S.ROLLING_BACK, S.ROLLING_BACK, S.ROLLING_BACK),
    S.FAILED:       Row(lambda p: Failing(p.generations, p.agents),                                S.REPORTED,     S.FAILED,       S.FAILED,       S.FAILED),
    S.REPORTED:     Row(lambda p: Reporting(p.ask.ended),                                          S.REPORTED,     S.REPORTED,     S.REPORTED,     S.REPORTED),
}
# fmt: on

# Working: a restart in the middle of these counts against the journey, because the work may be what crashed the terminal.
WORKING: Final = frozenset(
    {S.PREFLIGHT2, S.BACKING_UP, S.INSTALLING, S.REHEARSING, S.REFRESHING, S.QUIESCING, S.MIGRATING, S.SWITCHING, S.PROVING}
)  # fmt: skip
# The shop sells in these whatever happened before: everything held is given back on the way in.
OPEN_SHOP: Final = frozenset({S.WAITING, S.FAILED, S.REPORTED})
# The server may still take the action back here.
DROPPABLE: Final = frozenset(
    {S.OFFERED, S.CONSENT, S.PREFLIGHT1, S.DOWNLOADING, S.CHECKING, S.WAITING, S.PREFLIGHT2, S.BACKING_UP, S.INSTALLING, S.REHEARSING, S.REFRESHING}
)  # fmt: skip
BEFORE_FLIP: Final = DROPPABLE | {S.QUIESCING, S.MIGRATING, S.SWITCHING}
FLIPPED: Final = frozenset({S.PROVING, S.COMMITTED, S.SELLING})
