"""At sign-in: the way to an update that wants to be seen, when the screen says that it is due (CONTRACT.md §6)."""

from till.pages.http import Response
from till.pages.icons import icon
from till.pages.markup import Markup, fill
from till.pages.visit import Visit

SHOWN = ("Update-Notice", "shown")
LINK = """<ul class="rows card"><li><a class="row" href="../update">{icon}<span><b class="strong">{fact}</b>
<span class="small block">{advice}</span></span><span class="push">{next}</span></a></li></ul>"""


def link(visit: Visit) -> Markup | None:
    """One tap to it; None where none is due."""
    version = visit.request.update_notice
    if not version:
        return None
    return fill(
        LINK,
        icon=icon("terminal"),
        fact=visit.say("There is an update: {version}", version=version),
        advice=visit.say("See what changes and when; selling goes on as usual"),
        next=icon("next"),
    )


def told(response: Response) -> Response:
    """The answer that carries it tells the screen so, which counts it."""
    response.headers.append(SHOWN)
    return response
