from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

import pytest

from evertill.protocol.release import Operator
from evertill.server.rooms.accounts.rules import Role
from evertill.server.rooms.audit import queries as audit
from evertill.server.rooms.catalog import queries as catalog
from evertill.server.rooms.catalog.trust import ceremony
from evertill.server.rooms.catalog.trust.repository import TrustRepository
from evertill.server.rooms.fleet import service as fleet
from evertill.server.rooms.organisations import queries as tree
from evertill.server.rooms.organisations.rules import Kind
from evertill.server.rooms.rollouts import queries as rollouts
from evertill.server.rooms.rollouts import service
from tests.server.doors.console.reading import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from django.test import Client
    from pytest_django import DjangoAssertNumQueries
    from pytest_django.fixtures import Settings

    from tests.server.shop import Shop

QUERIES_MOST = 16


@pytest.fixture
def trust(tmp_path: Path, settings: Settings, now: datetime) -> None:
    """A repository of one key, so that withdrawing can sign its list."""
    data = tmp_path / "installation"
    data.mkdir()
    settings.INSTALLATION = dataclasses.replace(settings.INSTALLATION, data=data)
    operator = Operator(slug="DEFAULT", name={"zh": "演示收单机构", "en": "Demo operator"})
    words = "plainly a demo passphrase"
    ceremony.initialise(TrustRepository(data), tmp_path / "keys", operator, lambda _name: words, now, solo=True)


@pytest.mark.usefixtures("trust")
def test_withdrawing_says_its_price_needs_a_reason_and_cancels_open_actions(
    shop: Shop, signed_in: Callable[..., Client]
) -> None:
    console = signed_in(Role.RELEASE_MANAGER)
    shop.terminal("DEMO-1", at=shop.store().address)
    release = shop.release()
    action = service.assign("DEMO-1", release.pk, shop.admin, shop.now)
    assert "1 open action is cancelled" in main(console.get(f"/releases/{release.pk}/withdraw"))
    assert "REASON_NEEDED" in main(console.post(f"/releases/{release.pk}/withdraw", {"reason": " "}))
    assert catalog.by_id(release.pk).state == "published"
    page = console.post(f"/releases/{release.pk}/withdraw", {"reason": "card reader silent"}, follow=True)
    assert "Demo till 1.1.0 is withdrawn." in main(page)
    assert catalog.by_id(release.pk).state == "withdrawn"
    assert rollouts.by_id(action.pk).state == "canceled"
    assert audit.page(kind="release", ref=str(release.pk))[0].reason == "card reader silent"
    assert "Only a published release can be withdrawn." in main(console.get(f"/releases/{release.pk}/withdraw"))


def test_fleet_manager_withdraws_nothing(shop: Shop, console: Client) -> None:
    release = shop.release()
    assert console.post(f"/releases/{release.pk}/withdraw", {"reason": "demo"}).status_code == 403
    assert catalog.by_id(release.pk).state == "published"
    assert "Your roles do not let you withdraw it." in main(console.get(f"/releases/{release.pk}/withdraw"))


def test_release_shows_what_it_is_made_of(shop: Shop, console: Client) -> None:
    release = shop.release("1.2.0", severity="security", cves=["CVE-2026-0001"])
    part = catalog.parts(release.pk)[0]
    page = main(console.get(f"/releases/{release.pk}"))
    for said in ("演示", "Demo", part.artifact.sha256, part.target_path, "security", "CVE-2026-0001", "1.0 KB"):
        assert said in page


def test_draft_says_where_it_can_be_published(shop: Shop, console: Client) -> None:
    release = shop.release(state="draft", published_at=None)
    assert f"evertill release publish {release.pk}" in main(console.get(f"/releases/{release.pk}"))


@pytest.mark.usefixtures("trust")
def test_release_that_waits_says_how_to_sign_it(shop: Shop, console: Client) -> None:
    release = shop.release(state="awaiting_signatures", published_at=None)
    page = main(console.get(f"/releases/{release.pk}"))
    assert "Waits for signatures" in page
    assert f"evertill release export {release.pk}" in page


def test_releases_are_filtered_and_paged(shop: Shop, console: Client) -> None:
    made = [shop.release(f"1.0.{number}") for number in range(55)]
    draft = shop.release("2.0.0", state="draft", published_at=None)
    first = console.get("/releases").content.decode()
    [following] = re.findall(r'rel="next" href="([^"]+)"', first)
    listed = re.findall(r'href="/releases/(\d+)"', first + console.get(f"/releases{following}").content.decode())
    assert [int(each) for each in listed] == [draft.pk, *(each.pk for each in reversed(made))]
    drafts = re.findall(r'href="/releases/(\d+)"', console.get("/releases?state=draft").content.decode())
    assert drafts == [str(draft.pk)]


