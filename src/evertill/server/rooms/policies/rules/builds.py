"""Security-only builds: at a critical date a terminal gets the build of its own version where one exists, not new features.

Not here: whether that build may be installed; `decide` says so of it as of any release.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertill.server.rooms.policies.rules.inputs import ReleaseState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from evertill.server.rooms.policies.rules.inputs import ReleaseFacts, TerminalFacts


def is_security_only(release: ReleaseFacts, terminal: TerminalFacts) -> bool:
    """Whether this is a build that only fixes what the terminal runs."""
    return release.fixes_on is not None and any(
        terminal.components.get(name) == release.fixes_on for name in release.components
    )


def security_build(
    release: ReleaseFacts, terminal: TerminalFacts, offered: Iterable[ReleaseFacts]
) -> ReleaseFacts | None:
    """The build that acts at the date of a critical release in its place: it closes the same holes, as soon.

    `offered`: what fits this terminal and is its turn; a build it cannot get replaces nothing.
    """
    if release.severity != "critical" or not release.cves or is_security_only(release, terminal):
        return None
    return next((other for other in offered if is_security_only(other, terminal) and _as_good(other, release)), None)


def _as_good(build: ReleaseFacts, release: ReleaseFacts) -> bool:
    return (
        build.severity == "critical"
        and build.state is ReleaseState.PUBLISHED
        and build.required_at is not None
        and release.required_at is not None
        and build.required_at <= release.required_at
        and build.emergency >= release.emergency
        and release.cves <= build.cves
    )
