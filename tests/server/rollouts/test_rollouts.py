"""Rollouts: members, groups in turn, halting, pausing, stopping; withheld members hold nobody back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from evertill.server.rooms.accounts.errors import NotAllowed
from evertill.server.rooms.accounts.rules import Role
from evertill.server.rooms.audit import queries as audit
from evertill.server.rooms.catalog.events import ReleaseTakenBack
from evertill.server.rooms.fleet import service as fleet
from evertill.server.rooms.fleet.rules import Client
from evertill.server.rooms.kernel.errors import FieldInvalid
from evertill.server.rooms.kernel.events import raise_event
from evertill.server.rooms.kernel.jobs import run_queue
from evertill.server.rooms.organisations import queries as tree
from evertill.server.rooms.policies import service as policies
from evertill.server.rooms.policies.handlers import QUEUE as POLICY_QUEUE
from evertill.server.rooms.rollouts import jobs, progress, queries, service
from evertill.server.rooms.rollouts.errors import (
    ActionUnknown,
    ReleaseNotAssignable,
    RolloutEmpty,
    RolloutNotInState,
    RolloutUnknown,
    SerialsUnknown,
)
from evertill.server.rooms.rollouts.handlers import QUEUE
from evertill.server.rooms.rollouts.models import Action, Rollout, RolloutMember, Standing
from evertill.server.rooms.rollouts.service import NewRollout, groups
from evertill.server.rooms.rollouts.service.standing import BATCH
from tests.server.people import make_person
from tests.server.shop import Shop, later, report

if TYPE_CHECKING:
    from evertill.server.rooms.catalog.models import Release

pytestmark = pytest.mark.django_db


@pytest.fixture
def fleet_of_20(shop: Shop) -> list[int]:
    """Foreign boards of the operator, so that no window and no shop's turn holds them."""
    return shop.many_terminals(20, at=tree.operator(), client=Client.DDI)


@pytest.fixture
def image(shop: Shop) -> Release:
    return shop.release("2.0.0", passthrough=True)


def started(shop: Shop, release: Release, **words: object) -> Rollout:
    rollout = groups.create(NewRollout(release.pk, **words), shop.admin, shop.now)  # type: ignore[arg-type]
    return groups.start(rollout.pk, shop.admin, shop.now)


def state(rollout: Rollout) -> tuple[str, int]:
    found = progress.by_id(rollout.pk)
    return found.state, found.group


def members(rollout: Rollout, group: int) -> list[RolloutMember]:
    return list(RolloutMember.objects.filter(rollout=rollout, group=group).order_by("pk"))


def finish(shop: Shop, member: RolloutMember, *, well: bool = True) -> None:
    """The device fetches, restarts, describes itself and reports."""
    action = Action.objects.select_related("terminal").get(terminal_id=member.terminal_id, closed_at=None)
    service.retrieve(action.terminal_id, action.pk, shop.now)
    shop.says(action.terminal)
    service.feedback(action.terminal_id, action.pk, report("closed", "success" if well else "failure"), shop.now)


def test_members_are_fixed_when_it_is_created_and_nothing_moves_before_the_start(
    shop: Shop, fleet_of_20: list[int], image: Release
) -> None:
    rollout = groups.create(NewRollout(image.pk, groups="50,50"), shop.admin, shop.now)
    shop.terminal("too-late", client=Client.DDI)
    assert (rollout.state, RolloutMember.objects.filter(rollout=rollout).count()) == ("ready", 20)
    groups.tick(shop.now)
    assert not Action.objects.exists()


def test_the_first_group_is_opened_at_the_start_and_the_second_waits(
    shop: Shop, fleet_of_20: list[int], image: Release
) -> None:
    rollout = started(shop, image, groups="50,50")
    first = {member.terminal_id for member in members(rollout, 1)}
    assert set(Action.objects.values_list("terminal_id", flat=True)) == first
    assert set(Standing.objects.filter(link="deploy").values_list("pk", flat=True)) == first
    groups.tick(shop.now)
    assert state(rollout) == ("running", 1)


def test_a_second_plan_that_was_not_started_holds_nothing(shop: Shop, fleet_of_20: list[int], image: Release) -> None:
    running = started(shop, image)
    groups.create(NewRollout(image.pk), shop.admin, shop.now)
    [first, *_others] = members(running, 1)
    finish(shop, first)
    assert progress.counts(running.pk)[1].verified == 1


