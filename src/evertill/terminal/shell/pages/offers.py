"""A release: what it changes, how large and how long, and what a person may say to it: agree, later, now.

Rules kept here: everything shown of a release is signed; the tick is never set for the person and its text is the consent, with a
version; that a release was displayed is told only by the page itself, once it stands on the screen.
"""

from datetime import datetime, time, timedelta
from http import HTTPStatus
from typing import Final, NamedTuple

from starlette.responses import Response

from evertill.terminal.shell import acting
from evertill.terminal.shell.acting import Act, Choice, Line
from evertill.terminal.shell.agent_client import AgentRefused
from evertill.terminal.shell.cards import card
from evertill.terminal.shell.desk import Desk, go_to
from evertill.terminal.shell.facts import Facts, OfferFacts
from evertill.terminal.shell.texts import Say
from evertill.terminal.shell.visit import Visit
from evertill.terminal.shell.words import (
    last_check,
    mode_word,
    notes,
    passes_by_hand,
    severity_word,
    stops,
    urgent,
    window_line,
)

CONSENT_TEXT: Final = "terminal-1"  # changes with the words beside the tick
ACTS: Final = {"agree": "consent", "now": "now", "postpone": "postpone"}
# What the page says anyway: whose turn it is, and when it installs.
PLANNED: Final = frozenset({"CONSENT_NEEDED", "WINDOW_CLOSED", "MODE_NEVER"})
POSTPONE_DAYS: Final = (1, 3, 7, 14)


class When(NamedTuple):
    """One line about time: icon, fact, one line below it."""

    icon: str
    fact: str
    detail: str = ""


def show(desk: Desk, visit: Visit, release: int) -> Response:
    facts = desk.facts()
    offer = facts.offer(release)
    return go_to("/update") if offer is None or offer.refused else page(desk, visit, facts, offer)


def page(desk: Desk, visit: Visit, facts: Facts, offer: OfferFacts, *, unticked: bool = False) -> Response:
    say = desk.say(visit)
    codes, agreed = [reason.code for reason in offer.reasons], offer.is_agreed(say.now)
    explained, closes_at = set(codes) <= PLANNED, _closes_at(desk, offer)
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
        stops=stops(facts, say),
        card=None if explained else card(offer.reasons, offer.next_try_at, say),
        latest=_latest(facts, offer, offer.required_at, closes_at, say) if offer.required_at else None,
        times=_times(facts, offer, closes_at, say, explained=explained),
        asks="CONSENT_NEEDED" in codes and not agreed,
        agreed=agreed,
        may_now=passes_by_hand(codes) and not agreed,
        may_postpone=facts.mode != "never" and not _is_due(offer, say),
        unticked=unticked,
        others=[other for other in facts.offers if other.release != offer.release and other.refused is None],
    )


def _closes_at(desk: Desk, offer: OfferFacts) -> datetime | None:
    """From when it installs here whatever the mode says, as the agent computed it."""
    if offer.required_at is None:
        return None
    holes = desk.agent.consequences().holes
    return next((hole.closes_at for hole in holes if hole.release == offer.release), None)


def _times(facts: Facts, offer: OfferFacts, closes_at: datetime | None, say: Say, *, explained: bool) -> list[When]:
    """When it installs, and until when it was put off."""
    agreed = offer.is_agreed(say.now)
    found = []
    if agreed:
        found.append(When("check", say("You agreed"), say("It starts by itself; no need to wait here.")))
    if explained:
        found.append(_installs(facts, offer, closes_at, say, agreed=agreed))
    told = any(reason.code == "POSTPONED" for reason in offer.reasons)
    if offer.acts.postponed_until and offer.is_postponed(say.now) and not told:
        found.append(When("calendar", say("Postponed until {day}", day=say.day(offer.acts.postponed_until))))
    return found


