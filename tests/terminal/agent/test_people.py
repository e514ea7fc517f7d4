"""PINs: no default, no easy ones, and no end of tries for nobody."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evertill.terminal.agent.people import FREE_TRIES, People, check_pin
from evertill.terminal.agent.uptime import system_uptime
from evertill.terminal.errors import TerminalRefused
from tests.terminal.agent.making import TurnedClock, TurnedUptime, code_of

PIN = "482906"
WRONG = "739105"


@pytest.fixture
def uptime() -> TurnedUptime:
    return TurnedUptime()


@pytest.fixture
def people(state: Path, clock: TurnedClock, uptime: TurnedUptime) -> People:
    made = People(state / "people.json", clock, uptime)
    made.add("店主", PIN)
    return made


def refused_code(people: People, pin: str, name: str = "店主") -> str:
    with pytest.raises(TerminalRefused) as refused:
        people.verify(name, pin)
    return code_of(refused)


def lock(people: People) -> None:
    for _ in range(FREE_TRIES):
        refused_code(people, WRONG)


def test_the_right_pin_is_accepted(people: People) -> None:
    people.verify("店主", PIN)


def test_a_wrong_pin_says_how_many_tries_are_left(people: People) -> None:
    with pytest.raises(TerminalRefused) as refused:
        people.verify("店主", WRONG)
    assert refused.value.params == {"tries_left": FREE_TRIES - 1}


def test_nobody_has_a_pin_by_default(state: Path, clock: TurnedClock) -> None:
    fresh = People(state / "people.json", clock)
    assert fresh.names() == []
    assert refused_code(fresh, "000000", "owner") == "PERSON_UNKNOWN"


def test_no_pin_is_readable_in_the_file(people: People, state: Path) -> None:
    assert PIN.encode() not in (state / "people.json").read_bytes()
    assert (state / "people.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("pin", ["", "12345", "48290", "4829061234567", "48290a", "４８２９０６", " 482906"])
def test_a_pin_that_is_no_pin_is_refused(pin: str) -> None:
    with pytest.raises(TerminalRefused) as refused:
        check_pin(pin)
    assert code_of(refused) == "PIN_TOO_SHORT"


@pytest.mark.parametrize(
    "pin",
    [
        "000000",
        "111111",
        "123456",
        "654321",
        "012345",
        "890123",
        "121212",
        "123123",
        "112112",
        "100000",
        "19191919",
        "345678901",
    ],
)
def test_a_pin_everybody_tries_first_is_refused(pin: str) -> None:
    with pytest.raises(TerminalRefused) as refused:
        check_pin(pin)
    assert code_of(refused) == "PIN_TRIVIAL"


@given(st.text("0123456789", min_size=3, max_size=4))
def test_a_repeated_group_is_always_trivial(group: str) -> None:
    with pytest.raises(TerminalRefused):
        check_pin(group * 2)


def test_after_five_wrong_pins_even_the_right_one_waits(people: People, uptime: TurnedUptime) -> None:
    lock(people)
    assert refused_code(people, PIN) == "PIN_LOCKED"
    uptime.stay_on(minutes=4, seconds=59)
    assert refused_code(people, PIN) == "PIN_LOCKED"
    uptime.stay_on(seconds=1)
    people.verify("店主", PIN)


def test_each_further_wrong_pin_waits_longer(people: People, uptime: TurnedUptime) -> None:
    lock(people)
    uptime.stay_on(minutes=5)
    refused_code(people, WRONG)
    uptime.stay_on(minutes=9)
    assert refused_code(people, PIN) == "PIN_LOCKED"
    uptime.stay_on(minutes=1)
    people.verify("店主", PIN)


def test_no_wait_is_longer_than_a_day(people: People, uptime: TurnedUptime) -> None:
    for _ in range(40):
        refused_code(people, WRONG)
        uptime.stay_on(hours=24)
    people.verify("店主", PIN)


def test_trying_while_locked_does_not_prolong_the_wait(people: People, uptime: TurnedUptime) -> None:
    lock(people)
    for _ in range(10):
        refused_code(people, WRONG)
    uptime.stay_on(minutes=5)
    people.verify("店主", PIN)


def test_a_restart_gives_no_tries_back(people: People, state: Path, clock: TurnedClock, uptime: TurnedUptime) -> None:
    lock(people)
    assert refused_code(People(state / "people.json", clock, uptime), PIN) == "PIN_LOCKED"


@pytest.mark.parametrize("days", [-365, -1, 1, 365])
def test_setting_the_clock_neither_shortens_nor_lengthens_the_wait(
    people: People, clock: TurnedClock, uptime: TurnedUptime, days: int
) -> None:
    lock(people)
    clock.turn(days=days)
    assert refused_code(people, PIN) == "PIN_LOCKED"
    uptime.stay_on(minutes=4, seconds=59)
    assert refused_code(people, PIN) == "PIN_LOCKED"
    uptime.stay_on(seconds=1)
    people.verify("店主", PIN)


def test_a_locked_person_is_told_until_when_by_the_clock_on_the_wall(
    people: People, clock: TurnedClock, uptime: TurnedUptime
) -> None:
    lock(people)
    uptime.stay_on(minutes=2)
    clock.turn(days=9)
    with pytest.raises(TerminalRefused) as refused:
        people.verify("店主", PIN)
    assert refused.value.params["until"] == (clock.now + timedelta(minutes=3)).isoformat(timespec="seconds")


def test_a_reboot_starts_the_wait_anew_and_never_shortens_it(people: People, uptime: TurnedUptime) -> None:
    lock(people)
    uptime.stay_on(minutes=4)
    uptime.reboot()
    assert refused_code(people, PIN) == "PIN_LOCKED"
    uptime.stay_on(minutes=4, seconds=59)
    assert refused_code(people, PIN) == "PIN_LOCKED"
    uptime.stay_on(seconds=1)
    people.verify("店主", PIN)


def test_the_real_uptime_passes_and_belongs_to_one_boot() -> None:
    first, second = system_uptime(), system_uptime()
    assert first.boot == second.boot != ""
    assert first.seconds <= second.seconds


def test_the_right_pin_forgets_the_wrong_ones(people: People) -> None:
    for _ in range(FREE_TRIES - 1):
        refused_code(people, WRONG)
    people.verify("店主", PIN)
    with pytest.raises(TerminalRefused) as refused:
        people.verify("店主", WRONG)
    assert refused.value.params == {"tries_left": FREE_TRIES - 1}


def test_one_locked_person_locks_nobody_else(people: People) -> None:
    people.add("second", "918273")
    lock(people)
    people.verify("second", "918273")


@pytest.mark.parametrize("name", ["", " ", "a/b", "x" * 40, "a\nb", "-a", "a ", "."])
def test_a_name_that_is_no_name_is_refused(people: People, name: str) -> None:
    with pytest.raises(TerminalRefused) as refused:
        people.add(name, PIN)
    assert code_of(refused) == "PERSON_INVALID"


def test_nobody_can_be_added_over_somebody(people: People) -> None:
    with pytest.raises(TerminalRefused) as refused:
        people.add("店主", "918273")
    assert code_of(refused) == "PERSON_EXISTS"


def test_a_damaged_file_lets_nobody_in(people: People, state: Path) -> None:
    (state / "people.json").write_bytes(b"{")
    assert refused_code(people, PIN) == "STATE_DAMAGED"
