"""`evertill rollout`: a release brought to many terminals, group after group."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Any

from evertill.server.doors.command.line import Answer, Parser, Verbs, number, read_text

if TYPE_CHECKING:
    from evertill.server.doors.command.line import Call
    from evertill.server.rooms.rollouts.models import Rollout

_DURATION = re.compile(r"(\d+)(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def declare(noun: str, nouns: argparse._SubParsersAction[Parser]) -> None:
    parser = nouns.add_parser(noun, help="rollouts")
    verbs = Verbs(noun, parser.add_subparsers(required=True, metavar="VERB", parser_class=Parser))
    create_verb = verbs.add("create", "plan it; nothing happens before start", create)
    create_verb.add_argument("--release", type=number, required=True, metavar="R")
    who = create_verb.add_mutually_exclusive_group(required=True)
    who.add_argument("--at", default="", metavar="NODE", help="every terminal of this subtree")
    who.add_argument("--file", metavar="F", help="the serials in this file, one a line")
    create_verb.add_argument("--name", default="", metavar="TEXT")
    create_verb.add_argument(
        "--groups", default="100", metavar="10,40,50", help="percent of the members, group after group"
    )
    create_verb.add_argument(
        "--success", type=int, default=95, metavar="PERCENT", help="verified before the next group opens"
    )
    create_verb.add_argument(
        "--error", type=int, default=10, metavar="PERCENT", help="failed, rolled back or silent: halts it"
    )
    create_verb.add_argument(
        "--timeout", type=duration, default=duration("1d"), metavar="2h", help="silence that counts as failure"
    )
    create_verb.add_argument(
        "--type", choices=["soft", "forced"], default="soft", help="forced skips consent, never 永不"
    )
    for verb, summary in (
        ("start", "open the first group"),
        ("pause", "hand out nothing new"),
        ("resume", "go on where it stood"),
        ("stop", "end it for good; open actions are cancelled"),
        ("show", "its groups and their counts"),
    ):
        verbs.add(verb, summary, show if verb == "show" else _Step(verb)).add_argument("id", type=number, metavar="ID")
    verbs.add("list", "rollouts, newest first", list_rollouts)


def duration(text: str) -> int:
    """Seconds in `90s`, `15m`, `2h` or `1d`."""
    found = _DURATION.fullmatch(text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text} is no length of time, write 90s, 15m, 2h or 1d")
    return int(found[1]) * _SECONDS[found[2]]


def create(call: Call) -> Answer:
    from evertill.server.rooms.rollouts.service import groups
    from evertill.server.rooms.rollouts.states import Kind

    words = call.words
    serials = read_text(words.file).split() if words.file else None
    new = groups.NewRollout(
        release_id=words.release,
        at=words.at,
        serials=serials,
        name=words.name,
        groups=words.groups,
        success_percent=words.success,
        error_percent=words.error,
        timeout_s=words.timeout,
        kind=Kind(words.type),
    )
    rollout = groups.create(new, call.by, call.now)
    return Answer(
        {"id": rollout.pk}, [f"Rollout {rollout.pk} is planned. Start it: evertill rollout start {rollout.pk}"]
    )


class _Step:
    """One of the four things that can be done to a rollout that exists."""

    def __init__(self, verb: str) -> None:
        self._verb = verb

    def __call__(self, call: Call) -> Answer:
        from evertill.server.rooms.rollouts.service import groups

        step = {"start": groups.start, "pause": groups.pause, "resume": groups.resume, "stop": groups.stop}[self._verb]
        rollout = step(call.words.id, call.by, call.now)
        return Answer({"id": rollout.pk, "state": rollout.state}, [f"Rollout {rollout.pk} is {rollout.state}."])


def show(call: Call) -> Answer:
    from evertill.server.rooms.accounts import access
    from evertill.server.rooms.accounts.rules import Operation
    from evertill.server.rooms.rollouts import progress

    rollout = progress.by_id(call.words.id)
    access.require(call.by, Operation.VIEW, rollout.node)
    groups = [
        {
            "number": each.group.number,
            "percent": each.group.percent,
            "opened_at": each.group.opened_at,
            "members": each.counts.members,
            "withheld": each.counts.withheld,
            "retrieved": each.counts.retrieved,
            "verified": each.counts.verified,
            "errors": each.counts.errors,
        }
        for each in progress.groups(rollout.pk)
    ]
    lines = [
        f"group {each['number']} ({each['percent']} %): {each['members']} members, {each['withheld']} withheld, {each['retrieved']} retrieved, {each['verified']} verified, {each['errors']} errors"
        for each in groups
    ]
    return Answer(_row(rollout) | {"groups": groups}, [_line(rollout), *lines])


def list_rollouts(call: Call) -> Answer:
    from evertill.server.rooms.accounts import access
    from evertill.server.rooms.rollouts import progress

    rows = progress.page(access.visible_nodes(call.by))
    return Answer([_row(row) for row in rows], [_line(row) for row in rows])


def _row(rollout: Rollout) -> dict[str, Any]:
    return {
        "id": rollout.pk,
        "name": rollout.name,
        "release": rollout.release_id,
        "node": rollout.node.address,
        "state": rollout.state,
        "halted_by": rollout.halted_by or None,
        "group": rollout.group,
    }


def _line(rollout: Rollout) -> str:
    halted = f", halted by {rollout.halted_by}" if rollout.halted_by else ""
    return f"rollout {rollout.pk}  {rollout.name}  release {rollout.release_id} at {rollout.node.address}: {rollout.state}{halted}"