def test_empty_catalogue_says_how_a_release_is_made(console: Client) -> None:
    assert "evertill release create" in main(console.get("/releases"))


def test_node_shows_what_is_below_and_leads_to_terminals_and_policy(shop: Shop, console: Client) -> None:
    store = shop.store()
    shop.many_terminals(3, at=store)
    assert console.get("/tree")["Location"] == "/tree/DEFAULT"
    top = console.get("/tree/DEFAULT")
    assert "DEFAULT/store-merchant Merchant" in main(top)
    page = console.get(f"/tree/{store.address}")
    assert "Terminals 3 here and below" in main(page)
    assert f'href="/policies/{store.address}"' in page.content.decode()
    assert f'href="/?at={store.address}"' in page.content.decode()
    assert "A store has terminals, and nothing else stands below it." in main(page)
    shop.node("DEFAULT/empty", Kind.MERCHANT)
    assert "Nothing stands below it." in main(console.get("/tree/DEFAULT/empty"))


def test_children_are_paged(shop: Shop, console: Client) -> None:
    for number in range(105):
        shop.node(f"DEFAULT/m{number:03}", Kind.MERCHANT)
    first = console.get("/tree/DEFAULT").content.decode()
    [following] = re.findall(r'rel="next" href="([^"]+)"', first)
    listed = re.findall(
        r'href="/tree/(DEFAULT/m\d+)"', first + console.get(f"/tree/DEFAULT{following}").content.decode()
    )
    assert listed == [f"DEFAULT/m{number:03}" for number in range(105)]


def test_record_is_paged_and_filtered(shop: Shop, signed_in: Callable[..., Client]) -> None:
    for number in range(60):
        shop.terminal(f"DEMO-{number:02}")
    auditor = signed_in(Role.AUDITOR)
    first = auditor.get("/audit").content.decode()
    [following] = re.findall(r'rel="next" href="([^"]+)"', first)
    assert ">DEMO-00<" not in first
    assert ">DEMO-00<" in auditor.get("/audit" + following.replace("&amp;", "&")).content.decode()
    page = main(auditor.get("/audit?kind=terminal&ref=DEMO-07"))
    assert "terminal.add" in page
    assert "DEMO-08" not in page
    assert "No row fits." in main(auditor.get("/audit?actor=nobody"))


def test_refused_attempts_stand_in_the_record(shop: Shop, signed_in: Callable[..., Client]) -> None:
    shop.terminal("DEMO-1")
    auditor = signed_in(Role.AUDITOR)
    auditor.post("/terminals/DEMO-1/policy", {"field": "download", "value": "any", "act": "set"})
    assert "refused: NOT_ALLOWED" in main(auditor.get("/audit?actor=demo-auditor"))


@pytest.mark.parametrize("role", [Role.FLEET_MANAGER, Role.SUPPORT_AGENT, Role.AGENT_STAFF])
def test_record_is_for_auditors_and_admins(role: Role, signed_in: Callable[..., Client]) -> None:
    person = signed_in(role)
    assert person.get("/audit").status_code == 403
    assert 'href="/audit"' not in person.get("/").content.decode()


def test_auditor_of_a_part_sees_that_part(shop: Shop, signed_in: Callable[..., Client]) -> None:
    shop.terminal("DEMO-MINE", at=shop.store("mine").address)
    shop.terminal("DEMO-OTHERS", at=shop.store("others").address)
    auditor = signed_in(Role.AUDITOR, tree.by_address("DEFAULT/mine-merchant"))
    page = main(auditor.get("/audit"))
    assert "DEMO-MINE" in page
    assert "DEMO-OTHERS" not in page


@pytest.mark.parametrize("path", ["/releases", "/tree/DEFAULT", "/audit"])
def test_lists_cost_a_bounded_number_of_queries(
    path: str, shop: Shop, signed_in: Callable[..., Client], django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(20):
        shop.release(f"1.0.{number}")
        fleet.add_model(f"model-{number}", [], shop.admin, shop.now)
    auditor = signed_in(Role.AUDITOR)
    with django_assert_max_num_queries(QUERIES_MOST):
        assert auditor.get(path).status_code == 200