def test_the_next_group_opens_only_on_proven_success(shop: Shop, fleet_of_20: list[int], image: Release) -> None:
    rollout = started(shop, image, groups="50,50", success_percent=100)
    *others, last = members(rollout, 1)
    for member in others:
        finish(shop, member)
    action = Action.objects.get(terminal_id=last.terminal_id)
    service.retrieve(last.terminal_id, action.pk, shop.now)
    service.feedback(last.terminal_id, action.pk, report("closed", "success"), shop.now)
    groups.tick(shop.now)
    assert state(rollout) == ("running", 1)  # reported, not verified
    shop.says(queries.by_id(action.pk).terminal)
    groups.tick(shop.now)
    assert state(rollout) == ("running", 2)
    for member in members(rollout, 2):
        finish(shop, member)
    groups.tick(shop.now)
    groups.tick(shop.now)
    assert state(rollout) == ("finished", 2)


def test_a_bad_build_halts_in_the_first_group(shop: Shop, fleet_of_20: list[int], image: Release) -> None:
    rollout = started(shop, image, groups="50,50", error_percent=20)
    first, *others = members(rollout, 1)
    finish(shop, first, well=False)
    groups.tick(shop.now)
    found = progress.by_id(rollout.pk)
    assert (found.state, found.group, found.halted_by) == ("halted", 1, "errors")
    assert Standing.objects.filter(link="deploy").count() == 0
    waiting = Action.objects.get(terminal_id=others[0].terminal_id)
    with pytest.raises(ActionUnknown):
        service.retrieve(others[0].terminal_id, waiting.pk, shop.now)
    assert audit.page(kind="rollout", ref=str(rollout.pk))[0].act == "rollout.halt"


def test_a_bad_build_planned_in_1_10_50_and_100_percent_meets_the_first_group_and_nobody_else(
    shop: Shop, image: Release
) -> None:
    """Every terminal that can fetch it does so, and breaks; the plan is looked at after each of them."""
    shop.many_terminals(200, at=tree.operator(), client=Client.DDI)
    rollout = started(shop, image, groups="1,9,40,50", error_percent=10)
    first = {member.terminal_id for member in members(rollout, 1)}
    hit: list[int] = []
    while offered := list(Standing.objects.filter(link="deploy").order_by("pk")[:1]):
        finish(shop, RolloutMember.objects.get(rollout=rollout, terminal_id=offered[0].pk), well=False)
        hit.append(offered[0].pk)
        groups.tick(shop.now)
    assert set(hit) <= first
    assert 1 <= len(hit) <= len(first) < 200 // 20
    assert state(rollout) == ("halted", 1)


def test_silence_past_the_timeout_halts_too(shop: Shop, fleet_of_20: list[int], image: Release) -> None:
    rollout = started(shop, image, timeout_s=7200)
    member = members(rollout, 1)[0]
    action = Action.objects.get(terminal_id=member.terminal_id)
    service.retrieve(member.terminal_id, action.pk, shop.now)
    jobs.time_out(later(shop.now, hours=2))
    groups.tick(later(shop.now, hours=2))
    assert state(rollout) == ("halted", 1)


def test_resuming_after_a_halt_goes_on_with_the_known_errors_pardoned(
    shop: Shop, fleet_of_20: list[int], image: Release
) -> None:
    rollout = started(shop, image)
    first, second, *_others = members(rollout, 1)
    finish(shop, first, well=False)
    groups.tick(shop.now)
    groups.resume(rollout.pk, shop.admin, shop.now)
    groups.tick(shop.now)
    assert state(rollout) == ("running", 1)
    assert Standing.objects.get(pk=second.terminal_id).link == "deploy"
    finish(shop, second, well=False)
    groups.tick(shop.now)
    assert state(rollout) == ("halted", 1)


def test_a_paused_rollout_hands_out_nothing_new_and_keeps_what_was_fetched(
    shop: Shop, fleet_of_20: list[int], image: Release
) -> None:
    rollout = started(shop, image)
    fetched, waiting, *_others = members(rollout, 1)
    action = Action.objects.get(terminal_id=fetched.terminal_id)
    [module] = service.retrieve(fetched.terminal_id, action.pk, shop.now).modules
    groups.pause(rollout.pk, shop.admin, shop.now)
    assert list(Standing.objects.exclude(link="none").values_list("pk", flat=True)) == [fetched.terminal_id]
    assert service.may_download(fetched.terminal_id, module.id, module.artifacts[0].filename, shop.now)
    with pytest.raises(ActionUnknown):
        service.retrieve(waiting.terminal_id, Action.objects.get(terminal_id=waiting.terminal_id).pk, shop.now)
    groups.resume(rollout.pk, shop.admin, shop.now)
    assert Standing.objects.filter(link="deploy").count() == 20


