"""收款: the amount, then the cash, then the receipt. From the first key the sale is in progress; nothing typed is lost
by a refusal.
"""

from till.errors import Refused
from till.journal.sales import SaleOrder, recorded_form
from till.money import yuan
from till.pages import layout
from till.pages.http import Response, go_to
from till.pages.markup import fill, join
from till.pages.pad import amount, amount_pad, typed_amount
from till.pages.sessions import SaleDraft
from till.pages.signing import main_button
from till.pages.visit import Visit

BANKNOTES_FEN = (5_00, 10_00, 50_00, 100_00)
MOST_QUICK = 3
DUE = """<section class="ask"><p class="lead">{due}</p>{total}{link}
<dl class="figures"><div><dt>{given}</dt><dd>{given_fen}</dd></div><div><dt>{change_label}</dt><dd data-shows="change" data-due="{due_fen}">{change}</dd></div></dl>
<div class="quick">{quick}</div></section>{pad}"""
QUICK = '<button class="button second" form="pad" name="quick" value="{fen}">{text}</button>'
HIDDEN = '<input type="hidden" name="form_key" value="{key}"><input type="hidden" name="due" value="{due}">'


def show(visit: Visit) -> Response:
    """The keypad."""
    say, draft = visit.say, visit.session.sale
    content = fill(
        '<section class="ask"><p class="lead">{label}</p>{amount}<p class="small" data-shows="hint">{hint}</p></section>{pad}',
        label=say("Amount"),
        amount=amount(draft.gross_fen, live=True, kind="big"),
        hint=say("From the right: 1 2 5 0 is ¥12.50"),
        pad=amount_pad(visit, "sale", draft.typed),
    )
    who = fill('<span class="small">{operator}</span>', operator=say("Operator {number}", number=visit.operator.number))
    return layout.show(visit, say("Sale"), content, main_button(say("Take cash")), layout="split", extra=who)


def act(visit: Visit) -> Response:
    """Keys of the amount; the main button goes on to the cash."""
    session = visit.session
    typed = typed_amount(session.sale.typed, visit.form)
    if typed != session.sale.typed:
        session.sale.typed, session.sale.given, session.sale.adjustment = typed, "", None
    if not typed:
        visit.counter.end(session.sale_holder)
    else:
        visit.counter.begin(session.sale_holder)
    if not visit.going_on:
        return go_to("sale")
    if not typed:
        raise Refused("AMOUNT_ZERO")
    return go_to("tender")


def show_tender(visit: Visit) -> Response:
    """What is due, what was given, what goes back."""
    say, draft = visit.say, visit.session.sale
    if not draft.typed:
        return go_to("sale")
    due = draft.total_fen
    content = fill(
        DUE,
        due=say("To pay"),
        total=amount(due, kind="big"),
        link=join(feature.tender_link(visit) for feature in visit.features),
        given=say("Cash given"),
        given_fen=amount(draft.given_fen, live=True),
        change_label=say("Change"),
        due_fen=due,
        change=yuan(max(draft.given_fen - due, 0)),
        quick=join(fill(QUICK, fen=fen, text=yuan(fen)) for fen in quick_amounts(due)),
        pad=amount_pad(visit, "tender", draft.given, fill(HIDDEN, key=draft.form_key, due=due)),
    )
    return layout.show(visit, say("Cash"), content, main_button(say("Record the sale")), back="sale", layout="split")


def act_tender(visit: Visit) -> Response:
    """Keys of the cash; the main button records the sale and shows its receipt."""
    session, draft = visit.session, visit.session.sale
    replayed = visit.form.get("form_key", draft.form_key) != draft.form_key
    if replayed and (number := _receipt_of(visit, visit.form["form_key"])) is not None:
        return go_to(f"receipt?number={number}")
    if replayed or not draft.typed or visit.form.get("due", str(draft.total_fen)) != str(draft.total_fen):
        raise Refused("AMOUNT_CHANGED")
    visit.counter.begin(session.sale_holder)
    draft.given = typed_amount(visit.form.get("quick", draft.given), visit.form)
    if not visit.going_on:
        return go_to("tender")
    order = SaleOrder(draft.form_key, visit.operator.number, draft.gross_fen, draft.given_fen, draft.adjustment)
    number = visit.counter.sell(session.sale_holder, order)
    session.sale = SaleDraft()
    return go_to(f"receipt?number={number}")


def quick_amounts(due_fen: int) -> list[int]:
    """What customers put down most likely: the next round sums above what is due."""
    sums = {-(-due_fen // note) * note for note in BANKNOTES_FEN}
    return sorted(sums - {due_fen})[:MOST_QUICK]


def _receipt_of(visit: Visit, form_key: str) -> str | None:
    """A form posted twice gets the receipt it got the first time."""
    with visit.counter.journal.reading() as db:
        recorded = recorded_form(db, form_key)
    return recorded.number if recorded else None
