"""Signing in and out. The operator is chosen first, then the PIN; wrong tries are counted in the journal."""

from till.journal import operators
from till.pages import closing, layout, notice
from till.pages.http import Response, go_to
from till.pages.icons import icon
from till.pages.markup import Markup, fill, join
from till.pages.pad import MOST_PIN_DIGITS, pin_dots, pin_pad, pressed
from till.pages.visit import Visit

CHOICE = """<li><a class="row" href="sign-in?operator={number}"><span class="number">{number}</span>
<span class="strong">{role}</span><span class="push">{icon}</span></a></li>"""
HIDDEN = '<input type="hidden" name="operator" value="{number}">'
ROLES = {"admin": "System admin", "supervisor": "Supervisor", "cashier": "Cashier"}


def show(visit: Visit) -> Response:
    """The list of operators, or the PIN pad of the one chosen."""
    number = visit.form.get("operator") or visit.request.query.get("operator", "")
    with visit.counter.journal.reading() as db:
        chosen = {operator.number: operator for operator in operators.everyone(db)}
    if number not in chosen:
        rows = join(
            fill(CHOICE, number=known.number, role=visit.say(ROLES[known.role]), icon=icon("next"))
            for known in chosen.values()
        )
        evening = closing.link(visit) if visit.session.has_left else None
        news = notice.link(visit) if evening is None else None
        content = fill('{top}<ul class="rows card">{rows}</ul>', top=evening or news, rows=rows)
        page = layout.show(visit, visit.say("Who is at the till?"), content)
        return notice.told(page) if news else page
    if visit.session.pin_of != number:
        visit.session.pin, visit.session.pin_of = "", number
    content = fill(
        '<section class="ask"><p class="lead">{number} {role}</p><p class="strong">{pin}</p>{dots}</section>{pad}',
        number=number,
        role=visit.say(ROLES[chosen[number].role]),
        pin=visit.say("PIN"),
        dots=pin_dots(visit, visit.session.pin),
        pad=pin_pad(visit, "sign-in", "typed", fill(HIDDEN, number=number)),
    )
    return layout.show(
        visit, visit.say("Sign in"), content, main_button(visit.say("Sign in")), back="sign-in", layout="split"
    )


def act(visit: Visit) -> Response:
    """A key, or the PIN as a whole."""
    number = visit.form.get("operator", "")
    known = visit.session.pin if visit.session.pin_of == number else ""
    visit.session.pin, visit.session.pin_of = pressed(known, visit.form, "typed", MOST_PIN_DIGITS), number
    if not visit.going_on:
        return go_to(f"sign-in?operator={number}" if number.isalnum() else "sign-in")
    operator = verified(visit, number)
    visit.sessions.close(visit.session)
    visit.session = visit.sessions.open(operator)
    return go_to("sale")


def leave(visit: Visit) -> Response:
    """Signs out; a sale that was being typed is given up."""
    visit.counter.end(visit.session.sale_holder)
    visit.counter.end(visit.session.refund_holder)
    visit.sessions.close(visit.session)
    visit.session = visit.sessions.open()
    visit.session.has_left = True
    return go_to("sign-in")


def verified(visit: Visit, number: str) -> operators.Operator:
    """The operator whose PIN was typed; what was typed is forgotten either way.

    Raises:
        Refused: OPERATOR_UNKNOWN, PIN_WRONG, PIN_LOCKED.
    """
    typed = visit.session.pin
    visit.session.forget_pin()
    journal, now = visit.counter.journal, visit.counter.clock.now()
    with journal.reading() as db:
        check = operators.pin_check(db, number, now)
    if check.fits(typed):
        with journal.writing() as db:
            operators.note_right_pin(db, number)
        return check.operator
    with journal.writing() as db:
        wrong = operators.note_wrong_pin(db, number, now)
    raise wrong


def main_button(text: str) -> Markup:
    """The one next step of a page with a keypad."""
    return fill('<button class="button main wide" form="pad" name="go" value="1">{text}</button>', text=text)
