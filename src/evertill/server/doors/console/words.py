"""The console's own words: the chip of a terminal, an action, a release, a rollout; the rules' names; how long ago.

Rules kept here: a state's glyph is the one of look.md, the word may be more exact; silence comes before everything, because then we do not know; only what the
terminal itself proved is shown as good. Why something is not happening is never said here: those sentences are the protocol's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from evertill.protocol import journey
from evertill.server.doors.console import advice
from evertill.server.doors.console.door import language
from evertill.server.rooms.catalog.rules import State as ReleaseState
from evertill.server.rooms.fleet.rules import State as TerminalState
from evertill.server.rooms.rollouts import overview
from evertill.server.rooms.rollouts.rules import RolloutState, Update
from evertill.server.rooms.rollouts.searching import SILENT
from evertill.server.rooms.rollouts.states import CLOSED
from evertill.server.rooms.rollouts.states import State as ActionState

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from django.utils.functional import _StrPromise

    from evertill.server.rooms.fleet.models import Terminal
    from evertill.server.rooms.rollouts.models import Action
    from evertill.server.rooms.rollouts.overview import Glance

_MINUTE_S: Final = 60
_HOUR_S: Final = 60 * _MINUTE_S
_DAY_S: Final = 24 * _HOUR_S

LINES: Final[dict[str, tuple[str, _StrPromise]]] = {
    ActionState.SCHEDULED: ("", gettext_lazy("Scheduled behind an older action")),
    ActionState.RUNNING: ("", gettext_lazy("Under way")),
    ActionState.RETRIEVED: ("", gettext_lazy("Fetched by the terminal")),
    ActionState.DOWNLOAD: ("", gettext_lazy("Downloading")),
    ActionState.DOWNLOADED: ("", gettext_lazy("Downloaded")),
    ActionState.WAIT_FOR_CONFIRMATION: ("ask", gettext_lazy("Waits for consent")),
    ActionState.WARNING: ("wait", gettext_lazy("Warning")),
    ActionState.FINISHED: ("good", gettext_lazy("Installed")),
    ActionState.ERROR: ("need", gettext_lazy("Failed")),
    ActionState.CANCELING: ("wait", gettext_lazy("Being cancelled")),
    ActionState.CANCELED: ("off", gettext_lazy("Cancelled")),
    ActionState.CANCEL_REJECTED: ("wait", gettext_lazy("The terminal goes on with it")),
}
RELEASES: Final[dict[str, tuple[str, _StrPromise]]] = {
    ReleaseState.DRAFT: ("", gettext_lazy("Draft")),
    ReleaseState.AWAITING: ("wait", gettext_lazy("Waits for signatures")),
    ReleaseState.PUBLISHED: ("good", gettext_lazy("Published")),
    ReleaseState.WITHDRAWN: ("off", gettext_lazy("Withdrawn")),
    ReleaseState.REVOKED: ("need", gettext_lazy("Revoked")),
}
ROLLOUTS: Final[dict[str, tuple[str, _StrPromise]]] = {
    RolloutState.READY: ("", gettext_lazy("Not started")),
    RolloutState.RUNNING: ("move", gettext_lazy("Running")),
    RolloutState.PAUSED: ("wait", gettext_lazy("Paused")),
    RolloutState.HALTED: ("need", gettext_lazy("Halted")),
    RolloutState.STOPPED: ("off", gettext_lazy("Stopped")),
    RolloutState.FINISHED: ("good", gettext_lazy("Finished")),
}
SEVERITIES: Final[dict[str, _StrPromise]] = {
    "feature": gettext_lazy("feature"),
    "maintenance": gettext_lazy("maintenance"),
    "security": gettext_lazy("security"),
    "critical": gettext_lazy("critical"),
}
KINDS: Final[dict[str, _StrPromise]] = {
    "operator": gettext_lazy("Operator"),
    "agent": gettext_lazy("Agent"),
    "merchant": gettext_lazy("Merchant"),
    "store": gettext_lazy("Store"),
}
TERMINAL_STATES: Final[dict[str, _StrPromise]] = {
    TerminalState.ACTIVE: gettext_lazy("In service"),
    TerminalState.LOCKED: gettext_lazy("Locked"),
    TerminalState.RETIRED: gettext_lazy("Retired"),
}
CLIENTS: Final[dict[str, _StrPromise]] = {
    "evertill": gettext_lazy("Evertill"),
    "ddi": gettext_lazy("SWUpdate or RAUC (DDI)"),
}
# How a terminal stands with its updates, in the order in which somebody looks for it.
UPDATES: Final[dict[str, _StrPromise]] = {
    Update.NEED: gettext_lazy("Needs attention"),
    Update.ASK: gettext_lazy("Waits for a person"),
    Update.WAIT: gettext_lazy("Waiting"),
    Update.MOVE: gettext_lazy("Under way"),
    Update.GOOD: gettext_lazy("Verified"),
    Update.OFF: gettext_lazy("Off"),
    SILENT: gettext_lazy("Silent"),
    Update.IDLE: gettext_lazy("Nothing under way"),
}
# decide()'s rules, in its order.
RULES: Final[dict[str, _StrPromise]] = {
    "terminal_state": gettext_lazy("The terminal is in service"),
    "terminal_clock": gettext_lazy("Its clock is right"),
    "action_open": gettext_lazy("The action is not cancelled"),
    "release_state": gettext_lazy("The release is published"),
    "client": gettext_lazy("The files fit its updater"),
    "model": gettext_lazy("The release fits its model"),
    "requirements": gettext_lazy("What it requires is installed"),
    "stepping_stone": gettext_lazy("No version has to come first"),
    "rollout_turn": gettext_lazy("Its turn in the rollout"),
    "never": gettext_lazy("Automatic updates are not switched off"),
    "fork": gettext_lazy("The policy was not changed in two places"),
    "freeze": gettext_lazy("No freeze"),
    "pin": gettext_lazy("No other version is pinned"),
    "channel": gettext_lazy("The channel fits"),
    "consent": gettext_lazy("The merchant agreed, where that is asked"),
    "postponement": gettext_lazy("Not postponed"),
    "rate_limit": gettext_lazy("The last update is long enough ago"),
    "opening_hours": gettext_lazy("The shop is closed"),
    "window": gettext_lazy("Inside the update window"),
    "store_turn": gettext_lazy("Its turn in the store"),
}


@dataclass(frozen=True)
class Chip:
    """Glyph and word; an empty state has no glyph."""

    state: str
    word: str


def terminal_chip(terminal: Terminal, glance: Glance, seen: datetime | None, now: datetime) -> Chip:
    """The one chip of a terminal."""
    update, reason = overview.update_of(glance, terminal.state)
    if terminal.state == TerminalState.RETIRED:
        return Chip(update, advice.head(reason))
    silent = _silence(glance, seen, now)
    if silent:
        return Chip(SILENT, silent)
    word = advice.head(reason) if reason else _progress(glance, update)
    return Chip("" if update is Update.IDLE else update, word)


def _silence(glance: Glance, seen: datetime | None, now: datetime) -> str:
    """Empty while the terminal calls as often as it should."""
    if seen is None:
        return _("Never seen")
    is_silent = (now - seen).total_seconds() > glance.silent_after_s
    return _("Silent for %(time)s") % {"time": span(now - seen)} if is_silent else ""


def _progress(glance: Glance, update: Update) -> str:
    """Where nothing holds it back."""
    action = glance.action
    if action is not None and action.state not in CLOSED:
        return _step(action) or glance.explanation.head
    return _result(action, update) if action is not None else _("Nothing to install")


def _result(action: Action, update: Update) -> str:
    version = {"version": action.release.version}
    if action.state == ActionState.CANCELED:
        return _("%(version)s cancelled") % version
    if update is Update.NEED:
        return _("%(version)s failed") % version
    if update is Update.GOOD:
        return _("%(version)s verified") % version
    return _("%(version)s reported, not verified") % version


def _step(action: Action) -> str:
    """The step that our agent last named, as the shop sees it; else what DDI's words say."""
    if action.journey is not None and action.journey.get("state") in set(journey.State):
        step = journey.step_of(journey.State(action.journey["state"]))
        if step is not None:
            return step.en if language() == "en" else step.zh
    return str(LINES[action.state][1]) if action.retrieved_at else ""


def line_chip(state: str) -> Chip:
    glyph, word = LINES[state]
    return Chip(glyph, str(word))


def release_chip(state: str) -> Chip:
    glyph, word = RELEASES[state]
    return Chip(glyph, str(word))


def rollout_chip(state: str) -> Chip:
    glyph, word = ROLLOUTS[state]
    return Chip(glyph, str(word))


def span(length: timedelta) -> str:
    """In its largest whole unit: 40 seconds, 3 hours, 9 days."""
    seconds = int(length.total_seconds())
    if seconds >= _DAY_S:
        return _many(seconds // _DAY_S, ngettext("%(n)s day", "%(n)s days", seconds // _DAY_S))
    if seconds >= _HOUR_S:
        return _many(seconds // _HOUR_S, ngettext("%(n)s hour", "%(n)s hours", seconds // _HOUR_S))
    if seconds >= _MINUTE_S:
        return _many(seconds // _MINUTE_S, ngettext("%(n)s minute", "%(n)s minutes", seconds // _MINUTE_S))
    return _many(seconds, ngettext("%(n)s second", "%(n)s seconds", seconds))


def _many(count: int, said: str) -> str:
    return said % {"n": count}
