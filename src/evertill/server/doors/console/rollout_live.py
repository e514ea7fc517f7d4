"""What of a rollout changes while one looks at it: its groups, the chart of the newest one, its models and failures, and why it halted.

Rules kept here: the digest covers everything that is read and nothing else, so that a page is redrawn only when it says something new.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from evertill.protocol.reasons import Words, render
from evertill.server.doors.console import chart, words
from evertill.server.doors.console.door import Visit, language
from evertill.server.rooms.accounts.rules import Operation
from evertill.server.rooms.organisations import queries as organisations
from evertill.server.rooms.rollouts import explaining, over_time, progress
from evertill.server.rooms.rollouts.rules import Counts, Halt

if TYPE_CHECKING:
    from datetime import datetime

    from evertill.server.rooms.rollouts.models import Rollout, RolloutGroup, RolloutMember
    from evertill.server.rooms.rollouts.progress import GroupProgress


@dataclass(frozen=True)
class Line:
    """One group as the page shows it; shares of the bar in percent."""

    group: RolloutGroup
    counts: Counts
    chip: words.Chip

    @property
    def waiting(self) -> int:
        """Members of a group that is not open wait for nothing yet."""
        return self.counts.open if self.group.opened_at is not None else 0

    @property
    def bar(self) -> list[tuple[str, float]]:
        whole = max(self.counts.members, 1)
        parts = (
            ("good", self.counts.verified),
            ("need", self.counts.errors),
            ("wait", self.waiting),
            ("off", self.counts.withheld),
        )
        return [(kind, round(100 * count / whole, 1)) for kind, count in parts if count]


def state(visit: Visit, rollout: Rollout) -> dict[str, Any]:
    """Everything that changes while one looks, and a digest of it as it reads."""
    found = progress.groups(rollout.pk)
    opened = [each for each in found if each.group.opened_at is not None]
    zone = ZoneInfo(organisations.time_zone_of(rollout.node))
    shown = {
        "rollout": rollout,
        "chip": words.rollout_chip(rollout.state),
        "zone": zone,
        "may_act": visit.may(Operation.ROLLOUTS_EDIT, rollout.node),
        "lines": [Line(each.group, each.counts, _group_chip(rollout, each.group)) for each in found],
        "members": sum(each.counts.members for each in found),
        "failures": _failures(rollout, zone, visit.now),
        "halt": _halt(rollout, opened[-1].counts) if opened else None,
        **(_drawn(rollout, opened[-1], zone, visit.now) if opened else {}),
    }
    read = render_to_string("console/_rollout_live.html", {"visit": visit, "digest": "", "still": True} | shown)
    return {**shown, "digest": hashlib.sha256(read.encode()).hexdigest()[:16]}


def _group_chip(rollout: Rollout, group: RolloutGroup) -> words.Chip:
    if group.passed_at is not None:
        return words.Chip("good", _("Passed"))
    if group.opened_at is None:
        return words.Chip("", _("not started"))
    return words.rollout_chip(rollout.state)


def _drawn(rollout: Rollout, newest: GroupProgress, zone: ZoneInfo, now: datetime) -> dict[str, Any]:
    """The chart of the newest open group, by the minute; a rollout that ended stands still where it ended."""
    number, counts = newest.group.number, newest.counts
    verified, errors = over_time.verified(rollout.pk, number), over_time.errors(rollout.pk, number)
    limit = counts.retrieved * rollout.error_percent / 100 if counts.retrieved else None
    opened = newest.group.opened_at or now
    ended = rollout.ended_at or now.replace(second=0, microsecond=0)
    last = max([ended, *(at for curve in (verified, errors) for at, _count in curve.points[-1:])])
    return {
        "newest": newest,
        "chart": chart.draw(verified, errors, counts.members, limit, opened, last, zone),
        "verified": verified,
        "errors": errors,
        "models": over_time.by_model(rollout.pk, number),
    }


def _failures(rollout: Rollout, zone: ZoneInfo, now: datetime) -> list[tuple[RolloutMember, Words]]:
    """Each with its first reason in words."""
    silent = Words(_("no reason given"), _("The terminal gave no reason."), "")
    found = []
    for member in over_time.failures(rollout.pk):
        reasons = explaining.outcome(member.action) if member.action else []
        found.append((member, render(reasons[0], language(), zone, now) if reasons else silent))
    return found


def _halt(rollout: Rollout, counts: Counts) -> str:
    """The headline of a halt; empty while it is not halted."""
    if rollout.halted_by == Halt.ERRORS:
        return _("Halted by itself: %(errors)s of %(retrieved)s terminals failed") % {
            "errors": counts.errors,
            "retrieved": counts.retrieved,
        }
    if rollout.halted_by == Halt.TOO_FEW:
        return _(
            "Halted by itself: only %(verified)s of %(counted)s terminals are verified, and none is left that still could be"
        ) % {
            "verified": counts.verified,
            "counted": counts.counted,
        }
    return ""
