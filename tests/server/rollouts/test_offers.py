"""What a person at one of our terminals is offered, and what comes of their word."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from evertill.protocol.ddi import OfferAct
from evertill.protocol.reasons import Reason
from evertill.server.rooms.accounts.rules import Role
from evertill.server.rooms.audit import queries as audit
from evertill.server.rooms.fleet.rules import Client
from evertill.server.rooms.kernel.errors import FieldInvalid
from evertill.server.rooms.organisations import queries as tree
from evertill.server.rooms.policies import service as policies
from evertill.server.rooms.policies.errors import PostponedTooLong
from evertill.server.rooms.policies.models import Consent, Displayed
from evertill.server.rooms.rollouts import explaining, queries, service
from evertill.server.rooms.rollouts.errors import ActionUnknown, OfferUnknown
from evertill.server.rooms.rollouts.models import Action, OfferWord
from evertill.server.rooms.rollouts.service import NewRollout, groups
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


def said(act: Any, **words: Any) -> OfferAct:
    return OfferAct(uuid=str(uuid.uuid4()), act=act, person="shift lead", **words)


def rolled_out(shop: Shop, version: str = "1.1.0", **words: Any) -> int:
    release = shop.release(version, **words)
    rollout = groups.create(NewRollout(release.pk), shop.admin, shop.now)
    groups.start(rollout.pk, shop.admin, shop.now)
    return release.pk


def codes(terminal: Terminal, shop: Shop) -> list[list[str]]:
    return [[reason.code for reason in offer.reasons] for offer in service.offers(terminal.pk, shop.now)]


def test_nothing_is_offered_where_nothing_is_rolled_out(shop: Shop, till: Terminal) -> None:
    shop.release()
    assert service.offers(till.pk, shop.now) == []


def test_an_offer_tells_what_holds_it_and_when_it_goes_on(shop: Shop, till: Terminal) -> None:
    release_id = rolled_out(shop)
    [offer] = service.offers(till.pk, shop.now)
    assert (offer.release, offer.download, offer.install, [r.code for r in offer.reasons]) == (
        release_id,
        True,
        False,
        ["WINDOW_CLOSED"],
    )
    assert offer.next_try_at is not None
    assert offer.next_try_at > shop.now


def test_manual_mode_waits_for_a_tick_and_not_one_byte_before(shop: Shop, till: Terminal, owner: Identity) -> None:
    policies.set_field(till, "mode", "manual", owner, shop.now, reason="we decide")
    release_id = rolled_out(shop)
    [offer] = service.offers(till.pk, shop.now)
    assert offer.action is not None
    assert queries.by_id(offer.action).state == "wait_for_confirmation"
    with pytest.raises(ActionUnknown):
        service.retrieve(till.pk, offer.action, shop.now)
    service.act_on_offer(till.pk, release_id, said("consent", components=["till"], text_version="t1"), shop.now)
    assert queries.by_id(offer.action).state == "running"
    assert service.retrieve(till.pk, offer.action, shop.now).modules
    row = audit.page(kind="terminal", ref=till.serial)[0]
    assert (row.act, row.details["person"], row.details["text_version"], row.details["components"]) == (
        "offer.consent",
        "shift lead",
        "t1",
        ["till"],
    )


def test_never_is_skipped_by_a_person_at_the_terminal_and_stays_never(
    shop: Shop, till: Terminal, owner: Identity
) -> None:
    release_id = rolled_out(shop)
    policies.set_field(till, "mode", "never", owner, shop.now, reason="our season")
    assert codes(till, shop) == [["MODE_NEVER", "WINDOW_CLOSED"]]
    service.act_on_offer(till.pk, release_id, said("now"), shop.now)
    [offer] = service.offers(till.pk, shop.now)
    assert (offer.download, offer.install) == (True, True)
    action = Action.objects.get(closed_at=None)
    [module] = service.retrieve(till.pk, action.pk, shop.now).modules
    # However slow the line: the person's word covers this action.
    assert service.may_download(till.pk, module.id, module.artifacts[0].filename, later(shop.now, hours=5))


def test_the_closing_time_tap_skips_the_window_and_nothing_else(shop: Shop, till: Terminal) -> None:
    release = rolled_out(shop)
    assert codes(till, shop) == [["WINDOW_CLOSED"]]
    service.act_on_offer(till.pk, release, said("closing_time"), shop.now)
    [offer] = service.offers(till.pk, shop.now)
    assert (offer.install, offer.reasons) == (True, [])
    until = (shop.now + timedelta(days=3)).date().isoformat()
    freeze = [{"starts_on": shop.now.date().isoformat(), "ends_on": until}]
    policies.set_field(till, "freeze", freeze, shop.admin, shop.now, reason="holidays")
    assert codes(till, shop) == [["FROZEN"]]


def test_a_word_makes_the_action_where_none_is_open(shop: Shop, till: Terminal) -> None:
    release_id = rolled_out(shop)
    [offer] = service.offers(till.pk, shop.now)
    assert offer.action is not None
    service.cancel(offer.action, shop.admin, shop.now)
    [offer] = service.offers(till.pk, shop.now)
    assert offer.action is None
    service.act_on_offer(till.pk, release_id, said("now"), shop.now)
    action = Action.objects.get(closed_at=None)
    assert (action.origin, action.assigned_by) == ("terminal", till.serial)


def test_the_same_word_told_twice_counts_once(shop: Shop, till: Terminal) -> None:
    release_id = rolled_out(shop)
    word = said("consent")
    service.act_on_offer(till.pk, release_id, word, shop.now)
    service.act_on_offer(till.pk, release_id, word, later(shop.now, hours=1))
    assert OfferWord.objects.count() == 1
    assert Consent.objects.get().at == shop.now


def test_terminals_that_chose_the_same_uuid_both_count(shop: Shop, till: Terminal) -> None:
    other = shop.terminal("till-2", at=till.node.address)
    release_id = rolled_out(shop)
    word = said("displayed")
    service.act_on_offer(till.pk, release_id, word, shop.now)
    service.act_on_offer(other.pk, release_id, word, shop.now)
    assert Displayed.objects.count() == 2


def test_a_word_about_a_release_that_is_not_offered_is_refused(shop: Shop, till: Terminal) -> None:
    hidden = shop.release("9.9.9")
    for act in ("now", "consent", "displayed"):
        with pytest.raises(OfferUnknown):
            service.act_on_offer(till.pk, hidden.pk, said(act), shop.now)
    assert not Action.objects.exists()
    assert not Displayed.objects.exists()


def test_unknown_components_cannot_be_ticked(shop: Shop, till: Terminal) -> None:
    release_id = rolled_out(shop)
    with pytest.raises(FieldInvalid):
        service.act_on_offer(till.pk, release_id, said("consent", components=["loyalty"]), shop.now)
    assert not OfferWord.objects.exists()


def test_later_holds_the_installation_until_that_day(shop: Shop, till: Terminal) -> None:
    release_id = rolled_out(shop)
    until = later(shop.now, days=3)
    service.act_on_offer(till.pk, release_id, said("postpone", until=until), shop.now)
    [offer] = service.offers(till.pk, shop.now)
    assert "POSTPONED" in [reason.code for reason in offer.reasons]
    assert offer.next_try_at is not None
    assert offer.next_try_at >= until
    with pytest.raises(PostponedTooLong):
        service.act_on_offer(till.pk, release_id, said("postpone", until=later(shop.now, days=15)), shop.now)
    with pytest.raises(FieldInvalid):
        service.act_on_offer(till.pk, release_id, said("postpone"), shop.now)


def test_what_a_terminal_displays_is_noted_by_its_own_report(shop: Shop, till: Terminal) -> None:
    release_id = rolled_out(shop)
    service.act_on_offer(till.pk, release_id, said("displayed"), shop.now)
    assert Displayed.objects.get().release_id == release_id


def test_feedback_also_tells_what_is_displayed_and_ignores_unknown_releases(shop: Shop, till: Terminal) -> None:
    release_id = rolled_out(shop)
    [offer] = service.offers(till.pk, shop.now)
    assert offer.action is not None
    service.retrieve(till.pk, offer.action, shop.now)
    service.feedback(till.pk, offer.action, report("proceeding", displayed=[release_id, 999_999]), shop.now)
    assert list(Displayed.objects.values_list("release_id", flat=True)) == [release_id]


def test_what_runs_already_is_not_offered_again(shop: Shop, till: Terminal) -> None:
    shop.says(till, component__till="1.1.0")
    rolled_out(shop, "1.1.0")
    assert service.offers(till.pk, shop.now) == []


def test_explain_says_the_same_as_the_offer_in_both_languages(shop: Shop, till: Terminal) -> None:
    rolled_out(shop)
    [chinese] = explaining.explain(till.serial, shop.now, "zh")
    [english] = explaining.explain(till.serial, shop.now, "en")
    assert chinese.explanation.codes == english.explanation.codes == ["WINDOW_CLOSED"]
    assert "升级时段" in chinese.explanation.why.fact
    assert "window" in english.explanation.why.fact


def test_explain_adds_what_the_terminal_itself_reported(shop: Shop, till: Terminal) -> None:
    rolled_out(shop)
    [offer] = service.offers(till.pk, NIGHT)
    assert offer.action is not None
    service.retrieve(till.pk, offer.action, shop.now)
    unsettled = Reason.of("TILL_BATCH_UNSETTLED", count=3)
    service.feedback(
        till.pk, offer.action, report("proceeding", state="waiting", step=3, reasons=[unsettled]), shop.now
    )
    [explained] = explaining.explain(till.serial, shop.now, "en")
    assert "TILL_BATCH_UNSETTLED" in explained.explanation.codes


def test_a_critical_release_gives_way_to_the_security_only_build_that_this_terminal_can_get(
    shop: Shop, till: Terminal, owner: Identity
) -> None:
    due = later(NIGHT, days=-1)
    words: dict[str, Any] = {"severity": "critical", "required_at": due, "cves": ["CVE-2026-0001"], "emergency": True}
    shop.says(till, component__till="1.0.0")
    policies.set_field(till, "mode", "never", owner, NIGHT, reason="our season")
    whole = service.assign(till.serial, shop.release("1.1.0", **words).pk, shop.admin, NIGHT)
    assert service.offers(till.pk, NIGHT)[0].install, "alone, it acts at its date"
    build = shop.release("1.0.0.post1", fixes_on="1.0.0", **words)
    assert service.offers(till.pk, NIGHT)[0].install, "a build it cannot get replaces nothing"
    rollout = groups.create(NewRollout(build.pk, serials=[till.serial]), shop.admin, NIGHT)
    groups.start(rollout.pk, shop.admin, NIGHT)
    [offered] = service.offers(till.pk, NIGHT)
    assert (offered.release, offered.install) == (build.pk, True)
    explained = explaining.explain_release(till.serial, whole.release_id, NIGHT, "en")
    assert {"MODE_NEVER", "DEADLINE_BY_BUILD"} <= set(explained.explanation.codes)


def test_a_terminals_first_software_does_not_count_for_the_rate_limit(shop: Shop, till: Terminal) -> None:
    shop.says(till, component__agent="1.0")
    first = service.assign(till.serial, shop.release("1.0.0").pk, shop.admin, NIGHT)
    service.feedback(till.pk, first.pk, report("closed", "success", state="reported"), NIGHT)
    shop.says(till, component__agent="1.0", component__till="1.0.0")
    second = service.assign(till.serial, shop.release("1.1.0").pk, shop.admin, NIGHT)
    [offer] = service.offers(till.pk, NIGHT)
    assert "RATE_LIMIT" not in [reason.code for reason in offer.reasons]
    service.feedback(till.pk, second.pk, report("closed", "success", state="reported"), NIGHT)
    service.assign(till.serial, shop.release("1.2.0").pk, shop.admin, NIGHT)
    [offer] = service.offers(till.pk, NIGHT)
    assert "RATE_LIMIT" in [reason.code for reason in offer.reasons], "the update after it does"


def test_a_foreign_clients_update_counts_although_it_tells_nothing_of_its_software(shop: Shop) -> None:
    board = shop.terminal("board-1", client=Client.DDI)
    action = service.assign(board.serial, shop.release("1.0.79", passthrough=True).pk, shop.admin, shop.now)
    assert queries.by_id(action.pk).purpose == "update"


def test_a_release_nobody_rolled_out_is_explained_too(shop: Shop, till: Terminal) -> None:
    explained = explaining.explain_release(till.serial, shop.release().pk, shop.now, "en")
    assert "NOT_OFFERED" in explained.explanation.codes


def test_the_price_of_never_is_computed_from_this_terminals_releases(shop: Shop, till: Terminal) -> None:
    due = later(shop.now, days=20)
    security = shop.release("1.2.0", severity="critical", required_at=due, cves=["CVE-2026-0001"])
    feature = shop.release("1.1.0")
    shop.says(till, component__till="1.0.0")
    found = explaining.consequences(till.serial, shop.now)
    assert [(hole.release, hole.required_at) for hole in found.holes] == [(security.pk, due)]
    assert [missed.release for missed in found.missed] == [feature.pk]
