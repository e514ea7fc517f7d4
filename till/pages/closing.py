"""打烊: the way to the screen's own page for closing time, where an update waits for this evening (CONTRACT.md §6)."""

from till.pages.icons import icon
from till.pages.markup import Markup, fill
from till.pages.visit import Visit

LINK = """<ul class="rows card"><li><a class="row" href="../closing">{icon}<span><b class="strong">{fact}</b>
<span class="small block">{advice}</span></span><span class="push">{next}</span></a></li></ul>"""


def link(visit: Visit) -> Markup | None:
    """One tap to it; None where nothing waits."""
    version = visit.request.closing_offer
    if not version:
        return None
    return fill(
        LINK,
        icon=icon("terminal"),
        fact=visit.say("{version} waits to be installed", version=version),
        advice=visit.say("Closing? Update and switch off, or leave it to the night"),
        next=icon("next"),
    )
