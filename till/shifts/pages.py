"""The shift page: opening the drawer with a float, and counting it at the end."""

import sqlite3

from till.errors import Refused
from till.features import Line
from till.money import typed_fen, yuan
from till.pages import layout
from till.pages.http import Response, go_to
from till.pages.markup import Markup, fill, join
from till.pages.pad import amount, amount_pad, typed_amount
from till.pages.signing import main_button
from till.pages.visit import Visit
from till.shifts import drawer
from till.texts import Say

PAGE = "shift"
ROW = "<div><dt>{label}</dt><dd>{value}</dd></div>"
CONTENT = """<section class="ask"><p class="lead">{lead}</p>{typed}<p class="small">{hint}</p>{facts}</section>{pad}"""


def show(visit: Visit) -> Response:
    """The pad for the float, or for what was counted."""
    say, typed = visit.say, visit.session.half_typed.get(PAGE, "")
    with visit.counter.journal.reading() as db:
        shift, last = drawer.running(db), drawer.last_closed(db)
    if shift:
        lead, main = say("Counted in the drawer"), say("Close the shift")
        hint = say("Count the cash and type the sum.")
        facts = _running_facts(say, shift)
    else:
        lead, main = say("Float in the drawer"), say("Open the shift")
        hint = say("Type the change that is in the drawer; nothing typed is ¥0.00.")
        facts = _last_facts(say, last) if last else []
    content = fill(
        CONTENT,
        lead=lead,
        typed=amount(typed_fen(typed), live=True, kind="big"),
        hint=hint,
        facts=_sheet(facts) if facts else None,
        pad=amount_pad(visit, PAGE, typed),
    )
    return layout.show(visit, say("Shift and drawer"), content, main_button(main), back="menu", layout="split")


def act(visit: Visit) -> Response:
    """A key, or opening or closing the shift."""
    typed = typed_amount(visit.session.half_typed.get(PAGE, ""), visit.form)
    visit.session.half_typed[PAGE] = typed
    if not visit.going_on:
        return go_to(PAGE)
    now, operator = visit.counter.clock.now(), visit.operator.number
    with visit.counter.journal.writing() as db:
        if drawer.running(db) is None:
            drawer.begin(db, operator, typed_fen(typed), now)
        elif not typed:
            raise Refused("NOTHING_COUNTED")
        else:
            drawer.close(db, operator, typed_fen(typed), now)
    visit.session.half_typed.pop(PAGE)
    return go_to(PAGE)


def day_lines(db: sqlite3.Connection, say: Say, day: str) -> list[Line]:
    """What the drawer was off by on one day."""
    difference_fen = drawer.difference_on(db, day)
    return [] if difference_fen is None else [Line(say("Drawer difference"), difference_fen)]


def _running_facts(say: Say, shift: drawer.OpenShift) -> list[tuple[str, str]]:
    return [
        (
            say("Opened by {operator}", operator=shift.opened_by),
            f"{say.day(shift.opened_at)} {say.clock(shift.opened_at)}",
        ),
        (say("Float"), yuan(shift.float_fen)),
        (say("Should be in the drawer"), yuan(shift.expected_fen)),
    ]


def _last_facts(say: Say, last: drawer.ClosedShift) -> list[tuple[str, str]]:
    return [
        (
            say("Closed by {operator}", operator=last.closed_by),
            f"{say.day(last.closed_at)} {say.clock(last.closed_at)}",
        ),
        (say("Was counted"), yuan(last.counted_fen)),
        (say("Drawer difference"), yuan(last.difference_fen)),
    ]


def _sheet(facts: list[tuple[str, str]]) -> Markup:
    rows = join(fill(ROW, label=label, value=value) for label, value in facts)
    return fill('<dl class="paper card">{rows}</dl>', rows=rows)
