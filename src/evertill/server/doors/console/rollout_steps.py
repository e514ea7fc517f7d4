"""What people can do to a rollout: from which states, in whose words, and what then happens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy

from evertill.server.rooms.rollouts.rules import PAUSES_FROM, RESUMES_FROM, STARTS_FROM, STOPS_FROM
from evertill.server.rooms.rollouts.service import groups

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from django.utils.functional import _StrPromise

    from evertill.server.rooms.accounts.access import Identity
    from evertill.server.rooms.rollouts.models import Rollout


@dataclass(frozen=True)
class Step:
    """One of the things that can be done to a rollout: from which states, in whose words, and what then happens."""

    run: Callable[[int, Identity, datetime], Rollout]
    states: frozenset[str]
    verb: _StrPromise
    done: _StrPromise
    happens: tuple[_StrPromise, ...]
    button: str = "main"


STEPS: Final[dict[str, Step]] = {
    "start": Step(
        groups.start,
        frozenset(STARTS_FROM),
        gettext_lazy("Start"),
        gettext_lazy("The rollout is started."),
        (
            gettext_lazy("The first group opens: each of its terminals gets an action."),
            gettext_lazy("Each installs when its own policy allows; the next group opens when enough are verified."),
        ),
    ),
    "pause": Step(
        groups.pause,
        frozenset(PAUSES_FROM),
        gettext_lazy("Pause"),
        gettext_lazy("The rollout is paused."),
        (
            gettext_lazy("Nothing new is handed out; no group opens."),
            gettext_lazy("What terminals have fetched already goes on."),
        ),
        "choice",
    ),
    "resume": Step(
        groups.resume,
        frozenset(RESUMES_FROM),
        gettext_lazy("Resume"),
        gettext_lazy("The rollout goes on."),
        (
            gettext_lazy("It goes on where it stood."),
            gettext_lazy("After a halt: the errors so far are known, and halt it no more."),
        ),
    ),
    "stop": Step(
        groups.stop,
        frozenset(STOPS_FROM),
        gettext_lazy("Stop"),
        gettext_lazy("The rollout is stopped."),
        (
            gettext_lazy("It ends for good: no group opens any more."),
            gettext_lazy("Open actions are cancelled; a terminal that is installing may go on to the end."),
            gettext_lazy("Terminals that are verified keep the new version."),
        ),
        "choice",
    ),
}


def steps_from(state: str) -> dict[str, Step]:
    """Those that can be taken now, by name."""
    return {name: step for name, step in STEPS.items() if state in step.states}
