"""When a reported success is believed: by the terminal's own words, as its model proves them; silence counts as failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from evertill.protocol.reasons import Reason
from evertill.server.rooms.audit import queries as audit
from evertill.server.rooms.fleet import service as fleet
from evertill.server.rooms.fleet.rules import Client
from evertill.server.rooms.rollouts import asking, explaining, jobs, queries, service
from evertill.server.rooms.rollouts.service import AssignOptions
from tests.server.shop import Shop, later, report

if TYPE_CHECKING:
    from evertill.server.rooms.catalog.models import Release
    from evertill.server.rooms.fleet.models import Terminal
    from evertill.server.rooms.rollouts.models import Action

pytestmark = pytest.mark.django_db


def fetched(shop: Shop, terminal: Terminal, release: Release) -> Action:
    options = AssignOptions(timeout_s=3600)
    action = service.assign(terminal.serial, release.pk, shop.admin, shop.now, options=options)
    service.retrieve(terminal.pk, action.pk, shop.now)
    return action


def installed(shop: Shop, terminal: Terminal, release: Release) -> Action:
    action = fetched(shop, terminal, release)
    service.feedback(terminal.pk, action.pk, report("closed", "success"), shop.now)
    return action


def verified(action: Action) -> bool:
    return queries.by_id(action.pk).verified_at is not None


def test_our_agents_success_is_unverified_until_it_reports_the_new_versions(shop: Shop) -> None:
    till = shop.terminal("till-1")
    shop.says(till, component__till="1.0.0")
    action = installed(shop, till, shop.release("1.1.0"))
    shop.says(till, component__till="1.0.0", generation="2")
    assert (queries.by_id(action.pk).state, verified(action)) == ("finished", False)
    assert [reason.code for reason in explaining.outcome(queries.by_id(action.pk))] == ["INSTALLED_UNVERIFIED"]
    shop.says(till, component__till="1.1.0")
    assert verified(action)
    assert explaining.outcome(queries.by_id(action.pk)) == []
    assert audit.page(kind="action", ref=str(action.pk))[0].act == "action.verified"


def test_versions_that_were_told_before_the_success_count(shop: Shop) -> None:
    till = shop.terminal("till-1")
    action = fetched(shop, till, shop.release("1.1.0"))
    shop.says(till, component__till="1.1.0")
    assert not verified(action)
    service.feedback(till.pk, action.pk, report("closed", "success"), shop.now)
    assert verified(action)


def test_a_device_that_describes_itself_after_its_restart_is_believed(shop: Shop) -> None:
    board = shop.terminal("board-1", client=Client.DDI)
    shop.says(board, kernel="6.1")
    action = fetched(shop, board, shop.release(passthrough=True))
    shop.says(board, kernel="6.1")  # SWUpdate: once per start
    service.feedback(board.pk, action.pk, report("closed", "success"), shop.now)
    assert verified(action)


def test_a_device_that_describes_itself_after_its_report_is_believed_then(shop: Shop) -> None:
    board = shop.terminal("board-1", client=Client.DDI)
    shop.says(board, kernel="6.1")
    action = installed(shop, board, shop.release(passthrough=True))
    assert not verified(action)
    shop.says(board, kernel="6.2")
    assert verified(action)


def test_what_it_said_of_itself_before_it_fetched_the_action_proves_nothing(shop: Shop) -> None:
    board = shop.terminal("board-1", client=Client.DDI)
    action = service.assign(board.serial, shop.release(passthrough=True).pk, shop.admin, shop.now)
    shop.says(board, kernel="6.1")
    service.retrieve(board.pk, action.pk, shop.now)
    service.feedback(board.pk, action.pk, report("closed", "success"), shop.now)
    assert not verified(action)


def test_an_attribute_can_be_the_proof(shop: Shop) -> None:
    fleet.add_model("demo-board", [], shop.admin, shop.now, proof="attribute:image")
    board = shop.terminal("board-1", client=Client.DDI, model="demo-board")
    action = installed(shop, board, shop.release("2.0.0", passthrough=True))
    shop.says(board, image="1.9.9")
    assert not verified(action)
    shop.says(board, image="2.0.0")
    assert verified(action)


def test_reported_stays_reported_and_still_counts(shop: Shop) -> None:
    fleet.add_model("demo-rauc", [], shop.admin, shop.now, proof="reported")
    board = shop.terminal("board-1", client=Client.DDI, model="demo-rauc")
    action = installed(shop, board, shop.release(passthrough=True))
    shop.says(board, anything="else")
    found = queries.by_id(action.pk)
    assert (found.verified_at, asking.is_proven(found)) == (None, True)
    jobs.time_out(later(shop.now, days=2))
    assert queries.by_id(action.pk).timed_out_at is None


def test_a_failed_action_is_never_verified(shop: Shop) -> None:
    till = shop.terminal("till-1")
    action = fetched(shop, till, shop.release("1.1.0"))
    service.feedback(till.pk, action.pk, report("closed", "failure"), shop.now)
    shop.says(till, component__till="1.1.0")
    assert not verified(action)


def test_a_ddi_clients_silence_counts_from_its_retrieval(shop: Shop) -> None:
    board = shop.terminal("board-1", client=Client.DDI)
    action = fetched(shop, board, shop.release(passthrough=True))
    jobs.time_out(later(shop.now, minutes=59))
    assert queries.by_id(action.pk).timed_out_at is None
    jobs.time_out(later(shop.now, minutes=60))
    late = queries.by_id(action.pk)
    assert (late.timed_out_at, late.closed_at, asking.has_failed(late)) == (later(shop.now, minutes=60), None, True)
    assert [reason.code for reason in explaining.outcome(late)] == ["UPDATE_TIMED_OUT"]


def test_our_agents_silence_counts_from_the_start_of_its_installation(shop: Shop) -> None:
    till = shop.terminal("till-1")
    action = fetched(shop, till, shop.release("1.1.0"))
    jobs.time_out(later(shop.now, days=3))
    assert queries.by_id(action.pk).timed_out_at is None
    night = later(shop.now, days=3)
    service.feedback(till.pk, action.pk, report("proceeding", state="installing", step=5), night)
    jobs.time_out(later(night, hours=1))
    assert queries.by_id(action.pk).timed_out_at is not None


def test_going_back_to_waiting_stops_the_clock(shop: Shop) -> None:
    till = shop.terminal("till-1")
    action = fetched(shop, till, shop.release("1.1.0"))
    service.feedback(till.pk, action.pk, report("proceeding", state="refreshing", step=6), shop.now)
    service.feedback(till.pk, action.pk, report("proceeding", state="waiting", step=3), shop.now)
    jobs.time_out(later(shop.now, days=3))
    assert queries.by_id(action.pk).timed_out_at is None


def test_an_unproven_success_times_out_and_a_late_proof_ends_that(shop: Shop) -> None:
    till = shop.terminal("till-1")
    action = installed(shop, till, shop.release("1.1.0"))
    jobs.time_out(later(shop.now, hours=1))
    assert asking.has_failed(queries.by_id(action.pk))
    shop.says(till, later(shop.now, hours=5), component__till="1.1.0")
    found = queries.by_id(action.pk)
    assert (asking.has_failed(found), asking.is_proven(found)) == (False, True)


def test_a_rollback_is_kept_as_one(shop: Shop) -> None:
    till = shop.terminal("till-1")
    action = fetched(shop, till, shop.release("1.1.0"))
    back = Reason.of("ROLLED_BACK", version="1.1.0", back="1.0.0", what="echo")
    service.feedback(till.pk, action.pk, report("closed", "failure", state="reported", reasons=[back]), shop.now)
    found = queries.by_id(action.pk)
    assert (found.state, found.rolled_back) == ("error", True)
    assert [reason.code for reason in explaining.outcome(found)] == ["ROLLED_BACK"]
