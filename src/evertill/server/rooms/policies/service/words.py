"""What people and terminals said about one release: yes, later, and "it is shown here".

Rules kept here: the clock of a postponement starts with the first one and never restarts; only a terminal's own report says that it displays a release,
and the first report counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertill.server.rooms.policies.errors import PostponedTooLong
from evertill.server.rooms.policies.models import Consent, Displayed, Postponement
from evertill.server.rooms.policies.rules.consent import latest_postponement
from evertill.server.rooms.policies.rules.inputs import DATED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from evertill.protocol.policy import Policy
    from evertill.server.rooms.catalog.models import Release


def consent(
    terminal_id: int,
    release_id: int,
    person: str,
    now: datetime,
    *,
    components: Sequence[str] = (),
    text_version: str = "",
) -> Consent:
    """A person read what changes and ticked it; a second tick replaces the first."""
    words = {"components": list(components), "text_version": text_version, "person": person, "at": now}
    return Consent.objects.update_or_create(terminal_id=terminal_id, release_id=release_id, defaults=words)[0]


def withdraw_consent(terminal_id: int, release_id: int) -> None:
    """The person took the yes back."""
    Consent.objects.filter(terminal_id=terminal_id, release_id=release_id).delete()


def postpone(
    terminal_id: int, release: Release, until: datetime, person: str, policy: Policy, now: datetime
) -> Postponement:
    """Later. Raises `PostponedTooLong` past the policy's limit, counted from the first time."""
    known = Postponement.objects.filter(terminal_id=terminal_id, release=release).first()
    first_at = known.first_at if known else now
    latest = latest_postponement(policy, first_at, dated=release.severity in DATED)
    if latest is not None and until > latest:
        raise PostponedTooLong(release=release, latest=latest.isoformat(timespec="minutes"))
    words = {"until": until, "person": person}
    return Postponement.objects.update_or_create(
        terminal_id=terminal_id, release=release, defaults=words, create_defaults={**words, "first_at": now}
    )[0]


def displayed(terminal_id: int, release_ids: Iterable[int], now: datetime) -> None:
    """The terminal itself says that it shows these releases; later reports change nothing. Releases must exist."""
    rows = [Displayed(terminal_id=terminal_id, release_id=release_id, first_at=now) for release_id in set(release_ids)]
    Displayed.objects.bulk_create(rows, ignore_conflicts=True)