def test_stopped_rollout_hands_out_nothing(shop: Shop, fleet_of_20: list[int], image: Release) -> None:
    rollout = started(shop, image)
    fetched, *_others = members(rollout, 1)
    action = Action.objects.get(terminal_id=fetched.terminal_id)
    service.retrieve(fetched.terminal_id, action.pk, shop.now)
    groups.stop(rollout.pk, shop.admin, shop.now)
    assert dict(Standing.objects.exclude(link="none").values_list("pk", "link")) == {fetched.terminal_id: "cancel"}
    assert set(Action.objects.values_list("state", flat=True)) == {"canceling", "canceled"}
    with pytest.raises(RolloutNotInState):
        groups.resume(rollout.pk, shop.admin, shop.now)
    groups.tick(shop.now)
    assert state(rollout) == ("stopped", 1)


def test_a_rollout_of_a_release_that_is_taken_back_stops(shop: Shop, fleet_of_20: list[int], image: Release) -> None:
    rollout = started(shop, image, groups="50,50")
    image.state = "withdrawn"
    image.save(update_fields=["state"])
    raise_event(ReleaseTakenBack(shop.now, image.pk, revoked=False))
    groups.tick(shop.now)
    assert state(rollout) == ("stopped", 1)
    assert not Action.objects.filter(closed_at=None).exists()


def test_a_late_member_of_a_passed_group_is_no_reason_to_halt(shop: Shop) -> None:
    store = shop.store()
    owner = make_person("demo-owner", Role.MERCHANT_OWNER, tree.by_address("DEFAULT/store-merchant"), shop.now)
    for number in range(12):
        shop.terminal(f"board-{number:02}", at=str(store.address), client=Client.DDI)
    plan = NewRollout(shop.release(passthrough=True).pk, groups="50,50", success_percent=100, error_percent=100)
    rollout = groups.create(plan, shop.admin, shop.now)
    off, *others = members(rollout, 1)
    policies.set_field(off.terminal, "mode", "never", owner, shop.now, reason="our season")
    groups.start(rollout.pk, shop.admin, shop.now)
    for member in others:
        finish(shop, member)
    groups.tick(shop.now)
    assert state(rollout) == ("running", 2)
    policies.set_field(off.terminal, "mode", "automatic", owner, shop.now, reason="season over")
    finish(shop, off, well=False)
    groups.tick(shop.now)
    assert state(rollout) == ("running", 2)


def test_withheld_members_hold_no_group_back(shop: Shop) -> None:
    store = shop.store()
    owner = make_person("demo-owner", Role.MERCHANT_OWNER, tree.by_address("DEFAULT/store-merchant"), shop.now)
    tills = [shop.terminal(f"board-{number}", at=str(store.address), client=Client.DDI) for number in range(4)]
    for off in tills[:3]:
        policies.set_field(off, "mode", "never", owner, shop.now, reason="our season")
    rollout = started(shop, shop.release(passthrough=True))
    counts = progress.counts(rollout.pk)[1]
    assert (counts.members, counts.withheld, counts.open) == (4, 3, 1)
    finish(shop, RolloutMember.objects.get(terminal=tills[3]))
    groups.tick(shop.now)
    assert state(rollout) == ("finished", 1)


def test_a_member_that_is_switched_on_again_counts_again(shop: Shop) -> None:
    store = shop.store()
    owner = make_person("demo-owner", Role.MERCHANT_OWNER, tree.by_address("DEFAULT/store-merchant"), shop.now)
    till = shop.terminal("board-1", at=str(store.address), client=Client.DDI)
    policies.set_field(till, "mode", "never", owner, shop.now, reason="our season")
    rollout = started(shop, shop.release(passthrough=True))
    assert progress.counts(rollout.pk)[1].withheld == 1
    policies.set_field(till, "mode", "automatic", owner, shop.now, reason="season over")
    assert progress.counts(rollout.pk)[1].open == 1
    assert Standing.objects.get(pk=till.pk).link == "deploy"


def test_waiting_for_the_night_is_not_withheld(shop: Shop) -> None:
    till = shop.terminal("till-1", at=str(shop.store().address))
    rollout = started(shop, shop.release())
    assert progress.counts(rollout.pk)[1].open == 1
    assert Standing.objects.get(pk=till.pk).link == "deploy"


