"""The terminal's own word on an update: in the order of the design, and never laxer than the server's."""

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evertill.protocol.ddi import Offer
from evertill.protocol.policy import AtDeadline, Mode, Policy, Snapshot
from evertill.protocol.reasons import Reason
from evertill.protocol.release import Release, ReleaseComponent
from evertill.protocol.windows import FreezeRange, Window
from evertill.terminal.agent.acts import ReleaseActs
from evertill.terminal.agent.permission import Facts, own_permission, permission

SHANGHAI = ZoneInfo("Asia/Shanghai")
NIGHT = datetime(2026, 11, 20, 19, 30, tzinfo=UTC)  # 03:30 in Shanghai
NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
AGES = timedelta(days=30)
FROZEN = (FreezeRange(date(2026, 11, 1), date(2026, 11, 30)),)
PART = ReleaseComponent(
    path="components/till.evb",
    sha256="0" * 64,
    sha512="0" * 128,
    length=5,
    type="app",
    component="till",
    version="1.1.0",
)


def release(severity: Any = "feature", **fields: Any) -> Release:
    words = {"id": 12, "name": "till", "version": "1.1.0", "notes": {"zh": "新", "en": "new"}, "minutes": 5, **fields}
    return Release(severity=severity, components=[PART], published_at=NIGHT - AGES * 2, **words)


def facts(now: datetime = NIGHT, **changes: Any) -> Facts:
    policy = changes.pop("policy", Policy())
    words: dict[str, Any] = {
        "now": now,
        "zone": SHANGHAI,
        "serial": "T-0001",
        "policy": policy,
        "snapshot": None,
        "mode_unconfirmed": False,
        "release": release(),
        "acts": ReleaseActs(),
        "offer": Offer(12, download=True, install=True, action=5),
        **changes,
    }
    return Facts(**words)


def overdue(now: datetime = NIGHT, **changes: Any) -> Facts:
    """A critical release past its date, displayed for long, that the server lets act."""
    required_at = now - timedelta(days=1)
    deadline = {"release": 12, "required_at": required_at, "acts_at": required_at}
    snapshot = msgspec.convert(
        {"revision": 1, "fields": {}, "time_zone": "Asia/Shanghai", "deadlines": [deadline]}, Snapshot
    )
    acts = changes.pop("acts", ReleaseActs(displayed_at=now - AGES))
    return facts(
        now, release=release("critical", required_at=required_at), acts=acts, **{"snapshot": snapshot, **changes}
    )


def codes(found: Facts) -> list[str]:
    return [reason.code for reason in own_permission(found).reasons]


def test_in_the_window_an_automatic_terminal_installs() -> None:
    found = permission(facts())
    assert found.download
    assert found.install
    assert found.reasons == ()


def test_outside_the_window_it_downloads_and_waits_for_the_night() -> None:
    found = permission(facts(NOON))
    assert found.download
    assert not found.install
    assert [reason.code for reason in found.reasons] == ["WINDOW_CLOSED"]
    assert found.next_try_at is not None
    assert 3 <= found.next_try_at.astimezone(SHANGHAI).hour < 5


def test_an_update_that_would_not_finish_in_the_window_does_not_begin() -> None:
    almost_over = datetime(2026, 11, 20, 20, 56, tzinfo=UTC)  # 04:56, and it takes 5 minutes
    assert codes(facts(almost_over)) == ["WINDOW_CLOSED"]


def test_a_window_that_is_too_short_waits_for_a_person() -> None:
    found = own_permission(facts(policy=Policy(window=Window.parse("03:00-03:04"))))
    assert [reason.code for reason in found.reasons] == ["WINDOW_TOO_SHORT"]
    assert found.next_try_at is None


def test_nothing_unattended_in_opening_hours_not_even_when_overdue_or_always_allowed() -> None:
    policy = Policy(window=Window.parse("00:00-24:00"), opening_hours=Window.parse("08:00-22:00"))
    assert codes(facts(NOON, policy=policy)) == ["SHOP_OPEN"]
    assert codes(overdue(NOON, policy=policy)) == ["SHOP_OPEN"]
    assert codes(facts(NIGHT, policy=policy)) == []
    always = Policy(window=Window.parse("00:00-24:00"), opening_hours=Window.parse("00:00-24:00"))
    assert codes(facts(NIGHT, policy=always)) == ["NO_QUIET_TIME"]


