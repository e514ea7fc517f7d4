"""What switching automatic updates off means for this very terminal: open security holes, what it goes without, the real dates.

Rules kept here: every line comes from a signed release that is offered and not installed here; a date on which something installs
all the same is told where this terminal's own rule would let it (`permission.deadline_acts`), from the first window after it; a
deadline that the server lists as not acting (a waiver) closes nothing; a hole that nobody can date stays open, and says so. A
security-only build of the installed version stands in for the release whose holes it closes. Pure. Not here: sentences.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from evertill.protocol.policy import AtDeadline
from evertill.protocol.release import DATED_SEVERITIES, Release
from evertill.protocol.windows import upcoming
from evertill.terminal.agent.permission import DISPLAYED_FOR, Facts


class Hole(msgspec.Struct, frozen=True):
    """One security release that would not install by itself any more; `closes_at` None: it stays open until a person acts."""

    release: int
    name: str
    version: str
    published_at: datetime
    closes_at: datetime | None
    days_open: int | None


class Missed(msgspec.Struct, frozen=True):
    release: int
    version: str


class Consequences(NamedTuple):
    holes: tuple[Hole, ...]
    missed: tuple[Missed, ...]


def consequences_of_never(offered: Sequence[Facts], installed: dict[str, str]) -> Consequences:
    """`offered`: what is known of each offered release, all at one `now`; `installed`: versions by component."""
    new = [facts for facts in offered if _is_new(facts.release, installed)]
    dated = [facts for facts in new if facts.release.severity in DATED_SEVERITIES]
    builds = [facts.release for facts in dated if _is_security_only(facts.release, installed)]
    return Consequences(
        holes=tuple(_hole(facts) for facts in dated if not _stands_in(builds, facts.release)),
        missed=tuple(
            Missed(facts.release.id, facts.release.version)
            for facts in new
            if facts.release.severity not in DATED_SEVERITIES
        ),
    )


def closes_at(facts: Facts) -> datetime | None:
    """When the release installs although updates are off; None = not by itself."""
    release, policy = facts.release, facts.policy
    if release.severity != "critical" or release.required_at is None:
        return None
    if policy.at_deadline is not AtDeadline.INSTALL_IN_WINDOW or _is_waived(facts):
        return None
    # Shown from now on at the latest: whoever reads this page has it before them.
    displayed_at = facts.acts.displayed_at or facts.now
    acts_at = release.required_at if release.emergency else max(release.required_at, displayed_at + DISPLAYED_FOR)
    acts_at = max(acts_at, facts.now)
    window = policy.window
    if window is None or window.always:
        return acts_at
    spans = (span for _, span in upcoming(window, facts.zone, acts_at))
    return next((max(span.opens_at, acts_at) for span in spans), acts_at)


def _is_waived(facts: Facts) -> bool:
    """The server knows this deadline and says that it will not act, although the release has been displayed long enough."""
    deadlines = facts.snapshot.deadlines if facts.snapshot else []
    found = next((deadline for deadline in deadlines if deadline.release == facts.release.id), None)
    displayed = facts.acts.displayed_at is not None and facts.now - facts.acts.displayed_at >= DISPLAYED_FOR
    return found is not None and found.acts_at is None and displayed


def _hole(facts: Facts) -> Hole:
    release, closes = facts.release, closes_at(facts)
    days = None if closes is None else max(0, -((facts.now - closes).days))
    return Hole(release.id, release.name, release.version, release.published_at, closes, days)


def _is_new(release: Release, installed: dict[str, str]) -> bool:
    return any(installed.get(part.component) != part.version for part in release.components)


def _is_security_only(release: Release, installed: dict[str, str]) -> bool:
    return release.fixes_on is not None and any(
        installed.get(part.component) == release.fixes_on for part in release.components
    )


def _stands_in(builds: Sequence[Release], release: Release) -> bool:
    """One of these builds closes the same holes without bringing features along."""
    cves = set(release.cves)
    return bool(cves) and any(build.id != release.id and cves <= set(build.cves) for build in builds)
