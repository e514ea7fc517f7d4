from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from evertill.server.rooms.accounts.rules import Role
from evertill.server.rooms.fleet.rules import Client as Updater
from evertill.server.rooms.policies import service as policies
from evertill.server.rooms.rollouts import queries, service
from evertill.server.rooms.rollouts.models import Action
from tests.server.doors.console.reading import main
from tests.server.doors.console.test_terminals import fetched

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from django.test import Client

    from evertill.server.rooms.fleet.models import Terminal
    from tests.server.shop import Shop


@pytest.fixture
def till(shop: Shop) -> Terminal:
    return shop.terminal("DEMO-1", at=shop.store().address)


def test_assigning_says_first_what_will_happen(shop: Shop, till: Terminal, console: Client, now: datetime) -> None:
    policies.set_field(till, "pin", "1.0.0", shop.admin, now)
    old, new = shop.release("1.1.0"), shop.release("1.2.0")
    action = service.assign("DEMO-1", old.pk, shop.admin, now)
    page = main(console.get(f"/terminals/DEMO-1/assign?release={new.pk}"))
    assert f"Action {action.pk} (Demo till 1.1.0), open now, is cancelled." in page
    assert "It still waits:" in page
    assert "1.0.0" in page
    assert "It does not wait for a turn in a rollout." in page


def test_assigning_by_name_waits_for_no_rollout(shop: Shop, console: Client) -> None:
    shop.terminal("DEMO-BOARD", client=Updater.DDI)
    release = shop.release("2.0.0", passthrough=True)
    page = main(console.get(f"/terminals/DEMO-BOARD/assign?release={release.pk}"))
    assert "Nothing else holds it" in page
    assert "It still waits:" not in page


@pytest.mark.parametrize("kind", ["soft", "forced"])
def test_assigning_makes_an_action(kind: str, shop: Shop, till: Terminal, console: Client) -> None:
    release = shop.release()
    answer = console.post("/terminals/DEMO-1/assign", {"release": release.pk, "kind": kind}, follow=True)
    [action] = queries.actions_of(till.pk)
    assert (action.release_id, action.kind, action.assigned_by) == (release.pk, kind, "demo-fleet-manager")
    assert f"Action {action.pk} is made." in main(answer)


@pytest.mark.parametrize(
    ("posted", "code"),
    [
        ({"release": "x"}, "FIELD_INVALID"),
        ({"release": "999"}, "RELEASE_UNKNOWN"),
        ({}, "FIELD_INVALID"),
    ],
)
def test_nonsense_assigns_nothing(posted: dict[str, str], code: str, till: Terminal, console: Client) -> None:
    answer = console.post("/terminals/DEMO-1/assign", posted)
    assert answer.status_code in {400, 404}
    assert code in main(answer)
    assert queries.actions_of(till.pk) == []


def test_unknown_way_of_assigning_is_refused(shop: Shop, till: Terminal, console: Client) -> None:
    answer = console.post("/terminals/DEMO-1/assign", {"release": shop.release().pk, "kind": "worst"})
    assert "FIELD_INVALID" in main(answer)
    assert queries.actions_of(till.pk) == []


def test_auditor_assigns_and_cancels_nothing(
    shop: Shop, till: Terminal, signed_in: Callable[..., Client], now: datetime
) -> None:
    action = service.assign("DEMO-1", shop.release().pk, shop.admin, now)
    auditor = signed_in(Role.AUDITOR)
    assert auditor.get("/terminals/DEMO-1/assign").status_code == 403
    assert auditor.post("/terminals/DEMO-1/assign", {"release": action.release_id}).status_code == 403
    assert auditor.post(f"/actions/{action.pk}/cancel").status_code == 403
    assert "Assign release" not in main(auditor.get("/terminals/DEMO-1"))
    assert Action.objects.get(pk=action.pk).closed_at is None


def test_cancelling_what_nobody_fetched_closes_it_at_once(
    shop: Shop, till: Terminal, console: Client, now: datetime
) -> None:
    action = service.assign("DEMO-1", shop.release().pk, shop.admin, now)
    assert "it is closed at once" in main(console.get(f"/actions/{action.pk}/cancel"))
    answer = console.post(f"/actions/{action.pk}/cancel", follow=True)
    assert f"Action {action.pk} is cancelled." in main(answer)


def test_cancelling_what_was_fetched_asks_the_terminal_and_can_be_forced(
    shop: Shop, till: Terminal, console: Client, now: datetime
) -> None:
    action = service.assign("DEMO-1", shop.release().pk, shop.admin, now)
    fetched(till, action, now)
    assert "it is asked at its next contact to stop" in main(console.get(f"/actions/{action.pk}/cancel"))
    console.post(f"/actions/{action.pk}/cancel")
    assert queries.by_id(action.pk).state == "canceling"
    assert "has not answered yet" in main(console.get(f"/actions/{action.pk}/cancel"))
    assert "CANCEL_NOT_POSSIBLE" in main(console.post(f"/actions/{action.pk}/cancel"))
    console.post(f"/actions/{action.pk}/cancel", {"force": "on"})
    assert queries.by_id(action.pk).state == "canceled"
    assert "there is nothing to cancel" in main(console.get(f"/actions/{action.pk}/cancel"))


def test_action_shows_its_whole_history(shop: Shop, till: Terminal, console: Client, now: datetime) -> None:
    action = service.assign("DEMO-1", shop.release().pk, shop.admin, now)
    page = main(console.get(f"/actions/{action.pk}"))
    assert f"Action {action.pk}: 1.1.0 demo-admin" in page
    assert "Beijing time" in page
