"""The menu: everything that is not the next sale."""

from typing import TYPE_CHECKING

from till.pages import layout
from till.pages.http import Response, go_to
from till.pages.icons import icon
from till.pages.markup import fill, join
from till.pages.visit import Visit

if TYPE_CHECKING:
    from till.features import Entry

ROW = '<li><a class="row" href="{href}"><span class="glyph">{icon}</span><span class="strong">{text}</span><span class="push">{next}</span></a></li>'
LEAVE = """<form method="post" action="sign-out">{token}<button class="button second wide">{text}</button></form>"""


def show(visit: Visit) -> Response:
    """Where one can go."""
    say = visit.say
    entries = [
        ("receipts", "receipt", say("Receipts and refunds")),
        ("totals", "chart", say("Today")),
        ("settle", "check", say("Settle")),
        *((entry.page, entry.icon, entry.text(say)) for entry in _more(visit)),
        *([("operators", "person", say("Operators"))] if visit.operator.role != "cashier" else []),
        ("../", "terminal", say("Terminal and updates")),
    ]
    rows = join(fill(ROW, href=href, icon=icon(name), text=text, next=icon("next")) for href, name, text in entries)
    content = fill(
        '<ul class="rows card">{rows}</ul><p class="fine">{version}</p>',
        rows=rows,
        version=say("Till {version}", version=visit.version),
    )
    dock = fill(LEAVE, token=layout.token(visit), text=say("Sign out, operator {number}", number=visit.operator.number))
    return layout.show(visit, say("Menu"), content, dock, back="sale")


def _more(visit: Visit) -> list["Entry"]:
    """What features add for this operator."""
    entries = (entry for feature in visit.features for entry in feature.menu)
    return [entry for entry in entries if visit.operator.role != "cashier" or not entry.supervisor]


def home(_: Visit) -> Response:
    """The till's own start: what is next; whoever may not see it is sent on from there."""
    return go_to("sale")
