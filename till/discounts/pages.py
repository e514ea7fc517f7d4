"""The discount page between amount and cash, and the lines a discount adds to receipts and totals."""

import sqlite3

from till.discounts.rules import Discount, amount_off, paying_percent
from till.errors import Refused
from till.features import Line
from till.money import typed_fen, written
from till.pages import layout
from till.pages.http import Response, go_to
from till.pages.icons import icon
from till.pages.markup import Markup, fill, join
from till.pages.pad import amount, amount_pad, typed_amount
from till.pages.signing import main_button
from till.pages.visit import Visit
from till.texts import Say

PERCENTS = (95, 90, 85, 80, 75, 50)
LINK = '<p><a class="button second" href="discount">{icon}{text}</a></p>'
CONTENT = """<section class="ask"><p class="lead">{lead}</p><div class="choices">{percents}</div><p class="strong">{or_off}</p>{off}</section>{pad}"""
PERCENT = '<button class="button second" form="pad" name="percent" value="{percent}">{text}</button>'


def show(visit: Visit) -> Response:
    """Usual percentages, and a pad for an amount off."""
    say, draft = visit.say, visit.session.sale
    if not draft.typed:
        return go_to("sale")
    content = fill(
        CONTENT,
        lead=say("Price ¥{amount}", amount=written(draft.gross_fen)),
        percents=join(fill(PERCENT, percent=percent, text=percent_text(say, percent)) for percent in PERCENTS),
        or_off=say("Or an amount off"),
        off=amount(typed_fen(_typed(draft.adjustment)), live=True, kind="big"),
        pad=amount_pad(visit, "discount", _typed(draft.adjustment)),
    )
    return layout.show(visit, say("Discount"), content, main_button(say("Take it off")), back="tender", layout="split")


def act(visit: Visit) -> Response:
    """A key of the amount off, a percentage, or the main button; nothing off takes the discount away."""
    draft, form = visit.session.sale, visit.form
    if not draft.typed:
        raise Refused("AMOUNT_ZERO")
    visit.counter.begin(visit.session.sale_holder)
    draft.given = ""
    if percent := form.get("percent", ""):
        draft.adjustment = paying_percent(
            draft.gross_fen, int(percent) if percent.isascii() and percent.isdigit() else 0
        )
        return go_to("tender")
    typed = typed_amount(_typed(draft.adjustment), {"typed": form["off_fen"]} if "off_fen" in form else form)
    draft.adjustment = amount_off(draft.gross_fen, typed_fen(typed)) if typed else None
    return go_to("tender" if visit.going_on else "discount")


def tender_link(visit: Visit) -> Markup:
    """The way from the cash page to a discount; says what is taken off already."""
    say, adjustment = visit.say, visit.session.sale.adjustment
    text = say("Discount ¥{amount}, change", amount=written(adjustment.off_fen)) if adjustment else say("Discount")
    return fill(LINK, icon=icon("cut"), text=text)


def receipt_lines(db: sqlite3.Connection, say: Say, sale_id: int) -> list[Line]:
    """What was taken off, and at which percentage."""
    rows = db.execute("SELECT percent, off_fen FROM discounts WHERE sale_id = ?", (sale_id,))
    return [
        Line(say("Discount, {percent}", percent=percent_text(say, percent)) if percent else say("Discount"), -off_fen)
        for percent, off_fen in rows
    ]


def day_lines(db: sqlite3.Connection, say: Say, day: str) -> list[Line]:
    """What discounts cost on one day."""
    query = (
        "SELECT coalesce(sum(d.off_fen), 0) FROM discounts d JOIN sales s ON s.id = d.sale_id WHERE s.business_day = ?"
    )
    (off_fen,) = db.execute(query, (day,)).fetchone()
    return [Line(say("Discounts"), -off_fen)] if off_fen else []


def percent_text(say: Say, percent: int) -> str:
    """85 → "8.5折", in English "15 % off"."""
    if say.language == "en":
        return f"{100 - percent} % off"
    whole, rest = divmod(percent, 10)
    return f"{whole}.{rest}折" if rest else f"{whole}折"


def _typed(adjustment: object) -> str:
    """The amount off as it was typed; a percentage was not typed."""
    return str(adjustment.off_fen) if isinstance(adjustment, Discount) and adjustment.percent is None else ""
