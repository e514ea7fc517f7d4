"""Reading actions and standing. The SQL of a poll is here in raw form: the device door runs it on its own connections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from django.db.models import Max

from evertill.protocol.ddi import MAX_ACTION_HISTORY, ActionHistory
from evertill.server.rooms.policies import queries as policies
from evertill.server.rooms.rollouts.errors import ActionUnknown
from evertill.server.rooms.rollouts.models import Action, ActionStatus
from evertill.server.rooms.rollouts.states import SHOPS, Kind, State

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from evertill.server.rooms.fleet.models import Terminal


class StandingRow(NamedTuple):
    """One row as both drivers give it (sqlite3 gives 0 and 1 for booleans); moments are Unix seconds.

    Show `link` when it is not "none" and `closes_at_s` is None or later than now. `digests` are `tokens.word`s; empty = no token opens this door.
    """

    serial: str
    terminal_id: int
    digests: str
    client: str
    link: str
    action_id: int | None
    forced: bool
    installed_id: int | None
    opens_at_s: int | None
    closes_at_s: int | None
    poll_s: int
    policy_revision: int
    wants_config: bool


_COLUMNS: Final = ", ".join(StandingRow._fields)
STANDING_SQL_SQLITE: Final = f"SELECT {_COLUMNS} FROM rollouts_standing WHERE serial = ?"  # noqa: S608 - our own column names
STANDING_SQL_POSTGRES: Final = f"SELECT {_COLUMNS} FROM rollouts_standing WHERE serial = ANY(%s)"  # noqa: S608 - our own column names


def by_id(action_id: int) -> Action:
    """Raises `ActionUnknown`."""
    action = Action.objects.select_related("terminal__node", "terminal__model", "release").filter(pk=action_id).first()
    if action is None:
        raise ActionUnknown(action=action_id)
    return action


def actions_of(terminal_id: int, before_id: int | None = None, size: int = 50) -> list[Action]:
    """A terminal's actions, newest first, in pages by id."""
    rows = Action.objects.select_related("release").filter(terminal_id=terminal_id).order_by("-pk")
    if before_id is not None:
        rows = rows.filter(pk__lt=before_id)
    return list(rows[:size])


def history(action_id: int, most: int = MAX_ACTION_HISTORY) -> list[ActionStatus]:
    """Newest first."""
    return list(ActionStatus.objects.filter(action_id=action_id).order_by("-pk")[:most])


def action_history(action: Action, wanted: int) -> ActionHistory | None:
    """DDI's `actionHistory=n`: 0 none, < 0 as many as allowed, capped at 100; newest first. A code is told as hawkBit tells it."""
    if wanted == 0:
        return None
    most = MAX_ACTION_HISTORY if wanted < 0 else min(wanted, MAX_ACTION_HISTORY)
    messages = [text for line in history(action.pk, most) for text in _told(line)]
    return ActionHistory(action.state.upper(), messages)


def last_installed(terminal_ids: Collection[int]) -> dict[int, int]:
    """The newest action of each terminal that was finished and installed something."""
    rows = Action.objects.filter(terminal_id__in=terminal_ids, state=State.FINISHED).exclude(kind=Kind.DOWNLOADONLY)
    return dict(rows.values("terminal_id").annotate(newest=Max("pk")).values_list("terminal_id", "newest"))


def is_confirmed_off(terminal: Terminal, now: datetime) -> bool:
    """*Confirmed*: the terminal works by *never*, as it said itself, and nothing it fetched is still under way."""
    under_way = Action.objects.filter(terminal=terminal, closed_at=None, retrieved_at__isnull=False)
    return policies.is_off(terminal, now) and not under_way.exists()


def waiting_beside(terminal: Terminal) -> list[int]:
    """Terminals of the same shop with an action nobody has fetched yet: whose turn it is may have changed for them."""
    if terminal.node.kind not in SHOPS:
        return []
    waiting = Action.objects.filter(terminal__node_id=terminal.node_id, closed_at=None, installing_at=None)
    return list(waiting.exclude(terminal_id=terminal.pk).values_list("terminal_id", flat=True))


def _told(line: ActionStatus) -> list[str]:
    code = [f"Device reported status code: {line.code}"] if line.code is not None else []
    return [*line.messages, *code]
