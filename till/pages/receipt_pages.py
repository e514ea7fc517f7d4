"""Receipts on the screen: the one just made, and the list of earlier ones."""

from till.journal import receipts
from till.money import yuan
from till.pages import layout
from till.pages.http import Response
from till.pages.icons import icon
from till.pages.markup import fill, join
from till.pages.pad import amount
from till.pages.paper import receipt_paper
from till.pages.visit import Visit

PER_PAGE = 30
HEAD = """<section class="done" data-state="good"><span class="glyph">{icon}</span><div><p class="lead">{title}</p>{figure}</div></section>{actions}{paper}"""
DOCK = """<div class="ends">{refund}<a class="button main" href="sale">{next}</a></div>"""
ROW = """<li><a class="row" href="receipt?number={number}"><span><b class="strong">{title}</b><span class="small block">{number}</span></span>
<span class="push figure">{total}</span>{icon}</a></li>"""


def show_one(visit: Visit) -> Response:
    """One receipt; for a sale the change comes first, since it is what the cashier does next."""
    say = visit.say
    with visit.counter.journal.reading() as db:
        receipt = receipts.load(db, visit.request.query.get("number") or visit.form.get("number", ""))
        paper = receipt_paper(db, say, receipt, visit.features)
    if receipt.kind == "refund":
        title, figure = say("Refunded, give the customer"), receipt.total_fen
    elif receipt.change_fen:
        title, figure = say("Recorded, change"), receipt.change_fen
    else:
        title, figure = say("Recorded, paid exactly"), receipt.total_fen
    refund = '<a class="button second" href="refund?number={number}">{text}</a>'
    actions = join(feature.receipt_action(visit, receipt) for feature in visit.features)
    figure_shown = amount(figure, kind="big")
    content = fill(HEAD, icon=icon("good"), title=title, figure=figure_shown, actions=actions, paper=paper)
    dock = fill(
        DOCK,
        refund=fill(refund, number=receipt.number, text=say("Refund")) if receipt.refundable_fen else None,
        next=say("Next sale"),
    )
    return layout.show(visit, say("Receipt"), content, dock, back="receipts", layout="split")


def show_list(visit: Visit) -> Response:
    """The newest receipts, and older ones page by page."""
    say = visit.say
    before = visit.request.query.get("before", "")
    with visit.counter.journal.reading() as db:
        found = receipts.newest(db, PER_PAGE + 1, int(before) if before.isascii() and before.isdigit() else None)
    if not found:
        nothing = '<div class="empty">{icon}<p class="strong">{fact}</p><p class="small">{advice}</p></div>'
        content = fill(
            nothing, icon=icon("receipt"), fact=say("No receipts yet"), advice=say("Each sale and refund gets one.")
        )
        return layout.show(visit, say("Receipts"), content, back="sale")
    rows = join(
        fill(
            ROW,
            number=one.number,
            title=f"{say.day(one.at)} {say.clock(one.at)} {say('Refund') if one.kind == 'refund' else say('Sale')}",
            total=yuan(-one.total_fen if one.kind == "refund" else one.total_fen),
            icon=icon("next"),
        )
        for one in found[:PER_PAGE]
    )
    older = '<p class="empty"><a class="button second" href="receipts?before={before}">{text}</a></p>'
    more = fill(older, before=found[PER_PAGE - 1].entry_id, text=say("Older")) if len(found) > PER_PAGE else None
    return layout.show(
        visit, say("Receipts"), fill('<ul class="rows card">{rows}</ul>{more}', rows=rows, more=more), back="sale"
    )
