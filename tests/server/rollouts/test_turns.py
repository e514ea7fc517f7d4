"""The turn of a shop: one till after the other, however they ask, and whoever waits gets it in the end."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from django.db import connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from evertill.protocol.ddi import OfferAct
from evertill.server.rooms.audit import queries as audit
from evertill.server.rooms.fleet import service as fleet
from evertill.server.rooms.fleet.rules import Client
from evertill.server.rooms.kernel.errors import Refused
from evertill.server.rooms.policies import service as policies
from evertill.server.rooms.rollouts import asking, jobs, queries, service
from evertill.server.rooms.rollouts.service import AssignOptions
from tests.server.shop import Shop, later, report

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from datetime import datetime

    from evertill.server.rooms.fleet.models import Terminal
    from evertill.server.rooms.rollouts.models import Action

PATIENCE_S = 20.0
TIMEOUT_S = 3600
BEGIN = report("proceeding", state="preflight2", step=3)
WAIT = report("proceeding", state="waiting", step=3)
SWITCH = report("proceeding", state="quiescing", step=7)
GOOD = report("closed", "success", state="reported")
BAD = report("closed", "failure", state="reported")


@dataclass
class Till:
    """One till of the shop with its fetched action, and what it may say."""

    shop: Shop
    terminal: Terminal
    action: Action

    def says(self, said: object, now: datetime | None = None) -> str:
        """The code it was refused with, or nothing."""
        try:
            service.feedback(self.terminal.pk, self.action.pk, said, now or self.shop.now)  # type: ignore[arg-type]
        except Refused as refused:
            return refused.code
        return ""

    def fetches(self) -> str:
        try:
            service.retrieve(self.terminal.pk, self.action.pk, self.shop.now)
        except Refused as refused:
            return refused.code
        return ""

    def proves(self) -> None:
        self.shop.says(self.terminal, component__till="1.1.0")

    @property
    def now(self) -> Action:
        return queries.by_id(self.action.pk)

    @property
    def has_turn(self) -> bool:
        return asking.is_installing(self.now)

    def offered(self) -> tuple[bool, bool, list[str]]:
        """install, turn, and what holds it."""
        [offer] = [each for each in service.offers(self.terminal.pk, self.shop.now) if each.action == self.action.pk]
        return offer.install, offer.turn, [reason.code for reason in offer.reasons]


def tills(shop: Shop, count: int = 2, client: Client = Client.EVERTILL) -> list[Till]:
    """So many tills of one shop that never closes, with the same release; ours have fetched it."""
    store = shop.store()
    policies.set_field(store, "window", "00:00-24:00", shop.admin, shop.now)
    release = shop.release(passthrough=client is Client.DDI)
    made = []
    for number in range(1, count + 1):
        terminal = shop.terminal(f"till-{number}", at=str(store.address), client=client)
        options = AssignOptions(timeout_s=TIMEOUT_S)
        action = service.assign(terminal.serial, release.pk, shop.admin, shop.now, options=options)
        if client is Client.EVERTILL:
            service.retrieve(terminal.pk, action.pk, shop.now)
        made.append(Till(shop, terminal, action))
    return made


@pytest.mark.django_db
class TestOneAfterTheOther:
    def test_the_first_that_begins_has_the_turn_and_the_other_is_told_to_wait(self, shop: Shop) -> None:
        first, second = tills(shop)
        assert first.offered() == (True, False, [])
        assert first.says(BEGIN) == ""
        assert first.offered() == (True, True, [])
        assert second.says(BEGIN) == "STORE_TURN"
        assert second.offered() == (False, False, ["STORE_TURN"])
        assert second.now.installing_at is None

    def test_a_refused_report_changes_nothing_and_says_whom_it_waits_for(self, shop: Shop) -> None:
        first, second = tills(shop)
        first.says(BEGIN)
        before = second.now
        with pytest.raises(Refused) as refused:
            service.feedback(second.terminal.pk, second.action.pk, BEGIN, shop.now)
        assert (refused.value.status, refused.value.params) == (409, {"serial": "till-1"})
        after = second.now
        assert (after.state, after.journey, after.statuses) == (before.state, before.journey, before.statuses)

    def test_the_same_till_asking_again_gets_the_same_answer_and_no_new_time(self, shop: Shop) -> None:
        first, _second = tills(shop)
        first.says(BEGIN)
        for state in ("preflight2", "backing_up", "installing", "rehearsing", "refreshing"):
            assert first.says(report("proceeding", state=state), later(shop.now, minutes=5)) == ""
        assert (first.now.installing_at, first.now.expires_at) == (shop.now, later(shop.now, seconds=TIMEOUT_S))
        assert [row.act for row in audit.page(kind="action", ref=str(first.action.pk))].count("action.started") == 1

    @pytest.mark.parametrize("state", ["preflight2", "backing_up", "installing", "rehearsing", "refreshing"])
    def test_whichever_step_is_told_first_takes_the_turn(self, shop: Shop, state: str) -> None:
        first, second = tills(shop)
        assert first.says(report("proceeding", state=state)) == ""
        assert second.says(report("proceeding", state=state)) == "STORE_TURN"

    def test_the_next_one_begins_only_when_the_one_before_is_verified(self, shop: Shop) -> None:
        first, second = tills(shop)
        first.says(BEGIN)
        first.says(GOOD)
        assert second.says(BEGIN) == "STORE_TURN", "done, but not proven"
        first.proves()
        assert second.says(BEGIN) == ""
        assert second.has_turn

    def test_a_till_that_waits_again_gives_the_turn_back(self, shop: Shop) -> None:
        first, second = tills(shop)
        first.says(BEGIN)
        first.says(WAIT)
        assert not first.has_turn
        assert second.says(BEGIN) == ""
        assert first.says(BEGIN) == "STORE_TURN"

    def test_a_till_that_failed_stops_the_others_of_its_shop_until_somebody_looks(self, shop: Shop) -> None:
        first, second = tills(shop)
        first.says(BEGIN)
        first.says(BAD)
        assert second.says(BEGIN) == "STORE_HALTED"

    def test_a_till_that_dies_with_the_turn_gives_it_back_when_its_time_is_over(self, shop: Shop) -> None:
        first, second = tills(shop)
        other = shop.release("1.2.0")
        first.says(BEGIN)
        over = later(shop.now, seconds=TIMEOUT_S)
        jobs.time_out(over)
        assert not first.has_turn
        assert second.says(BEGIN, over) == "STORE_HALTED", "of the same release nobody goes on"
        service.cancel(second.action.pk, shop.admin, over, force=True)
        second.action = service.assign(second.terminal.serial, other.pk, shop.admin, over)
        assert second.says(BEGIN, over) == ""

    def test_a_silent_till_that_comes_back_asks_for_the_turn_like_everybody(self, shop: Shop) -> None:
        first, second = tills(shop)
        first.says(BEGIN)
        over = later(shop.now, seconds=TIMEOUT_S)
        jobs.time_out(over)
        assert first.says(BEGIN, over) == ""
        assert first.has_turn
        assert second.says(BEGIN, over) == "STORE_TURN"

    def test_a_dead_till_that_is_retired_halts_nobody_any_more(self, shop: Shop) -> None:
        first, second = tills(shop)
        first.says(BEGIN)
        jobs.time_out(later(shop.now, seconds=TIMEOUT_S))
        assert second.says(BEGIN) == "STORE_HALTED"
        fleet.retire(first.terminal.serial, shop.admin, shop.now)
        assert second.says(BEGIN) == ""

    def test_a_till_that_is_asked_to_stop_keeps_the_turn_until_it_answers(self, shop: Shop) -> None:
        first, second = tills(shop)
        first.says(BEGIN)
        service.cancel(first.action.pk, shop.admin, shop.now)
        assert second.says(BEGIN) == "STORE_TURN", "it may have gone too far to stop"
        service.cancel_feedback(first.terminal.pk, first.action.pk, report("closed", "success"), shop.now)
        assert second.says(BEGIN) == ""

    def test_a_till_that_has_gone_too_far_to_stop_is_still_waited_for_and_no_longer_than_its_time(
        self, shop: Shop
    ) -> None:
        first, second = tills(shop)
        first.says(BEGIN)
        service.cancel(first.action.pk, shop.admin, shop.now)
        service.cancel_feedback(first.terminal.pk, first.action.pk, report("rejected"), shop.now)
        assert second.says(BEGIN) == "STORE_TURN"
        jobs.time_out(later(shop.now, seconds=TIMEOUT_S))
        assert first.now.timed_out_at is not None

    def test_a_cancelled_till_that_never_answers_gives_the_turn_back_and_is_no_failure(self, shop: Shop) -> None:
        first, second = tills(shop)
        first.says(BEGIN)
        service.cancel(first.action.pk, shop.admin, shop.now)
        jobs.time_out(later(shop.now, seconds=TIMEOUT_S))
        assert (first.now.timed_out_at, asking.has_failed(first.now)) == (None, False)
        assert second.says(BEGIN) == ""

    def test_what_is_being_cancelled_does_not_begin(self, shop: Shop) -> None:
        first, second = tills(shop)
        service.cancel(first.action.pk, shop.admin, shop.now)
        first.says(BEGIN)
        assert not first.has_turn
        assert second.says(BEGIN) == ""

    def test_a_person_before_the_till_needs_no_turn_and_the_others_wait_for_it(self, shop: Shop) -> None:
        first, second, third = tills(shop, 3)
        first.says(BEGIN)
        act = OfferAct(uuid="0e5ac4b0-0000-4000-8000-000000000001", act="now", person="shift lead")
        service.act_on_offer(second.terminal.pk, second.action.release_id, act, shop.now)
        assert second.says(BEGIN) == ""
        first.says(GOOD)
        first.proves()
        assert third.says(BEGIN) == "STORE_TURN"

    def test_a_till_that_is_stopped_already_is_believed_and_never_told_to_wait(self, shop: Shop) -> None:
        first, second = tills(shop)
        first.says(BEGIN)
        assert second.says(SWITCH) == ""
        assert second.has_turn
        assert queries.history(second.action.pk)[0].messages == ["STORE_TURN"]

    def test_tills_of_different_shops_do_not_wait_for_each_other(self, shop: Shop) -> None:
        first, _second = tills(shop)
        elsewhere = shop.terminal("far-1", at=str(shop.store("far").address))
        policies.set_field(elsewhere.node, "window", "00:00-24:00", shop.admin, shop.now)
        action = service.assign(elsewhere.serial, first.action.release_id, shop.admin, shop.now)
        first.says(BEGIN)
        assert Till(shop, elsewhere, action).says(BEGIN) == ""

    def test_a_foreign_client_begins_when_it_fetches(self, shop: Shop) -> None:
        first, second = tills(shop, client=Client.DDI)
        assert (first.fetches(), second.fetches()) == ("", "ACTION_UNKNOWN")
        first.says(report("closed", "success"))
        shop.says(first.terminal, kernel="6.2")
        assert second.fetches() == ""


def in_thread(act: Callable[[], str]) -> str:
    """On a connection of its own."""
    try:
        return act()
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
class TestAtTheSameMoment:
    @pytest.mark.parametrize("client", [Client.EVERTILL, Client.DDI])
    def test_the_second_is_asked_when_the_first_is_through(self, shop: Shop, client: Client) -> None:
        first, second = tills(shop, client=client)
        told, go_on = threading.Event(), threading.Event()

        def begin(till: Till) -> str:
            return till.says(BEGIN) if client is Client.EVERTILL else till.fetches()

        def begin_and_linger() -> str:
            with transaction.atomic():
                code = begin(first)
                told.set()
                assert go_on.wait(PATIENCE_S)
            return code

        with ThreadPoolExecutor(2) as pool:
            one: Future[str] = pool.submit(in_thread, begin_and_linger)
            assert told.wait(PATIENCE_S)
            other: Future[str] = pool.submit(in_thread, lambda: begin(second))
            wait([other], timeout=1)
            overtook = other.done()
            go_on.set()
        assert (overtook, one.result(), other.result()) == (
            False,
            "",
            "STORE_TURN" if client is Client.EVERTILL else "ACTION_UNKNOWN",
        )
        assert (first.has_turn, second.has_turn) == (True, False)

    def test_of_many_that_begin_at_once_one_begins(self, shop: Shop) -> None:
        everybody = tills(shop, 4)
        for _round in range(5):
            ready = threading.Barrier(len(everybody))

            def begin(till: Till, ready: threading.Barrier = ready) -> str:
                ready.wait(PATIENCE_S)
                return till.says(BEGIN)

            with ThreadPoolExecutor(len(everybody)) as pool:
                codes = list(pool.map(lambda till: in_thread(lambda: begin(till)), everybody))
            assert sorted(codes) == ["", *["STORE_TURN"] * 3]
            [holder] = [till for till in everybody if till.has_turn]
            holder.says(WAIT)


TILLS = 3
STEPS = st.lists(
    st.tuples(
        st.integers(0, TILLS - 1),
        st.sampled_from(["begin", "begin", "wait", "switch", "good", "prove", "cancel", "stopped", "bad", "silence"]),
    ),
    max_size=14,
)


@dataclass
class Day:
    """What happened in a shop, and what is true of it afterwards."""

    tills: list[Till]
    now: datetime

    def happens(self, number: int, what: str) -> None:
        till = self.tills[number]
        begun = till.has_turn
        match what:
            case "begin":
                till.says(BEGIN, self.now)
            case "wait" if begun:
                till.says(WAIT, self.now)
            case "switch" if begun:
                till.says(SWITCH, self.now)
            case "good" | "bad" if begun:
                till.says(GOOD if what == "good" else BAD, self.now)
            case "prove" if till.now.state == "finished":
                till.proves()
            case "cancel" if till.now.state not in {"canceling", "finished", "error", "canceled"}:
                service.cancel(till.action.pk, till.shop.admin, self.now)
            case "stopped" if till.now.state == "canceling":
                service.cancel_feedback(till.terminal.pk, till.action.pk, report("closed", "success"), self.now)
            case "silence":
                self.now = later(self.now, seconds=TIMEOUT_S)
                jobs.time_out(self.now)

    def holders(self) -> list[Till]:
        return [till for till in self.tills if till.has_turn]

    def failed(self) -> bool:
        return any(asking.has_failed(till.now) for till in self.tills)

    def ends_well(self) -> None:
        """Whoever has the turn finishes, whoever is asked to stop answers."""
        for number, till in enumerate(self.tills):
            if till.now.state == "canceling":
                self.happens(number, "stopped")
            if till.has_turn and till.now.closed_at is None:
                self.happens(number, "good")
            self.happens(number, "prove")


@pytest.mark.django_db
def test_there_are_never_two_holders_and_whoever_waits_gets_the_turn_in_the_end(shop: Shop) -> None:
    everybody = tills(shop, TILLS)

    @settings(max_examples=20)
    @given(STEPS)
    def holds(steps: list[tuple[int, str]]) -> None:
        with transaction.atomic():
            day = Day(everybody, shop.now)
            for number, what in steps:
                day.happens(number, what)
                assert len(day.holders()) <= 1
            for _turn in range(TILLS):
                day.ends_well()
                for till in everybody:
                    till.says(BEGIN, day.now)
            day.ends_well()
            if not day.failed():
                assert all(till.now.closed_at is not None for till in everybody), "somebody waits for ever"
            transaction.set_rollback(True)

    holds()
