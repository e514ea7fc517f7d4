"""The console in a real browser: a server on a free port of loopback, a small fleet in every state, and Chromium signed in.

Whatever asks the database does so before the browser starts or with `asking`: playwright's loop runs in this thread.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import sync_playwright

from evertill.protocol.ddi import TillReport
from evertill.protocol.reasons import Reason
from evertill.server import composition
from evertill.server.rooms.accounts.rules import Role
from evertill.server.rooms.audit.actor import Actor
from evertill.server.rooms.fleet import service as fleet
from evertill.server.rooms.fleet.rules import Client
from evertill.server.rooms.kernel.clock import system_clock
from evertill.server.rooms.organisations import queries as organisations
from evertill.server.rooms.organisations import service as tree
from evertill.server.rooms.organisations.service import NodeNames
from evertill.server.rooms.policies import service as policies
from evertill.server.rooms.rollouts import service
from evertill.server.rooms.rollouts.models import Action
from evertill.server.rooms.rollouts.service import NewRollout, groups
from tests.journeys.console.gallery import Gallery
from tests.server.doors.console.conftest import compiled
from tests.server.people import PASSWORD, make_person
from tests.server.shop import Shop, report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from playwright.sync_api import Browser, BrowserContext, Page
    from pytest_django.live_server_helper import LiveServer

    from evertill.server.rooms.accounts.access import Identity
    from evertill.server.rooms.organisations.models import Node
    from evertill.server.rooms.rollouts.models import Rollout

__all__ = ["compiled"]

TOP = Path(__file__).parents[3]
FROM_NPM = TOP / "build/npm/node_modules"
HTMX = TOP / "src/evertill/server/static/console/vendor/htmx.min.js"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-sync"]
PATIENCE_MS = 30_000


@pytest.fixture(scope="module")
def axe() -> str:
    return _npm("axe-core/axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module", autouse=True)
def htmx() -> None:
    """What the Makefile puts there, where it has not yet."""
    if not HTMX.exists():
        fresh = HTMX.with_suffix(f".{os.getpid()}")
        shutil.copyfile(_npm("htmx.org/dist/htmx.min.js"), fresh)
        fresh.replace(HTMX)


@pytest.fixture(scope="module")
def chromium() -> str:
    found = os.environ.get("EVERTILL_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.fail("no Chromium: install it, or name one with EVERTILL_CHROMIUM")
    return found


@dataclass
class Office:
    """The server as its staff reach it; `shop` and `rollout` to make something happen meanwhile."""

    address: str
    shop: Shop
    owner: Identity
    store: Node
    rollout: Rollout


@pytest.fixture
def office(live_server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    composition.compose()
    now = system_clock()
    root = tree.create_operator("DEFAULT", NodeNames("演示收单机构", "Demo operator"), Actor.system("test"), now)
    shop = Shop(make_person("demo-admin", Role.OPERATOR_ADMIN, root, now), now)
    store = shop.store()
    owner = make_person("demo-owner", Role.MERCHANT_OWNER, store.get_parent(), now)
    release = shop.release()
    waiting, _idle, off = (shop.terminal(f"DEMO-{number}", at=store.address) for number in (1, 2, 3))
    policies.set_field(off, "mode", "never", owner, now, reason="demo")
    _waiting(shop, waiting, release.pk, now)
    return Office(live_server.url, shop, owner, store, _rollout(shop, now))


@pytest.fixture
def pages(office: Office) -> dict[str, str]:
    """Every page in every state, by what it shows."""
    return Gallery(office.shop, office.owner, office.store).hang()


@pytest.fixture
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as engine:
        opened = engine.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield opened
        opened.close()


def enter(browser: Browser, office: Office, **words: Any) -> tuple[BrowserContext, Page]:
    """A browser of demo-admin, signed in through the form."""
    context = browser.new_context(**({"locale": "en-US"} | words))
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(f"{office.address}/sign-in/")
    page.fill("#id_login", "demo-admin")
    page.fill("#id_password", PASSWORD)
    page.click("main button.main")
    page.wait_for_url(f"{office.address}/")
    return context, page


def ends(office: Office, *, well: bool) -> None:
    """One more board of the open group fetches its update and tells how it went."""
    now = system_clock()
    mine = Action.objects.select_related("terminal").filter(rollout=office.rollout, closed_at=None)
    action = mine.order_by("pk")[0]
    service.retrieve(action.terminal_id, action.pk, now)
    office.shop.says(action.terminal, now)
    service.feedback(action.terminal_id, action.pk, report("closed", "success" if well else "failure", "demo"), now)


def _waiting(shop: Shop, terminal: Any, release_id: int, now: datetime) -> None:
    shop.says(terminal, component__till="1.0.0", slot="A", generation="3")
    fleet.note_seen([(terminal.pk, now, None)])
    action = service.assign(terminal.serial, release_id, shop.admin, now)
    Action.objects.filter(pk=action.pk).update(retrieved_at=now)
    till = TillReport(sale=False, batch_count=17, pending=0)
    words: dict[str, Any] = {
        "state": "waiting",
        "step": 3,
        "reasons": [Reason.of("TILL_BATCH_UNSETTLED", count=17)],
        "till": till,
    }
    service.feedback(terminal.pk, action.pk, report("proceeding", "none", **words), now + timedelta(minutes=1))


def _rollout(shop: Shop, now: datetime) -> Rollout:
    shop.many_terminals(12, at=organisations.operator(), client=Client.DDI)
    image = shop.release("2.0.0", passthrough=True, component="board")
    serials = [f"many-{number:06}" for number in range(12)]
    plan = NewRollout(image.pk, serials=serials, groups="50,50", error_percent=90)
    return groups.start(groups.create(plan, shop.admin, now).pk, shop.admin, now)


def _npm(path: str) -> Path:
    found = FROM_NPM / path
    if not found.exists():
        pytest.fail(f"{found} is missing: make build/npm/.installed")
    return found
