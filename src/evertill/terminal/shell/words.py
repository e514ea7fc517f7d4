"""From facts to what a page shows: the standing of this terminal, the steps of an update, when an offer would install.

Rules kept here: what holds an update is said by the shared sentences (`protocol.explain`), never by words of our own; a time is told
only where it was measured or signed. Pure: facts and a language in, words out.
"""

from math import ceil
from typing import Final, NamedTuple

from evertill.protocol.explain import Explanation, explain, headline
from evertill.protocol.journey import ROLLING_BACK_STEP, STEPS, WAIT_STEP, WITHOUT_TILL, Outcome, State
from evertill.protocol.policy_words import never_label, show
from evertill.protocol.reasons import Glyph, Reason, meaning, render
from evertill.protocol.windows import Window, upcoming
from evertill.terminal.shell.facts import Facts, JourneyFacts, OfferFacts, Past
from evertill.terminal.shell.texts import Say

SWITCH_S: Final = 2  # without the till, beside the migration: two proving starts and the copy, as measured
SHOWN_PAST_S: Final = 24 * 3600  # how long the result of an update stands on the page


class Standing(NamedTuple):
    """A chip: glyph and word, and one line below it."""

    state: Glyph
    word: str
    line: str


class StepShown(NamedTuple):
    name: str
    how: str  # done, now, open


class Progress(NamedTuple):
    state: Glyph
    head: str
    step: int
    of: int
    left: str
    steps: list[StepShown]
    without_till: bool
    fraction: int | None  # percent of the download, where it is true
    card: Explanation | None


def standing(facts: Facts | None, say: Say) -> Standing:
    """How this terminal stands with its updates: one word, one line."""
    if facts is None:
        return Standing("mute", say("unknown"), say("The update program does not answer; selling goes on"))
    if facts.journey is not None:
        return _travelling(facts.journey, say)
    if facts.mode == "never":
        return Standing("off", say("off"), say("Automatic updates are off"))
    if facts.best_offer is not None:
        return _offered(facts.best_offer, say)
    return _idle(facts, say)


def _idle(facts: Facts, say: Say) -> Standing:
    if facts.unverified is not None:
        return Standing("wait", say("not verified"), say("An update cannot be verified; nothing is installed"))
    if facts.contact.trouble is not None or facts.contact.last_at is None:
        return Standing("mute", say("no contact"), last_check(facts, say))
    return Standing("good", say("up to date"), last_check(facts, say))


def _travelling(journey: JourneyFacts, say: Say) -> Standing:
    if journey.held:
        first = headline(journey.held)
        word = render(first, say.language, say.zone, say.now).head
        return Standing(meaning(first).glyph, word, say("Update to {version}", version=journey.version))
    line = say("To {version}: {step}", version=journey.version, step=step_name(journey, say))
    return Standing("move", say("updating"), line)


def _offered(offer: OfferFacts, say: Say) -> Standing:
    line = say("{version} is ready to install", version=offer.version)
    asks = any(reason.code == "CONSENT_NEEDED" for reason in offer.reasons)
    if asks and not offer.is_agreed(say.now):
        return Standing("ask", say("your turn"), line)
    return Standing("wait", say("planned"), line)


def last_check(facts: Facts, say: Say) -> str:
    if facts.contact.last_at is None:
        return say("Not checked yet since it was switched on")
    return say("Checked {when}", when=say.moment(facts.contact.last_at))


def mode_word(mode: str, say: Say, at_deadline: str = "") -> str:
    if mode == "never" and at_deadline:
        return never_label(at_deadline, say.language)
    return show("mode", mode, say.language)


def step_name(journey: JourneyFacts, say: Say) -> str:
    if journey.state is State.ROLLING_BACK:
        return _in(ROLLING_BACK_STEP, say)
    return _in(STEPS[max(journey.step, 1) - 1], say)


