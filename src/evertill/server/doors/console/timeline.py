"""The story of a terminal: its actions' histories as one line of events, newest first, by day in the terminal's zone.

Rules kept here: a glyph stands only where a state changed; what repeats itself folds into one line with its count; a device's own texts are shown verbatim.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from evertill.protocol import phrases
from evertill.server.doors.console import words
from evertill.server.doors.console.door import language
from evertill.server.rooms.rollouts.states import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, datetime
    from zoneinfo import ZoneInfo

    from evertill.server.rooms.rollouts.models import Action, ActionStatus


@dataclass(frozen=True)
class Event:
    """`glyph` names the drawing, `state` its colour; both empty where nothing changed its state. `times`: so often in a row."""

    at: datetime
    title: str
    texts: tuple[str, ...] = ()
    state: str = ""
    glyph: str = ""
    times: int = 1
    proof: bool = False
    action: Action | None = None


@dataclass(frozen=True)
class Day:
    says: str
    events: Sequence[Event]


def days(
    actions: Iterable[Action], lines: Mapping[int, Sequence[ActionStatus]], zone: ZoneInfo, now: datetime
) -> list[Day]:
    events = [event for action in actions for event in _events(action, lines.get(action.pk, ()))]
    # What came of it stands above the report that it came from, and the assignment below everything of its moment.
    ordered = sorted(events, key=lambda event: (event.at, event.action is None, event.proof), reverse=True)

    def local(event: Event) -> date:
        return event.at.astimezone(zone).date()

    return [
        Day(phrases.day(day, language(), zone, now), _folded(list(there))) for day, there in groupby(ordered, key=local)
    ]


def _events(action: Action, lines: Sequence[ActionStatus]) -> list[Event]:
    version = {"version": action.release.version}
    events = [_line(action, line) for line in lines]
    if action.verified_at is not None:
        events.append(
            Event(action.verified_at, _("%(version)s verified") % version, state="good", glyph="good", proof=True)
        )
    if action.timed_out_at is not None:
        events.append(
            Event(action.timed_out_at, _("%(version)s timed out") % version, state="need", glyph="need", proof=True)
        )
    made = _("Action %(id)s: %(version)s") % {"id": action.pk, **version}
    events.append(Event(action.assigned_at, made, (action.assigned_by,), action=action))
    return events


def _line(action: Action, line: ActionStatus) -> Event:
    texts = tuple(str(text) for text in line.messages)
    if line.type == State.ERROR and action.rolled_back:
        title = _("%(version)s rolled back") % {"version": action.release.version}
        return Event(line.at, title, texts, "need", "undo")
    chip = words.line_chip(line.type)
    return Event(line.at, chip.word, texts, chip.state, chip.state)


def _folded(events: Sequence[Event]) -> list[Event]:
    folded: list[Event] = []
    for event in events:
        last = folded[-1] if folded else None
        if last is not None and event.action is None and (last.title, last.texts) == (event.title, event.texts):
            folded[-1] = replace(last, times=last.times + 1)
        else:
            folded.append(event)
    return folded
