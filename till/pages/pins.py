"""Setting PINs: at the first start for admin, supervisor and the first cashier; later by a supervisor for others.
Each is typed twice.
"""

from till.errors import Refused
from till.journal import operators
from till.pages import layout
from till.pages.http import Response, go_to
from till.pages.icons import icon
from till.pages.markup import fill, join
from till.pages.pad import MOST_PIN_DIGITS, pin_dots, pin_pad, pressed
from till.pages.signing import ROLES, main_button
from till.pages.visit import Visit

FIRST = (operators.FIRST_CASHIER, operators.SUPERVISOR, operators.ADMIN)
ROW = """<li class="row"><span class="number">{number}</span><span class="strong">{role}</span><span class="push"></span>
{remove}<a class="button second" href="new-pin?number={number}">{set_pin}</a></li>"""
REMOVE = """<form method="post" action="operators">{token}<input type="hidden" name="number" value="{number}">
<button class="button quiet" name="go" value="remove">{remove}</button></form>"""
ADD = """<form method="post" action="operators">{token}<button class="button main wide" name="go" value="add">{icon}{add}</button></form>"""


def show_setup(visit: Visit) -> Response:
    """The next PIN that is missing."""
    number = _missing(visit)
    progress = visit.say("{n} of {of}", n=FIRST.index(number) + 1, of=len(FIRST))
    return _pin_page(visit, "setup", visit.say("Set up the till"), number, progress)


def act_setup(visit: Visit) -> Response:
    """Sets it, then goes on with the next."""
    _type_new_pin(visit, _missing(visit))
    return go_to("setup")


def show_operators(visit: Visit) -> Response:
    """Everybody who may sign in."""
    say = visit.say
    with visit.counter.journal.reading() as db:
        known = operators.everyone(db)
    rows = join(
        fill(
            ROW,
            number=one.number,
            role=say(ROLES[one.role]),
            set_pin=say("Set PIN"),
            remove=fill(REMOVE, token=layout.token(visit), number=one.number, remove=say("Remove"))
            if one.role == "cashier"
            else None,
        )
        for one in known
        if _may_set(visit, one.number)
    )
    dock = fill(ADD, token=layout.token(visit), icon=icon("person"), add=say("Add a cashier"))
    return layout.show(visit, say("Operators"), fill('<ul class="rows card">{rows}</ul>', rows=rows), dock, back="menu")


def act_operators(visit: Visit) -> Response:
    """Adds or removes a cashier."""
    if visit.form.get("go") == "remove":
        with visit.counter.journal.writing() as db:
            operators.dismiss(db, visit.form.get("number", ""))
        return go_to("operators")
    with visit.counter.journal.reading() as db:
        number = operators.next_cashier(db)
    return go_to(f"new-pin?number={number}")


def show_new_pin(visit: Visit) -> Response:
    """The pad for somebody's new PIN."""
    return _pin_page(visit, "new-pin", visit.say("Set PIN"), _asked_for(visit), "")


def act_new_pin(visit: Visit) -> Response:
    """Sets it after it was typed twice."""
    number = _asked_for(visit)
    done = _type_new_pin(visit, number)
    return go_to("operators" if done else f"new-pin?number={number}")


def _pin_page(visit: Visit, action: str, title: str, number: str, progress: str) -> Response:
    say, session = visit.say, visit.session
    again = session.pin_of == number and session.first_pin is not None
    content = fill(
        '<section class="ask"><p class="fine">{progress}</p><p class="lead">{number} {role}</p><p class="strong">{what}</p>{dots}'
        '<p class="small">{rule}</p></section>{pad}',
        progress=progress,
        number=number,
        role=say(ROLES[operators.role_of(number)]),
        what=say("The same PIN again") if again else say("New PIN"),
        dots=pin_dots(visit, session.pin if session.pin_of == number else ""),
        rule=say("6 to 12 digits; no rows, repeats or pairs"),
        pad=pin_pad(
            visit,
            action,
            "typed",
            fill('<input type="hidden" name="number" value="{number}">', number=number),
        ),
    )
    button = main_button(say("Set this PIN") if again else say("Next"))
    return layout.show(visit, title, content, button, back=None if action == "setup" else "operators", layout="split")


def _type_new_pin(visit: Visit, number: str) -> bool:
    """One post of the pad; True once the PIN is set.

    Raises:
        Refused: PIN_TOO_SHORT, PIN_TRIVIAL, PIN_DIFFERENT.
    """
    session = visit.session
    if session.pin_of != number:
        session.forget_pin()
        session.pin_of = number
    session.pin = pressed(session.pin, visit.form, "typed", MOST_PIN_DIGITS)
    if not visit.going_on:
        return False
    typed, session.pin = session.pin, ""
    if session.first_pin is None:
        operators.check_new_pin(typed)
        session.first_pin = typed
        return False
    first, session.first_pin = session.first_pin, None
    if typed != first:
        raise Refused("PIN_DIFFERENT")
    with visit.counter.journal.writing() as db:
        operators.set_pin(db, number, typed)
    session.forget_pin()
    return True


def _missing(visit: Visit) -> str:
    with visit.counter.journal.reading() as db:
        there = {operator.number for operator in operators.everyone(db)}
    return next(number for number in FIRST if number not in there)


def _asked_for(visit: Visit) -> str:
    number = visit.form.get("number") or visit.request.query.get("number", "")
    if not (number.isascii() and number.isdigit() and len(number) == 2):  # noqa: PLR2004 (operators' numbers have two digits)
        raise Refused("OPERATOR_UNKNOWN")
    if not _may_set(visit, number):
        raise Refused("NOT_ALLOWED")
    return number


def _may_set(visit: Visit, number: str) -> bool:
    """The admin sets everybody's PIN, the supervisor all but the admin's."""
    return visit.operator.role == "admin" or number != operators.ADMIN
