"""What people say about a release: heard by the server, kept over restarts, and not stretched."""

from datetime import timedelta
from pathlib import Path

import pytest

from evertill.terminal.agent.acts import Acts
from evertill.terminal.agent.connection import Connection
from evertill.terminal.agent.outbox import Outbox
from evertill.terminal.agent.reports import Reports
from evertill.terminal.errors import TerminalRefused
from tests.fakes.fake_server import FakeServer
from tests.terminal.agent.making import NOW, TurnedClock, code_of

LATEST = timedelta(days=14)


@pytest.fixture
def outbox(state: Path) -> Outbox:
    return Outbox(state / "outbox")


@pytest.fixture
def acts(state: Path, clock: TurnedClock, outbox: Outbox) -> Acts:
    return Acts(state / "acts.json", clock, Reports(outbox, clock, lambda: None))


def test_a_tick_reaches_the_server_with_text_person_and_components(
    server: FakeServer, connection: Connection, outbox: Outbox, acts: Acts
) -> None:
    acts.consent(12, person="owner", components=["till"], text_version="consent-3")
    outbox.deliver(connection)
    ((release, said),) = server.acts.values()
    assert release == 12
    assert (said["act"], said["person"], said["components"], said["text_version"]) == (
        "consent",
        "owner",
        ["till"],
        "consent-3",
    )
    assert acts.of(12).components == ("till",)


def test_the_closing_time_tap_is_told_to_the_server_which_watches_the_window_too(
    server: FakeServer, connection: Connection, outbox: Outbox, acts: Acts
) -> None:
    acts.at_closing_time(12)
    outbox.deliver(connection)
    ((release, said),) = server.acts.values()
    assert (release, said["act"]) == (12, "closing_time")
    assert acts.of(12).closing_at == NOW


def test_a_release_is_reported_displayed_once_and_its_clock_never_starts_again(
    server: FakeServer, connection: Connection, outbox: Outbox, acts: Acts, clock: TurnedClock
) -> None:
    acts.displayed(12)
    clock.turn(days=3)
    acts.displayed(12)
    outbox.deliver(connection)
    assert server.count("POST", "/offers/12") == 1
    assert acts.of(12).displayed_at == NOW
    assert acts.displayed_releases() == [12]


def test_a_postponement_ends_fourteen_days_after_the_first_display_however_often_it_is_repeated(
    acts: Acts, clock: TurnedClock
) -> None:
    acts.displayed(12)
    clock.turn(days=10)
    acts.postpone(12, NOW + timedelta(days=14), person="owner", latest=LATEST)
    clock.turn(days=3)
    with pytest.raises(TerminalRefused) as refused:
        acts.postpone(12, NOW + timedelta(days=14, minutes=1), person="owner", latest=LATEST)
    assert code_of(refused) == "POSTPONED_TOO_FAR"


def test_a_postponement_before_any_display_starts_the_clock(acts: Acts, clock: TurnedClock) -> None:
    acts.postpone(12, NOW + timedelta(days=7), person="owner", latest=LATEST)
    clock.turn(days=7)
    with pytest.raises(TerminalRefused):
        acts.postpone(12, NOW + timedelta(days=15), person="owner", latest=LATEST)


def test_in_manual_mode_a_release_may_wait_for_ever(acts: Acts) -> None:
    acts.postpone(12, NOW + timedelta(days=4000), person="owner", latest=None)
    assert acts.of(12).postponed_until == NOW + timedelta(days=4000)


def test_now_ends_a_postponement(acts: Acts) -> None:
    acts.postpone(12, NOW + timedelta(days=7), person="owner", latest=LATEST)
    acts.now(12, person="owner", components=[], text_version="now-1")
    assert acts.of(12).postponed_until is None
    assert acts.of(12).now_at == NOW


def test_switching_off_withdraws_what_was_agreed_before(acts: Acts) -> None:
    acts.now(12, person="owner", components=["till"], text_version="now-1")
    acts.withdraw_all()
    assert acts.of(12).consented_at is None
    assert acts.of(12).now_at is None


def test_acts_survive_a_restart_and_a_damaged_record_invents_no_consent(
    acts: Acts, state: Path, clock: TurnedClock, outbox: Outbox
) -> None:
    acts.consent(12, person="owner", components=[], text_version="consent-3")
    restarted = Acts(state / "acts.json", clock, Reports(outbox, clock, lambda: None))
    assert restarted.of(12).consented_at == NOW
    (state / "acts.json").write_bytes(b"?")
    assert restarted.of(12).consented_at is None
    assert (state / "acts.json.damaged").exists()


def test_what_was_said_about_releases_long_gone_is_forgotten(acts: Acts, clock: TurnedClock) -> None:
    acts.displayed(12)
    acts.displayed(13)
    clock.turn(days=401)
    acts.forget({13})
    assert acts.displayed_releases() == [13]