def test_who_runs_the_release_already_is_left_alone(shop: Shop) -> None:
    till = shop.terminal("till-1")
    shop.says(till, component__till="1.1.0")
    rollout = started(shop, shop.release("1.1.0"))
    assert Standing.objects.get(pk=till.pk).link == "none"
    assert progress.counts(rollout.pk)[1].withheld == 1
    groups.tick(shop.now)
    assert state(rollout) == ("finished", 1)


def test_a_file_of_serials_narrows_the_members(shop: Shop, fleet_of_20: list[int], image: Release) -> None:
    rollout = groups.create(NewRollout(image.pk, serials=["many-000003", "many-000007"]), shop.admin, shop.now)
    assert sorted(member.terminal.serial for member in progress.members(rollout.pk)) == ["many-000003", "many-000007"]
    with pytest.raises(SerialsUnknown):
        groups.create(NewRollout(image.pk, serials=["many-000003", "nobody"]), shop.admin, shop.now)


def test_retired_terminals_do_not_take_part(shop: Shop, image: Release) -> None:
    shop.terminal("board-1", client=Client.DDI)
    fleet.retire("board-1", shop.admin, shop.now)
    with pytest.raises(RolloutEmpty):
        groups.create(NewRollout(image.pk), shop.admin, shop.now)
    assert not Rollout.objects.exists()


@pytest.mark.parametrize(
    "words",
    [{"groups": "10,40"}, {"success_percent": 0}, {"error_percent": 101}, {"timeout_s": 0}, {"kind": "timeforced"}],
)
def test_a_plan_that_makes_no_sense_is_refused(
    shop: Shop, fleet_of_20: list[int], image: Release, words: dict[str, object]
) -> None:
    with pytest.raises(FieldInvalid):
        groups.create(NewRollout(image.pk, **words), shop.admin, shop.now)  # type: ignore[arg-type]


def test_a_withdrawn_release_cannot_be_started(shop: Shop, fleet_of_20: list[int], image: Release) -> None:
    rollout = groups.create(NewRollout(image.pk), shop.admin, shop.now)
    image.state = "withdrawn"
    image.save(update_fields=["state"])
    with pytest.raises(ReleaseNotAssignable):
        groups.start(rollout.pk, shop.admin, shop.now)


def test_starting_twice_is_refused_and_recorded(shop: Shop, fleet_of_20: list[int], image: Release) -> None:
    rollout = started(shop, image)
    with pytest.raises(RolloutNotInState):
        groups.start(rollout.pk, shop.admin, shop.now)
    assert audit.page(kind="rollout", ref=str(rollout.pk))[0].refused == "ROLLOUT_NOT_IN_STATE"
    assert Action.objects.count() == 20


def test_plan_that_does_not_exist_is_unknown(shop: Shop) -> None:
    with pytest.raises(RolloutUnknown):
        groups.start(999, shop.admin, shop.now)


def test_only_who_may_runs_rollouts(shop: Shop, fleet_of_20: list[int], image: Release) -> None:
    auditor = make_person("demo-auditor", Role.AUDITOR, tree.operator(), shop.now)
    with pytest.raises(NotAllowed):
        groups.create(NewRollout(image.pk), auditor, shop.now)


def test_more_than_a_batch_of_members_is_opened_by_the_queue(shop: Shop, image: Release) -> None:
    ids = shop.many_terminals(BATCH + 1, at=tree.operator(), client=Client.DDI)
    run_queue(QUEUE, lambda: shop.now)
    run_queue(POLICY_QUEUE, lambda: shop.now)
    rollout = started(shop, image)
    groups.tick(shop.now)
    assert (state(rollout), Action.objects.count()) == (("running", 1), 0)
    run_queue(QUEUE, lambda: shop.now)
    assert (Action.objects.count(), Standing.objects.filter(link="deploy").count()) == (len(ids), len(ids))
    groups.stop(rollout.pk, shop.admin, shop.now)
    run_queue(QUEUE, lambda: shop.now)
    assert Standing.objects.filter(link="none").count() == len(ids)


def test_a_live_page_takes_two_queries_however_many_members(shop: Shop, fleet_of_20: list[int], image: Release) -> None:
    rollout = started(shop, image, groups="10,40,50")
    with CaptureQueriesContext(connection) as queries_made:
        found = progress.groups(rollout.pk)
    assert len(queries_made) == 2
    assert [each.group.percent for each in found] == [10, 40, 50]
    assert sum(each.counts.members for each in found) == 20
