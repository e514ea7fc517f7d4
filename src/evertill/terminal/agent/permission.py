"""Whether this terminal lets an update be downloaded and installed now: the server's word, and this terminal's own, stricter one.

Rules kept here, in the order of the design (§4): never, freeze, consent or postponement, window. A critical release past its
date (displayed here for 7 days, or an emergency; not waived; the policy says install) passes never, freeze and consent, not
the window; a security release past its date passes postponement. By hand, for as long as somebody can be standing there, passes
never and the window, not the freeze; the closing-time tap passes the window. Both sides must agree; each says its reasons. What it knows of a release comes from the
signed target alone. Not here: preflight, the till gate, and what only the server knows (rollout, requirements, rate limit, turn).
"""

from datetime import datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from evertill.protocol.ddi import Offer
from evertill.protocol.policy import PRESENCE_LASTS, AtDeadline, Mode, Policy, Snapshot
from evertill.protocol.reasons import Reason, meaning
from evertill.protocol.release import Release
from evertill.protocol.windows import Nights, freezes, quiet_time
from evertill.terminal.agent.acts import ReleaseActs

DISPLAYED_FOR: Final = timedelta(days=7)
# A slow line may take this long over what a person wanted at once; installing it then needs them again.
TAP_FETCHES_FOR: Final = timedelta(hours=24)


class Permission(NamedTuple):
    download: bool
    install: bool
    reasons: tuple[Reason, ...]  # what keeps it from being installed now
    next_try_at: datetime | None  # None = it waits for a person, or for nothing


class Facts(NamedTuple):
    now: datetime
    zone: ZoneInfo
    serial: str
    policy: Policy
    snapshot: Snapshot | None
    mode_unconfirmed: bool  # changed here, and the server does not know yet
    release: Release  # signed
    acts: ReleaseActs
    offer: Offer | None


class _Hold(NamedTuple):
    reason: Reason
    until: datetime | None = None
    holds_download: bool = False


def permission(facts: Facts) -> Permission:
    """The server's word and this terminal's own together."""
    own = own_permission(facts)
    if facts.offer is None:
        reason = Reason.of("NOT_OFFERED", version=facts.release.version)
        return Permission(False, False, (reason, *own.reasons), None)
    said = tuple(facts.offer.reasons)
    reasons = (*said, *(reason for reason in own.reasons if reason.code not in {other.code for other in said}))
    return Permission(
        own.download and facts.offer.download,
        own.install and facts.offer.install,
        reasons,
        _next_try(reasons, facts.offer.next_try_at, own.next_try_at),
    )


def own_permission(facts: Facts) -> Permission:
    """What this terminal says by itself, with or without a server."""
    holds = [hold for rule in _RULES if (hold := rule(facts)) is not None]
    reasons = tuple(hold.reason for hold in holds)
    next_try_at = _next_try(reasons, *(hold.until for hold in holds))
    return Permission(not any(hold.holds_download for hold in holds), not holds, reasons, next_try_at)


def repair_permission(facts: Facts) -> Permission:
    """When a damaged slot that still sells is repaired: nobody has to agree to what they have, but the shop's hours count."""
    holds = [hold for rule in (_opening_hours, _window) if (hold := rule(facts)) is not None]
    reasons = tuple(hold.reason for hold in holds)
    return Permission(True, not holds, reasons, _next_try(reasons, *(hold.until for hold in holds)))


def deadline_acts(facts: Facts) -> bool:
    """A critical release past its date that the policy lets install: never, freeze and consent no longer hold it."""
    release, policy = facts.release, facts.policy
    if release.severity != "critical" or release.required_at is None or facts.now < release.required_at:
        return False
    displayed = facts.acts.displayed_at is not None and facts.now - facts.acts.displayed_at >= DISPLAYED_FOR
    if policy.at_deadline is not AtDeadline.INSTALL_IN_WINDOW or not (displayed or release.emergency):
        return False
    # The server knows of waivers; where it says that nothing acts, nothing does.
    known = {deadline.release: deadline.acts_at for deadline in facts.snapshot.deadlines} if facts.snapshot else {}
    acts_at = known.get(release.id)
    return acts_at is not None and facts.now >= acts_at


