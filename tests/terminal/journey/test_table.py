"""The machine's table and what a restart makes of it, without a terminal."""

from itertools import product

import pytest

from evertill.protocol.journey import WITHOUT_TILL, State
from evertill.terminal.agent.journey.resume import after_restart, given_up
from evertill.terminal.agent.journey.states import BEFORE_FLIP, DROPPABLE, FLIPPED, TABLE, WORKING

S = State
ENDS = {S.FAILED, S.ROLLING_BACK, S.REPORTED}
SITUATIONS = list(product(State, (True, False), (True, False)))


def test_every_state_has_its_row() -> None:
    assert set(TABLE) == set(State)


def test_the_way_forward_visits_every_state_but_the_bad_ends_once() -> None:
    way = [S.OFFERED]
    while way[-1] is not S.REPORTED:
        way.append(TABLE[way[-1]].on_ok)
    assert sorted(way) == sorted(set(State) - {S.FAILED, S.ROLLING_BACK})


@pytest.mark.parametrize("state", State)
def test_failure_before_the_flip_switches_nothing_and_after_it_leads_back(state: State) -> None:
    expected = (
        {S.FAILED} if state in BEFORE_FLIP else {S.ROLLING_BACK} if state in {S.PROVING, S.COMMITTED} else {state}
    )
    assert {TABLE[state].on_fail} == expected


@pytest.mark.parametrize("state", State)
def test_held_journey_rests_where_the_shop_sells(state: State) -> None:
    if state in BEFORE_FLIP:
        assert TABLE[state].on_hold not in WITHOUT_TILL


@pytest.mark.parametrize(("state", "link_is_new", "marked"), SITUATIONS)
def test_after_a_restart_link_and_mark_decide(state: State, *, link_is_new: bool, marked: bool) -> None:
    goes_on = after_restart(state, link_is_new=link_is_new, marked=marked)
    if link_is_new and marked:
        assert goes_on in {S.SELLING, S.REPORTED}, "proven and marked: only forward"
    elif link_is_new:
        assert goes_on in {S.PROVING, S.COMMITTED, S.ROLLING_BACK}, "unmarked under the link: prove it or go back"
    else:
        assert goes_on not in {S.MIGRATING, S.SWITCHING, S.PROVING, S.COMMITTED, S.SELLING}, "the locks died with us"


@pytest.mark.parametrize(("state", "link_is_new", "marked"), SITUATIONS)
def test_restarting_again_and_again_comes_to_rest(state: State, *, link_is_new: bool, marked: bool) -> None:
    seen = [state]
    for _ in range(5):
        seen.append(after_restart(seen[-1], link_is_new=link_is_new, marked=marked))
    assert seen[-1] is seen[-2]


@pytest.mark.parametrize("state", State)
def test_only_unproven_work_counts_as_a_crash(state: State) -> None:
    if state in WORKING:
        assert state not in ENDS | {S.COMMITTED, S.SELLING}


def test_given_up_ends_where_the_link_is() -> None:
    assert given_up(S.PROVING, link_is_new=True) is S.ROLLING_BACK
    assert given_up(S.WAITING, link_is_new=False) is S.FAILED
    assert given_up(S.SELLING, link_is_new=True) is S.SELLING


def test_nothing_can_be_dropped_after_the_last_refresh() -> None:
    assert DROPPABLE.isdisjoint(FLIPPED | {S.QUIESCING, S.MIGRATING, S.SWITCHING})
