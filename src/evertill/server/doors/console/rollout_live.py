"""What of a rollout changes while one looks at it: its groups, the chart of the one that matters, its models and failures, and why it halted.

Rules kept here: the digest covers everything that is read and nothing else, so that a page is redrawn only when it says something new.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from evertill.protocol.reasons import Words, render
from evertill.server.doors.console import chart, words
from evertill.server.doors.console.door import Visit, language
from evertill.server.doors.console.rollout_steps import steps_from
from evertill.server.rooms.accounts.rules import Operation
from evertill.server.rooms.organisations import queries as organisations
from evertill.server.rooms.rollouts import explaining, over_time, progress
from evertill.server.rooms.rollouts.rules import Counts, Halt

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from evertill.server.rooms.rollouts.models import Rollout, RolloutGroup, RolloutMember
    from evertill.server.rooms.rollouts.over_time import Curve, ModelCounts
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
    watched = _watched(rollout, found)
    zone = ZoneInfo(organisations.time_zone_of(rollout.node))
    shown = {
        "rollout": rollout,
        "chip": words.rollout_chip(rollout.state),
        "zone": zone,
        "steps": steps_from(rollout.state) if visit.may(Operation.ROLLOUTS_EDIT, rollout.node) else {},
        "may_withdraw": visit.may(Operation.RELEASES_EDIT, organisations.operator()),
        "silence": words.span(timedelta(seconds=rollout.timeout_s)),
        "lines": [Line(each.group, each.counts, _group_chip(rollout, each.group)) for each in found],
        "members": sum(each.counts.members for each in found),
        "failures": _failures(rollout, zone, visit.now),
        "halt": _halt(rollout, watched.counts) if watched else None,
        **(_drawn(rollout, watched, zone, visit.now) if watched else {}),
    }
    read = render_to_string("console/_rollout_live.html", {"visit": visit, "digest": "", "still": True} | shown)
    return {**shown, "digest": hashlib.sha256(read.encode()).hexdigest()[:16]}


def _watched(rollout: Rollout, found: Sequence[GroupProgress]) -> GroupProgress | None:
    """The group one looks at: the one that halted it, else the newest open one; None before the first opened."""
    opened = [each for each in found if each.group.opened_at is not None]
    halting = [each for each in opened if each.group.number == rollout.halted_group]
    candidates = halting or opened
    return candidates[-1] if candidates else None


def _group_chip(rollout: Rollout, group: RolloutGroup) -> words.Chip:
    if group.passed_at is not None:
        return words.Chip("good", _("Passed"))
    if group.opened_at is None:
        return words.Chip("", _("not started"))
    return words.rollout_chip(rollout.state)


def _drawn(rollout: Rollout, watched: GroupProgress, zone: ZoneInfo, now: datetime) -> dict[str, Any]:
    """The chart of the group one looks at, by the minute; a rollout that ended stands still where it ended."""
    number, counts = watched.group.number, watched.counts
    verified, errors = over_time.verified(rollout.pk, number), over_time.errors(rollout.pk, number)
    limit = counts.retrieved * rollout.error_percent / 100 if counts.retrieved else None
    opened = watched.group.opened_at or now
    ended = rollout.ended_at or now.replace(second=0, microsecond=0)
    last = max([opened, *(at for curve in (verified, errors) for at, _count in curve.points[-1:])])
    until = max(last, min(ended, _soon_after(opened, rollout.halted_at or ended)))
    models = over_time.by_model(rollout.pk, number)
    return {
        "watched": watched,
        "chart": chart.draw(
            verified, errors, counts.members, limit, chart.Span(opened, until, zone, rollout.halted_at)
        ),
        "halt_cause": _cause(rollout, errors),
        "verified": verified,
        "errors": errors,
        "models": models,
        "clue": _clue(models),
    }


def _soon_after(opened: datetime, halted: datetime) -> datetime:
    """After a halt hardly anything happens: half as long again as it ran is enough to see that."""
    return halted + max((halted - opened) / 2, chart.SPAN_LEAST)


def _cause(rollout: Rollout, errors: Curve) -> str:
    """What stopped it, for the line in the chart."""
    if rollout.halted_at is None:
        return ""
    if rollout.halted_by == Halt.TOO_FEW:
        return _("too few verified")
    return _("at failure %(n)s") % {"n": errors.until(rollout.halted_at)}


def _clue(models: Sequence[ModelCounts]) -> str:
    """Where every failure is of one model and no other model failed, that is worth a sentence."""
    failed = [each for each in models if each.errors]
    fine = sum(each.verified for each in models if not each.errors)
    if len(failed) != 1 or not fine or not failed[0].model:
        return ""
    return _("All failures are of model %(model)s; the %(n)s verified of other models are fine.") % {
        "model": failed[0].model,
        "n": fine,
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