def _never(facts: Facts) -> _Hold | None:
    """A yes given before it was switched off is none any more: only a person who stands there now."""
    if facts.policy.mode is not Mode.NEVER or _by_hand(facts) or deadline_acts(facts):
        return None
    fetches = _tapped(facts, TAP_FETCHES_FOR)
    return _Hold(Reason.of("MODE_NEVER", version=facts.release.version), holds_download=not fetches)


def _freeze(facts: Facts) -> _Hold | None:
    if deadline_acts(facts):
        return None
    for frozen, span in freezes(facts.policy.freeze, facts.zone):
        if facts.now in span:
            reason = Reason.of("FROZEN", starts=frozen.starts_on, ends=frozen.ends_on)
            return _Hold(reason, span.closes_at)
    return None


def _consent(facts: Facts) -> _Hold | None:
    """In manual mode somebody said yes: here, or on another door, which the server's permission shows."""
    if facts.policy.mode is not Mode.MANUAL or _by_hand(facts) or _consented(facts) or deadline_acts(facts):
        return None
    if facts.offer is not None and facts.offer.download and not facts.mode_unconfirmed:
        return None  # in manual mode the server lets nobody download without a yes
    return _Hold(Reason.of("CONSENT_NEEDED", version=facts.release.version), holds_download=True)


def _postponed(facts: Facts) -> _Hold | None:
    until, required_at = facts.acts.postponed_until, facts.release.required_at
    overdue = (
        required_at is not None and facts.now >= required_at and facts.release.severity in {"security", "critical"}
    )
    if until is None or facts.now >= until or _by_hand(facts) or overdue:
        return None
    return _Hold(Reason.of("POSTPONED", version=facts.release.version, until=until), until)


def _opening_hours(facts: Facts) -> _Hold | None:
    """Nothing unattended while the stored hours say the shop is open, whatever the window says."""
    hours = facts.policy.opening_hours
    if hours is None or _attended(facts):
        return None
    quiet = quiet_time(hours, facts.zone, _estimate(facts), facts.now)
    if quiet is None:
        return _Hold(Reason.of("NO_QUIET_TIME", hours=hours.shown))
    return None if facts.now in quiet else _Hold(Reason.of("SHOP_OPEN", hours=hours.shown), quiet.opens_at)


def _window(facts: Facts) -> _Hold | None:
    """Inside the window and early enough to finish. In which of its minutes is the server's to say."""
    window = facts.policy.window
    if window is None or window.always or _attended(facts):
        return None
    nights = Nights(window, facts.zone, facts.serial, _estimate(facts), hours=facts.policy.opening_hours)
    span, turn = nights.open(facts.now), nights.turn(facts.now)
    if span and facts.now in span:
        return None
    if turn is None:
        minutes = facts.release.minutes
        reason = Reason.of("WINDOW_TOO_SHORT", version=facts.release.version, window=window.shown, minutes=minutes)
        return _Hold(reason)
    return _Hold(Reason.of("WINDOW_CLOSED", window=window.shown), turn.opens_at)


def _estimate(facts: Facts) -> timedelta:
    return timedelta(minutes=facts.release.minutes)


def _attended(facts: Facts) -> bool:
    """A person stands before it: wanted it now, or tapped at closing time this evening."""
    at = facts.acts.closing_at
    return _by_hand(facts) or (at is not None and timedelta(0) <= facts.now - at < PRESENCE_LASTS)


def _by_hand(facts: Facts) -> bool:
    """A person wanted it at once, and still stands there: what was tapped this morning does not surprise anybody at noon."""
    return _tapped(facts, PRESENCE_LASTS)


def _tapped(facts: Facts, lately: timedelta) -> bool:
    at = facts.acts.now_at
    return at is not None and timedelta(0) <= facts.now - at < lately


def _consented(facts: Facts) -> bool:
    return facts.acts.consented_at is not None


def _next_try(reasons: tuple[Reason, ...], *moments: datetime | None) -> datetime | None:
    """The latest of the time-bound ones; None when it needs a person."""
    if not all(meaning(reason).time_bound for reason in reasons):
        return None
    return max((moment for moment in moments if moment), default=None)


_RULES: Final = (_never, _freeze, _consent, _postponed, _opening_hours, _window)
