"""Refunding a sale in cash: the amount, then the supervisor's PIN. Never more than what is left of that sale."""

from till.errors import Refused
from till.journal import operators, receipts
from till.journal.sales import RefundOrder, recorded_form
from till.money import typed_fen, written
from till.pages import layout
from till.pages.http import Response, go_to
from till.pages.markup import fill
from till.pages.pad import MOST_PIN_DIGITS, amount, amount_pad, pin_dots, pin_pad, pressed, typed_amount
from till.pages.sessions import RefundDraft
from till.pages.signing import main_button, verified
from till.pages.visit import Visit

HIDDEN = '<input type="hidden" name="number" value="{number}"><input type="hidden" name="form_key" value="{key}">'
ASK = '<section class="ask"><p class="lead">{label}</p>{figure}<p class="small">{hint}</p></section>{pad}'


def show(visit: Visit) -> Response:
    """The amount pad, or the supervisor's PIN pad."""
    say = visit.say
    receipt = _receipt(visit)
    draft = _draft(visit, receipt.number)
    hidden = fill(HIDDEN, number=receipt.number, key=draft.form_key)
    back = f"receipt?number={receipt.number}"
    if draft.approving:
        amount_fen = typed_fen(draft.typed) or receipt.refundable_fen
        content = fill(
            ASK,
            label=say("Supervisor's PIN"),
            figure=pin_dots(visit, visit.session.pin),
            hint=say("Refund ¥{amount} of receipt {number}", amount=written(amount_fen), number=receipt.number),
            pad=pin_pad(visit, "refund", "pin", hidden),
        )
        return layout.show(
            visit, say("Approve the refund"), content, main_button(say("Record the refund")), back=back, layout="split"
        )
    content = fill(
        ASK,
        label=say("Refund"),
        figure=amount(typed_fen(draft.typed) or receipt.refundable_fen, live=True, kind="big"),
        hint=say("Up to ¥{amount} of receipt {number}", amount=written(receipt.refundable_fen), number=receipt.number),
        pad=amount_pad(visit, "refund", draft.typed, hidden),
    )
    return layout.show(visit, say("Refund"), content, main_button(say("Go on")), back=back, layout="split")


def act(visit: Visit) -> Response:
    """A key, or one of the two main buttons."""
    session = visit.session
    if (number := _recorded(visit)) is not None:
        return go_to(f"receipt?number={number}")
    receipt = _receipt(visit)
    draft = _draft(visit, receipt.number)
    visit.counter.begin(session.refund_holder)
    if draft.approving:
        session.pin = pressed(session.pin, visit.form, "pin", MOST_PIN_DIGITS)
    else:
        draft.typed = typed_amount(draft.typed, visit.form)
    if not visit.going_on:
        return go_to(f"refund?number={receipt.number}")
    amount_fen = typed_fen(draft.typed) or receipt.refundable_fen
    if amount_fen > receipt.refundable_fen:
        raise Refused("REFUND_TOO_LARGE")
    approver = _approver(visit, draft)
    if approver is None:
        draft.approving = True
        return go_to(f"refund?number={receipt.number}")
    order = RefundOrder(draft.form_key, visit.operator.number, approver, receipt.entry_id, amount_fen)
    number = visit.counter.refund(session.refund_holder, order)
    session.refund = None
    return go_to(f"receipt?number={number}")


def _receipt(visit: Visit) -> receipts.Receipt:
    number = visit.form.get("number") or visit.request.query.get("number", "")
    with visit.counter.journal.reading() as db:
        receipt = receipts.load(db, number)
    if receipt.refundable_fen <= 0:
        raise Refused("NOT_REFUNDABLE")
    return receipt


def _draft(visit: Visit, number: str) -> RefundDraft:
    """The refund being typed; a different receipt starts a new one."""
    session = visit.session
    if session.refund is None or session.refund.number != number:
        visit.counter.end(session.refund_holder)
        session.forget_pin()
        session.refund = RefundDraft(number)
    return session.refund


def _approver(visit: Visit, draft: RefundDraft) -> str | None:
    """Who approves: the supervisor signed in, or the one whose PIN was typed; None asks for it.

    Raises:
        Refused: PIN_WRONG, PIN_LOCKED.
    """
    if visit.operator.role == "supervisor":
        return visit.operator.number
    if "pin" in visit.form:
        visit.session.pin = pressed("", visit.form, "pin", MOST_PIN_DIGITS)
    elif not draft.approving:
        visit.session.forget_pin()
        return None
    return verified(visit, operators.SUPERVISOR).number


def _recorded(visit: Visit) -> str | None:
    """A form posted twice gets the receipt it got the first time."""
    with visit.counter.journal.reading() as db:
        recorded = recorded_form(db, visit.form.get("form_key", ""))
    return recorded.number if recorded else None