def progress(facts: Facts, say: Say) -> Progress:
    """The journey under way, step by step. Raises ValueError when there is none."""
    journey = facts.journey
    if journey is None:
        raise ValueError("no journey is under way")
    held = journey.held
    state: Glyph = meaning(headline(held)).glyph if held else "move"
    rolling_back = journey.state is State.ROLLING_BACK
    head = (
        say("Going back to the previous version")
        if rolling_back
        else say("Update to {version}", version=journey.version)
    )
    return Progress(
        state=state,
        head=head,
        step=max(journey.step, 1),
        of=journey.of,
        left=time_left(facts, journey, say),
        steps=_steps(journey, say),
        without_till=journey.state in WITHOUT_TILL,
        fraction=_fraction(journey),
        card=explain(held, journey.again_at, say.language, say.zone, say.now) if held else None,
    )


def time_left(facts: Facts, journey: JourneyFacts, say: Say) -> str:
    """Measured seconds while the till is stopped, else the signed minutes."""
    if journey.state in WITHOUT_TILL:
        return say("about {n} seconds", n=ceil(journey.forecast_s or 0) + SWITCH_S)
    offer = facts.offer(journey.release)
    if offer is None or not offer.minutes:
        return ""
    if journey.held:
        return say("about {n} minutes after that", n=offer.minutes)
    return say("about {n} minutes in all", n=offer.minutes)


def window_line(facts: Facts, say: Say) -> tuple[str, str] | None:
    """When the window is next, and in which zone that is told; None where any moment will do."""
    value = facts.policy.fields["window"].value
    window = Window.parse(value) if value else None
    if window is None or window.always:
        return None
    span = next((span for _, span in upcoming(window, say.zone, say.now)), None)
    if span is None:
        return None
    if span.opens_at <= say.now:
        return say("Now, until {end}", end=f"{span.closes_at.astimezone(say.zone):%H:%M}"), say.zone_name
    return say("{day}, {window}", day=say.day(span.opens_at), window=window.shown), say.zone_name


def offer_card(offer: OfferFacts, say: Say) -> Explanation:
    return explain(offer.reasons, offer.next_try_at, say.language, say.zone, say.now)


def severity_word(offer: OfferFacts, say: Say) -> str:
    words = {
        "feature": say("New features"),
        "maintenance": say("Maintenance"),
        "security": say("Security"),
        "critical": say("Critical"),
    }
    return words[offer.severity]


def notes(offer: OfferFacts, say: Say) -> list[str]:
    """The signed notes, a line each, without the marks of a list."""
    return [line.strip().lstrip("-*•·").strip() for line in say.pick(offer.notes).splitlines() if line.strip()]


def recent(facts: Facts, say: Say) -> Past | None:
    """What ended lately, for the page to say so."""
    last = next((past for past in facts.history if not past.dropped), None)
    return last if last and 0 <= (say.now - last.ended_at).total_seconds() < SHOWN_PAST_S else None


def result_words(past: Past, say: Say) -> Standing:
    """How an update ended, in one line."""
    if past.dropped:
        return Standing(
            "off", say("cancelled"), say("{version} was taken back before anything was changed", version=past.version)
        )
    if past.outcome is Outcome.COMMITTED:
        return Standing("good", say("installed"), say("{version} is installed and selling", version=past.version))
    if past.outcome is Outcome.ROLLED_BACK:
        return Standing("need", say("went back"), say("The version before is back and selling; every sale is kept"))
    return Standing(
        "need", say("not installed"), say("{version} was not installed; selling went on", version=past.version)
    )


def failure_card(reason: Reason, say: Say) -> Explanation:
    return explain([reason], None, say.language, say.zone, say.now)


def _steps(journey: JourneyFacts, say: Say) -> list[StepShown]:
    if journey.state is State.ROLLING_BACK:
        return [StepShown(_in(ROLLING_BACK_STEP, say), "now")]
    now = max(journey.step, 1)
    names = [_in(step, say) for step in STEPS]
    if journey.held and now == WAIT_STEP:
        names[WAIT_STEP - 1] = render(headline(journey.held), say.language, say.zone, say.now).head
    hows = ["done" if number < now else "now" if number == now else "open" for number in range(1, len(names) + 1)]
    return [StepShown(name, how) for name, how in zip(names, hows, strict=True)]


def _in(step: object, say: Say) -> str:
    return str(getattr(step, say.language))


def _fraction(journey: JourneyFacts) -> int | None:
    if journey.state is not State.DOWNLOADING or journey.download is None or not journey.download.of_bytes:
        return None
    return 100 * journey.download.have_bytes // journey.download.of_bytes
