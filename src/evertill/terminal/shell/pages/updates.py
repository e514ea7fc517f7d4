"""设置 → 软件更新: the update under way, else what is offered, else that there is nothing to do."""

from datetime import datetime, timedelta
from typing import Final

from starlette.responses import Response

from evertill.protocol.reasons import Reason, render
from evertill.terminal.shell.acting import signer
from evertill.terminal.shell.cards import Problem, trouble
from evertill.terminal.shell.desk import Desk, go_to
from evertill.terminal.shell.facts import Facts
from evertill.terminal.shell.pages import offers
from evertill.terminal.shell.texts import Say
from evertill.terminal.shell.visit import Visit
from evertill.terminal.shell.words import (
    Standing,
    last_check,
    mode_word,
    passes_by_hand,
    progress,
    recent,
    result_words,
)

MATTERS: Final = ("power", "peripherals")
PATIENCE: Final = timedelta(minutes=1)  # as long as a conversation may take


def show(desk: Desk, visit: Visit) -> Response:
    facts = desk.facts()
    if facts.journey is not None:
        return _under_way(desk, visit, facts)
    if (offer := facts.best_offer) is not None:
        return offers.page(desk, visit, facts, offer)
    return _nothing(desk, visit, facts)


def check(desk: Desk, _visit: Visit) -> Response:
    """检查更新: the server is asked; the page shows the outcome as soon as there is one."""
    desk.facts()
    before = desk.agent.act("check").get("asked_at", "")
    return go_to(f"/update?asked={before}".replace("+", "%2B"))


def confirm(desk: Desk, _visit: Visit, matter: str) -> Response:
    """电源已接好, 继续: what a person did that no sensor sees."""
    desk.facts()
    if matter in MATTERS:
        desk.agent.act("confirm", matter=matter)
    return go_to("/update")


def _under_way(desk: Desk, visit: Visit, facts: Facts) -> Response:
    journey = facts.journey
    say = desk.say(visit)
    codes = [reason.code for reason in journey.held] if journey else []
    offered = facts.offer(journey.release) if journey else None
    return desk.show(
        visit,
        "journey.html",
        facts=facts,
        journey=journey,
        progress=progress(facts, say),
        codes=codes,
        may_postpone=offered is not None and offered.refused is None and bool(codes),
        may_now=offered is not None and offered.refused is None and bool(codes) and passes_by_hand(codes),
        warnings=_warnings(journey.warnings, say) if journey else [],
    )


def _warnings(reasons: list[Reason], say: Say) -> list[str]:
    return [render(reason, say.language, say.zone, say.now).why for reason in reasons]


def _nothing(desk: Desk, visit: Visit, facts: Facts) -> Response:
    say = desk.say(visit)
    past = recent(facts, say)
    checking = _is_checking(facts, visit, say)
    problem = None if checking else _trouble(facts, say)
    return desk.show(
        visit,
        "nothing.html",
        facts=facts,
        mode=mode_word(facts.mode, say),
        checked=last_check(facts, say),
        checking=checking,
        past=past,
        result=result_words(past, say) if past else None,
        trouble=problem,
        found=_found(facts, say, checking=checking, troubled=problem is not None),
        signer=signer(desk, say),
    )


def _found(facts: Facts, say: Say, *, checking: bool, troubled: bool) -> Standing:
    """What is known while nothing is offered; never "nothing to do" where nobody could ask."""
    if checking:
        return Standing("move", say("Asking the server"), say("The answer is here in a few seconds."))
    if troubled and facts.unverified:
        fact = say("Nothing is installed. Selling goes on with {version}.", version=facts.version or say("none"))
        return Standing("mute", say("An update cannot be verified"), fact)
    if troubled:
        return Standing("mute", say("Unknown whether there is an update"), last_check(facts, say))
    if facts.contact.last_at is None:
        fact = say('It asks the server by itself. Sooner? Tap "Check now".')
        return Standing("mute", say("Unknown whether there is an update"), fact)
    if not facts.version:
        fact = say("It is fetched as soon as the server assigns one. This page looks again by itself.")
        return Standing("move", say("No till is installed yet"), fact)
    return Standing("good", say("Nothing to do"), say("No newer version is offered to this terminal."))


def _is_checking(facts: Facts, visit: Visit, say: Say) -> bool:
    """Somebody asked just now, and the server's answer is not here yet."""
    try:
        asked_at = datetime.fromisoformat(visit.query.get("asked", ""))
    except ValueError:
        return False
    if asked_at.tzinfo is None or not timedelta(0) <= say.now - asked_at < PATIENCE:
        return False
    return facts.contact.tried_at is None or facts.contact.tried_at < asked_at


def _trouble(facts: Facts, say: Say) -> Problem | None:
    """Why the latest conversation did not come about, an offer cannot be vouched for, or the signatures do not hold."""
    found = facts.contact.trouble or facts.unverified or (facts.trust.trouble if facts.contact.last_at else None)
    return trouble(found.code, found.params, say) if found else None