def _installs(facts: Facts, offer: OfferFacts, closes_at: datetime | None, say: Say, *, agreed: bool) -> When:
    if facts.mode == "never" and not agreed:
        before = say("Before {day} it does not install by itself", day=say.day(closes_at)) if closes_at else ""
        return When(
            "clock",
            before or say("It does not install by itself"),
            say('Automatic updates are off. "Install now" installs this one; the mode stays "Never".'),
        )
    window = window_line(facts, say)
    if window is None:
        fact, detail = say("Installs as soon as the till is free"), ""
    else:
        fact, detail = say("Installs {when}", when=window[0]), window[1] + say(". ")
    if not agreed and any(reason.code == "CONSENT_NEEDED" for reason in offer.reasons):
        fact = say("After your yes: {when}", when=window[0] if window else say("as soon as the till is free"))
    return When("clock", fact, detail + say("No sale is broken off, and the data are backed up first"))


def _latest(facts: Facts, offer: OfferFacts, required_at: datetime, closes_at: datetime | None, say: Say) -> When:
    """What the signed date means here: it installs all the same, it can wait no longer, or nothing by itself."""
    if closes_at is not None:
        return When(
            "calendar", say("It installs by itself on {day} at the latest", day=say.day(closes_at)), urgent(say)
        )
    if facts.mode == "never":
        day = say.day(required_at)
        return When(
            "calendar", say("Your acquirer asks for it by {day}", day=day), say("It waits for you all the same.")
        )
    detail = say("It still waits for your yes.") if facts.mode == "manual" else ""
    return When("calendar", _postponable(offer, say), detail)


def _is_due(offer: OfferFacts, say: Say) -> bool:
    """A postponement of it counts no more."""
    return offer.required_at is not None and offer.required_at <= say.now


def _postponable(offer: OfferFacts, say: Say) -> str:
    if offer.required_at is None:
        return ""
    if _is_due(offer, say):
        return say("It cannot be postponed any more")
    return say("It can be postponed until {day}", day=say.day(offer.required_at))


def displayed(desk: Desk, _visit: Visit, release: int) -> Response:
    """The page of this release stands on the screen: its dates count from the first time."""
    if desk.facts().offer(release) is None:
        return Response(status_code=HTTPStatus.CONFLICT)
    try:
        desk.agent.act("displayed", release=release)
    except AgentRefused:
        return Response(status_code=HTTPStatus.CONFLICT)
    return Response(status_code=HTTPStatus.NO_CONTENT)


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
                    "wait",
                    "calendar",
                    say("Until then it is neither downloaded nor installed"),
                    _postponable(offer, say),
                )
            ],
            path=path,
            verb=say("Postpone"),
            leave=say("Back"),
            back=back,
            style="choice",
            choices=_choices(facts, offer, say),
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
                say("about {n} min in all", n=offer.minutes),
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
            say("about {n} min in all", n=offer.minutes),
        ),
        Line("good", "good", say("No sale is broken off, and the data are backed up first")),
    ]
    if unsettled:
        lines.insert(0, Line("wait", "wait", say("Settle first: {n} unsettled", n=unsettled)))
    if facts.mode == "never":
        lines.append(Line("off", "off", say("Afterwards automatic updates stay off")))
    return lines


def _choices(facts: Facts, offer: OfferFacts, say: Say) -> tuple[Choice, ...]:
    """The days the policy allows, none beyond the signed date; tomorrow always, the agent knows better."""
    latest = int(facts.policy.fields["postpone_days"].value) if facts.mode == "automatic" else max(POSTPONE_DAYS)
    until = {days: _until(str(days), say) for days in POSTPONE_DAYS if days <= max(latest, 1)}
    due = offer.required_at
    return tuple(
        Choice(str(days), say("until {day}", day=say.day(moment)))
        for days, moment in until.items()
        if days == 1 or due is None or moment <= due
    )


def _until(days: str, say: Say) -> datetime:
    """Midnight of that day here; today's evening counts as a whole day."""
    number = int(days) if days.isascii() and days.isdecimal() and len(days) < 3 else 1  # noqa: PLR2004 - two digits
    return datetime.combine(say.now.astimezone(say.zone).date() + timedelta(days=number), time(), say.zone)
