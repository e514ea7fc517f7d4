"""Updates switched off, for thirty days, against a server that offers everything all the time: not one byte of payload, nothing changed.

The agent is the real one with a turned clock; the server counts the bytes of payload that leave it. What comes through all the same: the notice of a
critical release, and on its date what the policy documents.
"""

import hashlib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evertill.terminal.agent.composition import Agent, compose
from evertill.terminal.lines import ask
from evertill.terminal.shell.facts import Facts
from evertill.terminal.shell.notices import Notices
from tests.fakes.fake_server import FakeServer
from tests.fakes.shop import ANY_TIME, Shop
from tests.terminal.agent.making import TurnedClock

POLL_HOURS = 6
CRITICAL = 13


class Merchant:
    """A shop with updates off, its agent without the waiting, and its days."""

    def __init__(self, folder: Path, server: FakeServer) -> None:
        self.server, self.folder = server, folder
        self.clock = TurnedClock(datetime.now(UTC))
        self.shop = Shop(folder, server)
        self.shop.set_up()
        self.shop.install_first_till()
        server.set_policy(2, mode="never", window=ANY_TIME)
        self.agent: Agent = compose(self.shop.home, self.clock)
        self.began: list[int] = []

    def days(self, count: int) -> None:
        """The signatures are renewed daily; the agent talks at its own pace and begins whatever it would."""
        for _ in range(count):
            for signed, lifetime in ((self.shop.mint.snapshot, 14), (self.shop.mint.timestamp, 7)):
                signed.expires = (self.clock() + timedelta(days=lifetime)).replace(microsecond=0)
            self.shop.publish()
            for _ in range(24 // POLL_HOURS):
                self.clock.turn(hours=POLL_HOURS)
                self.agent.polls.converse()
                assert self.agent.board.contact.refused is None
                if order := self.agent.orders.next(self.clock()):
                    self.began.append(order.release)

    def facts(self) -> Facts:
        said = ask(self.shop.home / "run" / "agent.sock", {"ask": "status"}, 5.0)
        selling = {"version": "1.0.0", "mode": "selling", "sale": False, "batch_count": 0}
        return msgspec.convert({**said, "till": selling}, Facts)

    def installed(self) -> dict[str, str]:
        """Slot, version, data and downloads of the terminal, byte for byte."""
        folders = [self.shop.home / "generations", self.shop.home / "agents", self.shop.home / "cache"]
        files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
        links = [path for folder in folders for path in folder.rglob("*") if path.is_symlink()]
        hashes = {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
        return hashes | {str(path): str(path.readlink()) for path in links}


@pytest.fixture
def merchant(tmp_path: Path, server: FakeServer) -> Iterator[Merchant]:
    made = Merchant(tmp_path, server)
    thread = threading.Thread(target=made.agent.door.run)
    thread.start()
    yield made
    made.agent.door.stop()
    thread.join(5)


def test_releases_published_while_off_leave_slot_version_and_cache_as_they_were(
    merchant: Merchant, server: FakeServer
) -> None:
    before = merchant.installed()
    _release, files = merchant.shop.release("1.1.0", 12)
    server.offer(5, 12, files)
    merchant.days(15)
    _release, files = merchant.shop.release("1.2.0", 14)
    server.offer(6, 14, files)
    merchant.days(15)
    assert (server.payload_bytes, server.count("GET", "/artifacts/")) == (0, 0)
    assert merchant.began == []
    assert merchant.installed() == before
    facts = merchant.facts()
    assert (facts.version, facts.mode) == ("1.0.0", "never")
    assert Notices(merchant.shop.home, merchant.agent.place.zone).due(facts, merchant.clock()) == "", (
        "no routine notice"
    )


@pytest.mark.parametrize(
    ("at_deadline", "begins"), [("install_in_window", [CRITICAL]), ("notify_only", [])], ids=["installs", "only tells"]
)
def test_critical_release_shows_its_notice_and_on_its_date_the_documented_rule_acts(
    merchant: Merchant, server: FakeServer, at_deadline: str, begins: list[int]
) -> None:
    server.set_policy(3, mode="never", window=ANY_TIME, at_deadline=at_deadline)
    date = (merchant.clock() + timedelta(days=20)).replace(microsecond=0)
    release, files = merchant.shop.release("1.2.0", CRITICAL, severity="critical", required_at=date)
    server.offer(5, CRITICAL, files)
    server.policy["deadlines"] = [_deadline(date)]
    merchant.days(1)
    notices = Notices(merchant.shop.home, merchant.agent.place.zone)
    assert notices.due(merchant.facts(), merchant.clock()) == release.version
    assert ask(merchant.shop.home / "run" / "agent.sock", {"do": "displayed", "release": CRITICAL}, 5.0)["ok"]
    merchant.days(18)
    assert (server.payload_bytes, merchant.began) == (0, [])
    merchant.days(2)
    assert sorted(set(merchant.began)) == begins
    assert merchant.facts().mode == "never", "afterwards, too"


def test_date_that_was_never_displayed_here_does_not_act(merchant: Merchant, server: FakeServer) -> None:
    date = (merchant.clock() + timedelta(days=3)).replace(microsecond=0)
    _release, files = merchant.shop.release("1.2.0", CRITICAL, severity="critical", required_at=date)
    server.offer(5, CRITICAL, files)
    server.policy["deadlines"] = [_deadline(date)]
    merchant.days(30)
    assert (server.payload_bytes, merchant.began) == (0, [])


def _deadline(date: datetime) -> dict[str, Any]:
    return {"release": CRITICAL, "required_at": date.isoformat(), "acts_at": date.isoformat()}
