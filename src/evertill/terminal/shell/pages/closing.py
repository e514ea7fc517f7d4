"""打烊: what to do with a waiting update now that the shop closes: 升级并关机, 今晚自动, 跳过.

Rules kept here: one tap, no PIN, because it only lifts the window for this evening; nothing is shut down while an update is under
way or a sale is open. Not here: waiting for the update and switching off (`closing_down`).
"""

from starlette.responses import Response

from evertill.terminal.shell.agent_client import AgentRefused
from evertill.terminal.shell.desk import Desk, go_to
from evertill.terminal.shell.facts import Facts
from evertill.terminal.shell.visit import Visit
from evertill.terminal.shell.words import passes_at_closing, window_line


def show(desk: Desk, visit: Visit) -> Response:
    facts = desk.facts()
    found = waiting(facts)
    return desk.show(
        visit,
        "closing.html",
        facts=facts,
        waiting=found,
        unsettled=facts.till.batch_count if facts.till else 0,
        window=window_line(facts, desk.say(visit)),
        wished=desk.closing.wish is not None,
    )


def choose(desk: Desk, visit: Visit, choice: str) -> Response:
    """升级并关机 (`now`), 今晚自动 and 跳过 (both leave everything as it is), 关机 (`off`), and back from it (`stay`)."""
    found = waiting(desk.facts())
    if choice == "now":
        return _update_and_switch_off(desk, found[0]) if found else go_to("/closing")
    if choice == "off":
        desk.closing.after(None)
        return desk.show(visit, "goodbye.html")
    if choice == "stay":
        desk.closing.withdraw()
        return go_to("/closing")
    return go_to("/")


def _update_and_switch_off(desk: Desk, release: int) -> Response:
    try:
        desk.agent.act("closing_time", release=release)
    except AgentRefused:
        return go_to("/update")
    desk.closing.after(release)
    return go_to("/closing")


def waiting(facts: Facts) -> tuple[int, str] | None:
    """The update that could install this evening: its release and version. The tap lifts the window and nothing else."""
    if facts.policy.fields["closing_time"].value == "off":
        return None
    if (journey := facts.journey) is not None:
        return (journey.release, journey.version) if passes_at_closing(journey.held) else None
    if facts.mode != "automatic" or (offer := facts.best_offer) is None or not passes_at_closing(offer.reasons):
        return None
    return offer.release, offer.version
