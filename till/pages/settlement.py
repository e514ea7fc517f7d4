"""结算 and totals: what is in the open batch, closing it, and what today came to."""

from till.clock import business_day
from till.errors import Refused
from till.journal import batches, sales, totals
from till.money import yuan
from till.pages import closing, layout
from till.pages.http import Response, go_to
from till.pages.icons import icon
from till.pages.markup import Markup, fill, join
from till.pages.pad import amount
from till.pages.visit import Visit
from till.texts import Say

ROW = "<div><dt>{label}</dt><dd>{value}</dd></div>"
SHEET = '<section class="ask"><p class="lead">{lead}</p>{figure}<p class="small">{hint}</p></section><dl class="paper card">{rows}</dl>'
NOTHING = '<div class="empty" data-state="good"><span class="glyph">{icon}</span><p class="strong">{fact}</p><p class="small">{advice}</p></div>{evening}{last}'
SETTLE = """<form method="post" action="settle">{token}<button class="button main wide" name="go" value="1">{text}</button></form>"""
SELL = '<a class="button main wide" href="sale">{text}</a>'


def show(visit: Visit) -> Response:
    """The open batch, or that there is nothing to settle."""
    say = visit.say
    with visit.counter.journal.reading() as db:
        batch = sales.open_batch(db)
        open_totals = totals.of_batch(db, batch)
        last = batches.last_settled(db)
    if open_totals.count == 0:
        content = fill(
            NOTHING,
            icon=icon("good"),
            fact=say("Nothing to settle"),
            advice=say("The last batch is closed; the next begins with the next sale."),
            evening=closing.link(visit),
            last=_rows(say, last.totals, say("Batch {number}", number=last.id)) if last else None,
        )
        return layout.show(visit, say("Settle"), content, fill(SELL, text=say("Back to selling")), back="sale")
    content = fill(
        SHEET,
        lead=say("In the drawer from batch {number}", number=batch),
        figure=amount(open_totals.net_fen, kind="big"),
        hint=say("Count the drawer, then settle. The batch cannot be changed afterwards."),
        rows=_lines(say, open_totals),
    )
    dock = fill(SETTLE, token=layout.token(visit), text=say("Settle now, {n} recorded", n=open_totals.count))
    return layout.show(visit, say("Settle"), content, dock, back="sale", layout="split")


def act(visit: Visit) -> Response:
    """Closes the open batch."""
    if not visit.going_on:
        raise Refused("PAGE_UNKNOWN")
    visit.counter.settle(visit.operator.number)
    return go_to("settle")


def show_totals(visit: Visit) -> Response:
    """Today, settled or not."""
    say, now = visit.say, visit.counter.clock.now()
    day = business_day(now)
    with visit.counter.journal.reading() as db:
        today = totals.of_day(db, day)
        more = [line for feature in visit.features for line in feature.day_lines(db, say, day)]
    content = fill(
        SHEET,
        lead=say("{day}, sales less refunds", day=say.day(now)),
        figure=amount(today.net_fen, kind="big"),
        hint=say("{n} recorded by {time}", n=today.count, time=say.clock(now)),
        rows=join([_lines(say, today), *(fill(ROW, label=line.label, value=yuan(line.fen)) for line in more)]),
    )
    return layout.show(
        visit, say("Today"), content, fill(SELL, text=say("Back to selling")), back="sale", layout="split"
    )


def _lines(say: Say, found: totals.Totals) -> Markup:
    return join(
        fill(ROW, label=label, value=value)
        for label, value in (
            (say("Sales"), str(found.sale_count)),
            (say("Sold"), yuan(found.sale_fen)),
            (say("Refunds"), str(found.refund_count)),
            (say("Given back"), yuan(found.refund_fen)),
        )
    )


def _rows(say: Say, found: totals.Totals, title: str) -> Markup:
    head = fill(ROW, label=title, value=yuan(found.net_fen))
    return fill('<dl class="paper card">{head}{rows}</dl>', head=head, rows=_lines(say, found))
