"""Two at the same moment: what is stored is as if one had come after the other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from django.db import connection, transaction

from evertill.server.rooms.audit.actor import Actor
from evertill.server.rooms.fleet.rules import Client
from evertill.server.rooms.rollouts import queries, service
from evertill.server.rooms.rollouts.errors import ActionClosed
from evertill.server.rooms.rollouts.models import Action
from evertill.server.rooms.rollouts.service import moving
from evertill.server.rooms.rollouts.states import State
from tests.server.shop import Shop, report

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*acts: Callable[[], object]) -> list[object]:
    """Each act in its own thread on its own connection; what it raised, or None."""

    def run(act: Callable[[], object]) -> object:
        try:
            act()
        except ActionClosed as refused:
            return refused
        finally:
            connection.close()
        return None

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def test_two_people_assigning_at_once_leave_one_open_action(shop: Shop) -> None:
    board = shop.terminal("board-1", client=Client.DDI)
    releases = [shop.release(f"1.0.{number}", passthrough=True).pk for number in range(4)]
    at_once(*[lambda pk=pk: service.assign(board.serial, pk, shop.admin, shop.now) for pk in releases])
    assert Action.objects.filter(closed_at=None).count() == 1
    assert Action.objects.filter(state="canceled").count() == 3


def test_a_result_told_twice_at_once_is_stored_once(shop: Shop) -> None:
    board = shop.terminal("board-1", client=Client.DDI)
    action = service.assign(board.serial, shop.release(passthrough=True).pk, shop.admin, shop.now)
    service.retrieve(board.pk, action.pk, shop.now)
    end = report("closed", "success", "done")
    told = at_once(*[lambda: service.feedback(board.pk, action.pk, end, shop.now)] * 3)
    assert [type(each).__name__ for each in told if each] == ["ActionClosed", "ActionClosed"]
    assert [line.type for line in queries.history(action.pk)].count("finished") == 1


def test_a_change_of_state_that_comes_too_late_changes_nothing(shop: Shop) -> None:
    board = shop.terminal("board-1", client=Client.DDI)
    service.assign(board.serial, shop.release(passthrough=True).pk, shop.admin, shop.now)
    one, other = (Action.objects.select_related("terminal__node").get() for _ in range(2))
    with transaction.atomic():
        assert moving.move(one, State.CANCELED, Actor.system("one"), shop.now)
        assert not moving.move(other, State.RETRIEVED, Actor.system("other"), shop.now, retrieved_at=shop.now)
    stored = Action.objects.get()
    assert (stored.state, stored.retrieved_at) == ("canceled", None)
    assert [line.type for line in queries.history(stored.pk)] == ["canceled", "running"]
