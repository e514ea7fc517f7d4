"""The row a poll reads: true after each change of an input, refreshed when time passes, and written in few statements."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from evertill.server.rooms.accounts.rules import Role
from evertill.server.rooms.catalog.events import ReleaseTakenBack
from evertill.server.rooms.catalog.models import Release
from evertill.server.rooms.fleet import service as fleet
from evertill.server.rooms.fleet.rules import Client
from evertill.server.rooms.kernel.events import raise_event
from evertill.server.rooms.organisations import queries as tree
from evertill.server.rooms.policies import service as policies
from evertill.server.rooms.rollouts import jobs, queries, service
from evertill.server.rooms.rollouts.errors import ActionUnknown, DownloadRefused
from evertill.server.rooms.rollouts.models import Standing
from evertill.server.rooms.rollouts.queries import StandingRow
from evertill.server.rooms.rollouts.service import AssignOptions, assigning
from evertill.server.rooms.rollouts.service.standing import BATCH
from evertill.server.rooms.rollouts.states import Kind, Origin
from tests.server.people import make_person
from tests.server.shop import NIGHT, Shop, later, report

if TYPE_CHECKING:
    from evertill.server.rooms.accounts.access import Identity
    from evertill.server.rooms.fleet.models import Terminal

pytestmark = pytest.mark.django_db


@pytest.fixture
def till(shop: Shop) -> Terminal:
    return shop.terminal("till-1", at=str(shop.store().address))


@pytest.fixture
def owner(shop: Shop, till: Terminal) -> Identity:
    return make_person("demo-owner", Role.MERCHANT_OWNER, tree.by_address("DEFAULT/store-merchant"), shop.now)


def link(terminal: Terminal) -> str:
    return Standing.objects.get(pk=terminal.pk).link


def test_the_polls_own_sql_reads_the_row(till: Terminal) -> None:
    sql, wanted = (
        (queries.STANDING_SQL_SQLITE.replace("?", "%s"), till.serial)
        if connection.vendor == "sqlite"
        else (queries.STANDING_SQL_POSTGRES, [till.serial])
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [wanted])
        row = StandingRow(*cursor.fetchone())
    assert (row.serial, row.terminal_id, row.link, row.policy_revision, bool(row.wants_config)) == (
        "till-1",
        till.pk,
        "none",
        1,
        True,
    )
    assert row.poll_s == 6 * 3600


def test_the_polls_sqlite_statement_is_valid_for_the_raw_driver() -> None:
    raw = sqlite3.connect(":memory:")
    raw.execute(f"CREATE TABLE rollouts_standing ({', '.join(StandingRow._fields)})")
    assert raw.execute(queries.STANDING_SQL_SQLITE, ["till-1"]).fetchone() is None


def test_never_takes_the_offer_away_in_the_same_transaction(shop: Shop, till: Terminal, owner: Identity) -> None:
    service.assign(till.serial, shop.release().pk, shop.admin, shop.now)
    assert link(till) == "deploy"
    policies.set_field(till, "mode", "never", owner, shop.now, reason="our season")
    assert link(till) == "none"


def test_never_asks_back_what_was_fetched_and_gives_no_byte_more(shop: Shop, till: Terminal, owner: Identity) -> None:
    action = service.assign(till.serial, shop.release().pk, shop.admin, shop.now)
    [module] = service.retrieve(till.pk, action.pk, shop.now).modules
    policies.set_field(till, "mode", "never", owner, shop.now, reason="our season")
    assert (queries.by_id(action.pk).state, link(till)) == ("canceling", "cancel")
    with pytest.raises(DownloadRefused):
        service.may_download(till.pk, module.id, module.artifacts[0].filename, shop.now)


def test_confirmed_off_needs_the_terminals_word_and_nothing_under_way(
    shop: Shop, till: Terminal, owner: Identity
) -> None:
    action = service.assign(till.serial, shop.release().pk, shop.admin, shop.now)
    service.retrieve(till.pk, action.pk, shop.now)
    policies.set_field(till, "mode", "never", owner, shop.now, reason="our season")
    assert not queries.is_confirmed_off(till, shop.now)
    policies.acknowledge(till.pk, 2, shop.now, shop.now)
    assert not queries.is_confirmed_off(till, shop.now)
    service.cancel_feedback(till.pk, action.pk, report("closed", "success"), shop.now)
    assert queries.is_confirmed_off(till, shop.now)


def test_a_freeze_set_after_fetching_cuts_no_running_transfer(shop: Shop, till: Terminal) -> None:
    board = shop.terminal("board-1", at=till.node.address, client=Client.DDI)
    action = service.assign(board.serial, shop.release(passthrough=True).pk, shop.admin, shop.now)
    [module] = service.retrieve(board.pk, action.pk, shop.now).modules
    freeze = [{"starts_on": "2026-11-20", "ends_on": "2026-12-01"}]
    policies.set_field(board, "freeze", freeze, shop.admin, shop.now)
    assert link(board) == "deploy"
    assert service.may_download(board.pk, module.id, module.artifacts[0].filename, shop.now)


def test_a_freeze_set_before_fetching_withholds_the_link_from_a_ddi_client(shop: Shop, till: Terminal) -> None:
    board = shop.terminal("board-1", at=till.node.address, client=Client.DDI)
    action = service.assign(board.serial, shop.release(passthrough=True).pk, shop.admin, shop.now)
    freeze = [{"starts_on": "2026-11-20", "ends_on": "2026-11-21"}]
    policies.set_field(board, "freeze", freeze, shop.admin, shop.now)
    row = Standing.objects.get(pk=board.pk)
    assert (row.link, row.opens_at_s is not None) == ("none", True)
    with pytest.raises(ActionUnknown):
        service.retrieve(board.pk, action.pk, shop.now)
    after = shop.now + timedelta(days=2)
    jobs.refresh_due(after)
    assert link(board) == "deploy"


def test_a_stale_row_hands_nothing_out(shop: Shop, till: Terminal) -> None:
    release = shop.release()
    action = service.assign(till.serial, release.pk, shop.admin, shop.now)
    Release.objects.filter(pk=release.pk).update(state="withdrawn")  # behind the room's back
    assert link(till) == "deploy"
    with pytest.raises(ActionUnknown):
        service.retrieve(till.pk, action.pk, shop.now)


def test_a_release_taken_back_ends_its_actions_in_the_same_transaction(shop: Shop, till: Terminal) -> None:
    release = shop.release()
    fetched = shop.terminal("till-2", at=till.node.address)
    waiting = service.assign(till.serial, release.pk, shop.admin, shop.now)
    running = service.assign(fetched.serial, release.pk, shop.admin, shop.now)
    service.retrieve(fetched.pk, running.pk, shop.now)
    Release.objects.filter(pk=release.pk).update(state="withdrawn")
    raise_event(ReleaseTakenBack(shop.now, release.pk, revoked=False))
    assert (queries.by_id(waiting.pk).state, link(till)) == ("canceled", "none")
    assert (queries.by_id(running.pk).state, link(fetched)) == ("canceling", "cancel")


def test_the_stores_tills_take_turns(shop: Shop, till: Terminal) -> None:
    policies.set_field(till.node, "window", "00:00-24:00", shop.admin, shop.now)
    other = shop.terminal("till-2", at=till.node.address)
    release = shop.release()
    first = service.assign(till.serial, release.pk, shop.admin, shop.now)
    service.assign(other.serial, release.pk, shop.admin, shop.now)
    service.retrieve(till.pk, first.pk, shop.now)
    service.feedback(till.pk, first.pk, report("proceeding", state="installing", step=5), shop.now)
    [offer] = service.offers(other.pk, shop.now)
    assert (offer.install, [reason.code for reason in offer.reasons]) == (False, ["STORE_TURN"])
    service.feedback(till.pk, first.pk, report("closed", "success", state="reported"), shop.now)
    assert not service.offers(other.pk, shop.now)[0].install
    shop.says(till, component__till="1.1.0")
    assert service.offers(other.pk, shop.now)[0].install


def test_a_till_that_failed_halts_the_stores_next_one(shop: Shop, till: Terminal) -> None:
    policies.set_field(till.node, "window", "00:00-24:00", shop.admin, shop.now)
    other = shop.terminal("till-2", at=till.node.address)
    release = shop.release()
    first = service.assign(till.serial, release.pk, shop.admin, shop.now)
    service.assign(other.serial, release.pk, shop.admin, shop.now)
    service.retrieve(till.pk, first.pk, shop.now)
    service.feedback(till.pk, first.pk, report("closed", "failure", state="reported"), shop.now)
    assert [reason.code for reason in service.offers(other.pk, shop.now)[0].reasons] == ["STORE_HALTED"]


def test_the_row_opens_and_closes_with_a_ddi_clients_window(shop: Shop, till: Terminal) -> None:
    board = shop.terminal("board-1", at=till.node.address, client=Client.DDI)
    policies.set_field(board, "window", "03:00-05:00", shop.admin, shop.now)
    service.assign(board.serial, shop.release(passthrough=True).pk, shop.admin, shop.now)
    assert link(board) == "none"
    opens_at_s = Standing.objects.get(pk=board.pk).opens_at_s
    assert opens_at_s is not None
    jobs.refresh_due(shop.now + timedelta(seconds=opens_at_s - shop.now.timestamp()))
    row = Standing.objects.get(pk=board.pk)
    assert row.link == "deploy"
    assert row.closes_at_s is not None
    jobs.refresh_due(shop.now + timedelta(seconds=row.closes_at_s - shop.now.timestamp()))
    assert link(board) == "none"


def test_a_rotated_tokens_end_reaches_the_door(shop: Shop, till: Terminal) -> None:
    fleet.rotate_token(till.serial, shop.admin, shop.now)
    assert len(Standing.objects.get(pk=till.pk).digests.split()) == 2
    jobs.shut_out_ended_tokens(later(shop.now, days=7))
    assert len(Standing.objects.get(pk=till.pk).digests.split()) == 1


def test_a_thousand_terminals_are_refreshed_in_a_fixed_number_of_statements(shop: Shop, till: Terminal) -> None:
    release = shop.release()
    ids = shop.many_terminals(BATCH, at=tree.operator())
    assigning.begin(ids, release, Origin.STAFF, shop.admin.actor, shop.now, options=AssignOptions())
    with CaptureQueriesContext(
        connection,
    ) as few:
        service.refresh(ids[:50], NIGHT)
    with CaptureQueriesContext(connection) as many:
        service.refresh(ids, NIGHT)
    chunks = [
        query
        for query in many.captured_queries
        if query["sql"].startswith(('INSERT INTO "rollouts_standing"', 'INSERT INTO "rollouts_situation"'))
    ]
    assert len(many) - len(chunks) <= len(few)
    assert Standing.objects.filter(link="deploy").count() == BATCH


def test_a_row_is_due_only_when_its_moment_has_come_to_the_microsecond(shop: Shop, till: Terminal) -> None:
    board = shop.terminal("board-1", at=till.node.address, client=Client.DDI)
    at = later(shop.now, minutes=1, microseconds=500)
    options = AssignOptions(kind=Kind.TIMEFORCED, forced_at=at, confirmation_required=True)
    service.assign(board.serial, shop.release(passthrough=True).pk, shop.admin, shop.now, options=options)
    closes_at_s = Standing.objects.get(pk=board.pk).closes_at_s
    assert closes_at_s is not None
    assert closes_at_s >= at.timestamp()
