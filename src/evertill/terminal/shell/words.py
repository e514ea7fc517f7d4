"""From facts to what a page shows: the standing of this terminal, the steps of an update, when an offer would install.

Rules kept here: what holds an update is said by the shared sentences (`protocol.explain`), never by words of our own; a time is told
only where it was measured or signed. Pure: facts and a language in, words out.
"""

from collections.abc import Collection, Sequence
from math import ceil
from typing import Final, NamedTuple

from evertill.protocol.explain import Explanation, headline
from evertill.protocol.journey import ROLLING_BACK_STEP, STEPS, WAIT_STEP, WITHOUT_TILL, Outcome, State
from evertill.protocol.policy_words import never_label, show
from evertill.protocol.reasons import Glyph, Reason, meaning, render
from evertill.protocol.reasons.terminal import TERMINAL
from evertill.protocol.windows import Window, upcoming
from evertill.terminal.shell.cards import card
from evertill.terminal.shell.facts import Download, Facts, JourneyFacts, OfferFacts, Past
from evertill.terminal.shell.remaining import Remaining, remaining
from evertill.terminal.shell.texts import Say

# What a person who stands there passes (design: consent and postponement, rate limit, window and turn; never a freeze or a pin).
BY_HAND: Final = frozenset(
    {
        "MODE_NEVER",
        "POLICY_FORK",
        "CONSENT_NEEDED",
        "POSTPONED",
        "RATE_LIMIT",
        "SHOP_OPEN",
        "NO_QUIET_TIME",
        "WINDOW_CLOSED",
        "WINDOW_TOO_SHORT",
        "STORE_TURN",
    }
)
# What the closing-time tap passes: the window and the turn in it.
AT_CLOSING: Final = frozenset(
    {"SHOP_OPEN", "NO_QUIET_TIME", "WINDOW_CLOSED", "WINDOW_TOO_SHORT", "STORE_TURN", "STORE_HALTED"}
)
SHOWN_PAST_S: Final = 24 * 3600  # how long the result of an update stands on the page


class Standing(NamedTuple):
    """A chip: glyph and word, and one line below it."""

    state: Glyph
    word: str
    line: str


class StepShown(NamedTuple):
    name: str
    how: str  # done, now, open
    at: str = ""  # when it was finished


class Progress(NamedTuple):
    state: Glyph
    head: str
    step: int
    of: int
    left: Remaining
    steps: list[StepShown]
    without_till: bool
    fraction: int | None  # percent of the download, where it is true
    amount: str  # the same in bytes
    card: Explanation | None


def standing(facts: Facts | None, say: Say) -> Standing:
    """How this terminal stands with its updates: one word, one line."""
    if facts is None:
        return Standing("mute", say("unknown"), say("The update program does not answer; selling goes on"))
    if facts.journey is not None:
        return _travelling(facts.journey, say)
    if facts.condition.reasons:
        return _broken(headline(facts.condition.reasons), say)
    if facts.mode == "never":
        return Standing("off", say("off"), say("Automatic updates are off"))
    if facts.best_offer is not None:
        return _offered(facts.best_offer, say)
    return _idle(facts, say)


def _broken(reason: Reason, say: Say) -> Standing:
    words = render(reason, say.language, say.zone, say.now)
    return Standing(meaning(reason).glyph, words.head, words.can)


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
        return Standing(meaning(first).glyph, word, _aim(journey, say))
    line = say("To {version}: {step}", version=journey.version, step=step_name(journey, say))
    return Standing("move", say("being repaired") if journey.repair else say("updating"), line)


def _aim(journey: JourneyFacts, say: Say) -> str:
    if journey.repair:
        return say("Repair of {version}", version=journey.version)
    return say("Update to {version}", version=journey.version)


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
    offer = facts.offer(journey.release)
    return Progress(
        state=meaning(headline(held)).glyph if held else "move",
        head=_heading(journey, say),
        step=_present(journey),
        of=journey.of,
        left=remaining(journey, offer.minutes if offer else 0, say),
        steps=_steps(journey, say),
        without_till=journey.state in WITHOUT_TILL,
        fraction=_fraction(journey),
        amount=_amount(journey, say),
        card=card(held, journey.again_at, say) if held else None,
    )


def _heading(journey: JourneyFacts, say: Say) -> str:
    if journey.state is State.ROLLING_BACK:
        return say("Going back to the previous version")
    if journey.state is State.FAILED:
        return say("{version} is not installed", version=journey.version)
    return _aim(journey, say)


def _present(journey: JourneyFacts) -> int:
    """The number of the step under way; what failed, failed there."""
    if journey.state in {State.FAILED, State.REPORTED}:
        return min(len(journey.finished_at) + 1, journey.of)
    return max(journey.step, 1)


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


def passes_by_hand(codes: Collection[str]) -> bool:
    """Whether "Install now" would help: nothing else stands in the way."""
    return BY_HAND.issuperset(codes)


def passes_at_closing(reasons: Sequence[Reason]) -> bool:
    """Whether the closing-time tap would help: what else holds, this terminal's own checks see again and again."""
    return all(
        reason.code in AT_CLOSING or (reason.code in TERMINAL and meaning(reason).clears in {"merchant", "time"})
        for reason in reasons
    )


def stops(facts: Facts, say: Say) -> str:
    """How long the till stops: as it did the last time, where that was measured."""
    measured = next((past.without_till_s for past in facts.history if past.without_till_s is not None), None)
    return say("seconds") if measured is None else say("about {n} s", n=ceil(measured))


def urgent(say: Say) -> str:
    """How somebody hears of a critical update before its date."""
    return say("Critical update; you are told 14, 7, 3 and 1 days before")


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


def _steps(journey: JourneyFacts, say: Say) -> list[StepShown]:
    if journey.state is State.ROLLING_BACK:
        return [StepShown(_in(ROLLING_BACK_STEP, say), "now")]
    now = _present(journey)
    names = [_in(step, say) for step in STEPS]
    if journey.held and now == WAIT_STEP:
        names[WAIT_STEP - 1] = render(headline(journey.held), say.language, say.zone, say.now).head
    moments = dict(enumerate(journey.finished_at, start=1))
    return [
        StepShown(name, "done", say.time(at) if (at := moments.get(number)) else "")
        if number < now
        else StepShown(name, "now" if number == now else "open")
        for number, name in enumerate(names, start=1)
    ]


def _in(step: object, say: Say) -> str:
    return str(getattr(step, say.language))


def _fraction(journey: JourneyFacts) -> int | None:
    download = _downloading(journey)
    return 100 * download.have_bytes // download.of_bytes if download else None


def _amount(journey: JourneyFacts, say: Say) -> str:
    download = _downloading(journey)
    if download is None:
        return ""
    return say("{have} of {size}", have=say.size(download.have_bytes), size=say.size(download.of_bytes))


def _downloading(journey: JourneyFacts) -> Download | None:
    """The download under way, where its size is known."""
    download = journey.download
    return download if journey.state is State.DOWNLOADING and download and download.of_bytes else None