def test_never_means_not_one_byte() -> None:
    found = own_permission(facts(policy=Policy(mode=Mode.NEVER)))
    assert not found.download
    assert not found.install
    assert found.next_try_at is None


def test_never_still_installs_what_a_person_ticked_and_leaves_the_mode_alone() -> None:
    found = own_permission(
        facts(NOON, policy=Policy(mode=Mode.NEVER), acts=ReleaseActs(now_at=NOON, consented_at=NOON))
    )
    assert found.install


def test_a_tap_of_yesterday_surprises_nobody_today() -> None:
    acts = ReleaseActs(now_at=NOON - timedelta(hours=25))
    assert codes(facts(NOON, policy=Policy(mode=Mode.NEVER), acts=acts)) == ["MODE_NEVER", "WINDOW_CLOSED"]


def test_a_tap_of_this_morning_still_fetches_what_it_began_and_installs_nothing_by_itself() -> None:
    acts = ReleaseActs(now_at=NOON - timedelta(hours=3), consented_at=NOON - timedelta(hours=3))
    found = own_permission(facts(NOON, policy=Policy(mode=Mode.NEVER), acts=acts))
    assert [reason.code for reason in found.reasons] == ["MODE_NEVER", "WINDOW_CLOSED"]
    assert (found.download, found.install) == (True, False)


def test_a_yes_given_before_it_was_switched_off_is_none_afterwards() -> None:
    found = own_permission(facts(policy=Policy(mode=Mode.NEVER), acts=ReleaseActs(consented_at=NIGHT)))
    assert [reason.code for reason in found.reasons] == ["MODE_NEVER"]
    assert not found.download


def test_manual_waits_for_a_yes_from_anywhere() -> None:
    manual = Policy(mode=Mode.MANUAL)
    unheard = Offer(12, download=False, install=False, reasons=[Reason.of("CONSENT_NEEDED", version="1.1.0")])
    assert codes(facts(policy=manual, offer=unheard)) == ["CONSENT_NEEDED"]
    assert not own_permission(facts(policy=manual, offer=unheard)).download
    assert codes(facts(policy=manual)) == [], "the merchant said yes on the phone, and the server heard it"
    assert codes(facts(policy=manual, offer=unheard, acts=ReleaseActs(consented_at=NOON))) == []


def test_switched_to_manual_offline_the_servers_older_permission_is_no_yes() -> None:
    assert codes(facts(policy=Policy(mode=Mode.MANUAL), mode_unconfirmed=True)) == ["CONSENT_NEEDED"]


@pytest.mark.parametrize(
    "acts", [ReleaseActs(), ReleaseActs(now_at=NIGHT, consented_at=NIGHT), ReleaseActs(closing_at=NIGHT)]
)
def test_nobody_at_the_terminal_breaks_a_freeze(acts: ReleaseActs) -> None:
    found = own_permission(facts(policy=Policy(freeze=FROZEN), acts=acts))
    assert "FROZEN" in [reason.code for reason in found.reasons]
    assert found.download, "a freeze holds the installation, not the download"


def test_a_postponement_holds_until_its_time() -> None:
    acts = ReleaseActs(postponed_until=NIGHT + timedelta(days=2))
    found = own_permission(facts(acts=acts))
    assert [reason.code for reason in found.reasons] == ["POSTPONED"]
    assert found.next_try_at == NIGHT + timedelta(days=2)
    assert codes(facts(NIGHT + timedelta(days=2), acts=acts)) == []


def test_a_security_release_past_its_date_is_no_longer_postponed_but_never_and_freeze_hold() -> None:
    late = release("security", required_at=NIGHT - timedelta(days=1))
    acts = ReleaseActs(postponed_until=NIGHT + timedelta(days=2), displayed_at=NIGHT - AGES)
    assert codes(facts(release=late, acts=acts)) == []
    assert codes(facts(release=late, acts=acts, policy=Policy(mode=Mode.NEVER))) == ["MODE_NEVER"]
    assert codes(facts(release=late, acts=acts, policy=Policy(freeze=FROZEN))) == ["FROZEN"]


