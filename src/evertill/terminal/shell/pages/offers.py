"""A release: what it changes, how large and how long, and what a person may say to it: agree, later, now.

Rules kept here: everything shown of a release is signed; the tick is never set for the person and its text is the consent, with a
version; that a release was displayed is told only by the page itself, once it stands on the screen.
"""

from datetime import datetime, time, timedelta
from typing import Final

from starlette.responses import Response

from evertill.terminal.shell import acting
from evertill.terminal.shell.acting import Act, Choice, Line
from evertill.terminal.shell.agent_client import AgentRefused
from evertill.terminal.shell.desk import Desk, go_to
from evertill.terminal.shell.facts import Facts, OfferFacts
from evertill.terminal.shell.texts import Say
from evertill.terminal.shell.visit import Visit
from evertill.terminal.shell.words import last_check, mode_word, notes, offer_card, severity_word, window_line

CONSENT_TEXT: Final = "terminal-1"  # changes with the words beside the tick
ACTS: Final = {"agree": "consent", "now": "now", "postpone": "postpone"}
PLANNED: Final = frozenset(
    {"CONSENT_NEEDED", "WINDOW_CLOSED"}
)  # what the page says anyway: whose turn it is, and when it installs
POSTPONE_DAYS: Final = (1, 3, 7, 14)


def show(desk: Desk, visit: Visit, release: int) -> Response:
    facts = desk.facts()
    offer = facts.offer(release)
    return go_to("/update") if offer is None or offer.refused else page(desk, visit, facts, offer)


def page(desk: Desk, visit: Visit, facts: Facts, offer: OfferFacts, *, unticked: bool = False) -> Response:
    say = desk.say(visit)
    codes, agreed = [reason.code for reason in offer.reasons], offer.is_agreed(say.now)
    return desk.show(
        visit,
        "offer.html",
        status=409 if unticked else 200,
        facts=facts,
        offer=offer,
        mode=mode_word(facts.mode, say),
        checked=last_check(facts, say),
        notes=notes(offer, say),
        severity=severity_word(offer, say),
        signer=acting.signer(desk, say),
        window=window_line(facts, say),
        card=offer_card(offer, say) if set(codes) - PLANNED else None,
        asks="CONSENT_NEEDED" in codes and not agreed,
        agreed=agreed,
        unticked=unticked,
        others=[other for other in facts.offers if other.release != offer.release and other.refused is None],
    )


def displayed(desk: Desk, _visit: Visit, release: int) -> Response:
    """The page of this release stands on the screen: its dates count from the first time."""
    desk.facts()
    try:
        desk.agent.act("displayed", release=release)
    except AgentRefused:
        return Response(status_code=409)
    return Response(status_code=204)


def ask(desk: Desk, visit: Visit, release: int, act: str) -> Response:
    facts = desk.facts()
    offer = facts.offer(release)
    if offer is None or offer.refused or act not in ACTS:
        return go_to("/update")
    if act == "agree" and visit.query.get("tick") != "1":
        return page(desk, visit, facts, offer, unticked=True)
    return acting.ask(desk, visit, _act(act, offer, facts, desk.say(visit)))


def act(desk: Desk, visit: Visit, release: int, act: str) -> Response:
    facts = desk.facts()
    offer = facts.offer(release)
    if offer is None or offer.refused or act not in ACTS:
        return go_to("/update")
    say = desk.say(visit)
    asked = _act(act, offer, facts, say, visit.form.get("choice", ""))
    if not acting.is_final(visit):
        return acting.ask(desk, visit, asked)
    said: dict[str, object] = {
        "release": release,
        "person": visit.form.get("person", ""),
        "pin": visit.form.get("pin", ""),
    }
    if act == "postpone":
        said["until"] = _until(asked.chosen, say).isoformat()
    else:
        said["text_version"] = CONSENT_TEXT
    try:
        desk.agent.act(ACTS[act], **said)
    except AgentRefused as refused:
        return acting.ask(desk, visit, asked, acting.words(refused, say))
    return go_to("/update")


def _act(act: str, offer: OfferFacts, facts: Facts, say: Say, chosen: str = "") -> Act:
    path, version = f"/update/release/{offer.release}/{act}", offer.version
    back = "/update"
    if act == "postpone":
        return Act(
            title=say("Postpone"),
            head=say("{version} later", version=version),
            lines=[
                Line(
                    "wait", "calendar", say("Until then it is neither downloaded nor installed"), _required(offer, say)
                )
            ],
            path=path,
            verb=say("Postpone"),
            leave=say("Back"),
            back=back,
            style="choice",
            choices=_choices(facts, say),
            chosen=chosen or "1",
        )
    if act == "now":
        return Act(
            title=say("Install now"),
            head=say("Install {version} now", version=version),
            lines=_now_lines(offer, facts, say),
            path=path,
            verb=say("Install now"),
            leave=say("Back"),
            back=back,
        )
    window = window_line(facts, say)
    when = say("It installs: {when}", when=window[0]) if window else say("It installs as soon as the till is free")
    return Act(
        title=say("Confirm the update"),
        head=say("Update to {version}", version=version),
        lines=[
            Line(
                "ask",
                "check",
                say("I have read what changes and agree"),
                say("about {n} minutes in all", n=offer.minutes),
            ),
            Line("move", "clock", when, window[1] if window else ""),
        ],
        path=path,
        verb=say("Confirm the update"),
        leave=say("Back"),
        back=back,
    )


def _now_lines(offer: OfferFacts, facts: Facts, say: Say) -> list[Line]:
    unsettled = facts.till.batch_count if facts.till else 0
    lines = [
        Line(
            "move",
            "clock",
            say("It begins as soon as the till is free"),
            say("about {n} minutes in all", n=offer.minutes),
        ),
        Line("good", "good", say("No sale is broken off, and the data are backed up first")),
    ]
    if unsettled:
        lines.insert(0, Line("wait", "wait", say("Settle first: {n} sales are not settled", n=unsettled)))
    if facts.mode == "never":
        lines.append(Line("off", "off", say("Afterwards automatic updates stay off")))
    return lines


def _required(offer: OfferFacts, say: Say) -> str:
    return say("Required from {day}", day=say.day(offer.required_at)) if offer.required_at else ""


def _choices(facts: Facts, say: Say) -> tuple[Choice, ...]:
    latest = int(facts.policy.fields["postpone_days"].value) if facts.mode == "automatic" else max(POSTPONE_DAYS)
    days = [days for days in POSTPONE_DAYS if days <= max(latest, 1)]
    return tuple(Choice(str(number), say("until {day}", day=say.day(_until(str(number), say)))) for number in days)


def _until(days: str, say: Say) -> datetime:
    """Midnight of that day here; today's evening counts as a whole day."""
    number = int(days) if days.isascii() and days.isdecimal() and len(days) < 3 else 1  # noqa: PLR2004 - two digits
    return datetime.combine(say.now.astimezone(say.zone).date() + timedelta(days=number), time(), say.zone)