def test_an_overdue_critical_release_passes_never_freeze_and_postponement_but_not_the_window() -> None:
    policy = Policy(mode=Mode.NEVER, freeze=FROZEN)
    acts = ReleaseActs(displayed_at=NIGHT - AGES, postponed_until=NIGHT + timedelta(days=2))
    assert codes(overdue(policy=policy, acts=acts)) == []
    assert codes(overdue(NOON, policy=policy)) == ["WINDOW_CLOSED"]


@pytest.mark.parametrize(
    "changes",
    [
        {"acts": ReleaseActs(displayed_at=NIGHT - timedelta(days=6))},
        {"acts": ReleaseActs()},
        {"policy": Policy(mode=Mode.NEVER, at_deadline=AtDeadline.NOTIFY_ONLY)},
        {"snapshot": None},
    ],
    ids=["displayed for six days", "never displayed", "notify only", "the server names no date that acts"],
)
def test_a_date_acts_only_when_everything_it_needs_is_there(changes: dict[str, Any]) -> None:
    assert "MODE_NEVER" in codes(overdue(**{"policy": Policy(mode=Mode.NEVER), **changes}))


def test_the_closing_time_tap_passes_the_window_and_nothing_else() -> None:
    evening = datetime(2026, 11, 20, 13, 30, tzinfo=UTC)
    tapped = ReleaseActs(closing_at=evening)
    assert codes(facts(evening, acts=tapped)) == []
    assert codes(facts(evening, acts=tapped, policy=Policy(mode=Mode.NEVER))) == ["MODE_NEVER"]
    assert codes(facts(evening + timedelta(hours=13), acts=tapped)) == ["WINDOW_CLOSED"]


def test_the_servers_no_is_a_no_and_both_sides_reasons_are_shown_once() -> None:
    said = [Reason.of("ROLLOUT_TURN", group=2, groups=3), Reason.of("WINDOW_CLOSED", window="03:00–05:00")]
    found = permission(facts(NOON, offer=Offer(12, download=True, install=False, action=5, reasons=said)))
    assert not found.install
    assert [reason.code for reason in found.reasons] == ["ROLLOUT_TURN", "WINDOW_CLOSED"]
    assert found.next_try_at is None, "a rollout's turn is nobody's clock"


def test_what_is_not_offered_is_not_installed() -> None:
    found = permission(facts(offer=None))
    assert not found.download
    assert not found.install


MODES = st.sampled_from(list(Mode))
ACTS = st.builds(
    ReleaseActs,
    displayed_at=st.sampled_from([None, NIGHT - AGES]),
    consented_at=st.sampled_from([None, NIGHT]),
    now_at=st.sampled_from([None, NIGHT]),
    closing_at=st.sampled_from([None, NIGHT]),
    postponed_until=st.sampled_from([None, NIGHT + AGES]),
)


@given(MODES, ACTS, st.sampled_from([NIGHT, NOON]), st.tuples(*[st.booleans()] * 4))
def test_the_terminal_is_never_laxer_than_the_server(
    mode: Mode, acts: ReleaseActs, now: datetime, flags: tuple[bool, bool, bool, bool]
) -> None:
    frozen, late, download, install = flags
    policy = Policy(mode=mode, freeze=FROZEN if frozen else ())
    offer = Offer(12, download=download, install=install, action=5)
    made = (overdue if late else facts)(now, policy=policy, acts=acts, offer=offer)
    found, own = permission(made), own_permission(made)
    assert not (found.download and not download)
    assert not (found.install and not install)
    assert own.install <= own.download
    assert own.install == (not own.reasons)


def test_nothing_a_person_does_at_a_terminal_set_to_never_and_frozen_installs_now() -> None:
    for now_at, consented_at, closing_at in itertools.product((None, NIGHT), repeat=3):
        acts = ReleaseActs(now_at=now_at, consented_at=consented_at, closing_at=closing_at)
        assert "FROZEN" in codes(facts(policy=Policy(mode=Mode.NEVER, freeze=FROZEN), acts=acts))
