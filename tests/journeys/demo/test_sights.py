"""Each sight can be so, and can be not so: a world in which it is true, then what somebody would have to break for it to be a lie."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from evertill.sim.demo.said import SEEN
from evertill.sim.observer import sights
from evertill.sim.observer.__main__ import Observer
from evertill.sim.observer.home import JournalSilent
from evertill.sim.observer.tills import Look, Seller
from tests.journeys.demo.conftest import SERIAL, change_journal, report

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from evertill.sim.observer.home import Home
    from evertill.sim.observer.traffic import Traffic
    from evertill.sim.observer.world import World
    from tests.journeys.demo.conftest import Said


def action(**changed: Any) -> dict[str, Any]:
    return {"state": "finished", "verified": True, "history": [], **changed}


def explained(code: str, head: str, fact: str) -> list[dict[str, Any]]:
    return [{"version": "1.1.0", "explanation": {"codes": [code], "head": head, "why": {"fact": fact}}}]


def test_every_sight_has_its_sentence() -> None:
    assert SEEN.keys() == sights.SIGHTS.keys()


@pytest.mark.parametrize("lie", [{"verified": False}, {"state": "running"}])
def test_verified_is_what_the_server_says_and_what_sells(
    world: World, traffic: Traffic, said: Said, till: subprocess.Popen[bytes], lie: dict[str, Any]
) -> None:
    assert sights.verified(world, SERIAL, "1.0.0") is None  # no report of it yet
    report(traffic, "reported")
    said.show("/api/v1/actions/5", en=action())
    found = sights.verified(world, SERIAL, "1.0.0")
    assert found is not None
    assert found["action"] == 5
    assert sights.verified(world, SERIAL, "1.1.0") is None  # something else sells
    said.show("/api/v1/actions/5", en=action(**lie))
    assert sights.verified(world, SERIAL, "1.0.0") is None


def test_waiting_is_said_by_server_console_and_screen(world: World, said: Said) -> None:
    for language, head, fact in (("zh", "等待结算", "还没结算"), ("en", "Waiting", "2 sales & more")):
        said.show(
            f"/api/v1/terminals/{SERIAL}/explanation", **{language: explained("TILL_BATCH_UNSETTLED", head, fact)}
        )
    said.show(f"/terminals/{SERIAL}", en="<p>nothing</p>")
    said.show("/update", zh="", en="")
    assert sights.waits(world, SERIAL, "TILL_BATCH_UNSETTLED") is None  # the console does not say it
    said.show(f"/terminals/{SERIAL}", en="<p>2 sales &amp; more</p>")
    assert sights.waits(world, SERIAL, "MODE_NEVER") is None
    assert sights.waits(world, SERIAL, "TILL_BATCH_UNSETTLED")
    assert sights.says_itself(world, SERIAL, "TILL_BATCH_UNSETTLED") is None  # its own screen does not say it
    said.show("/update", zh="<b>还没结算</b>", en="")
    assert sights.says_itself(world, SERIAL, "TILL_BATCH_UNSETTLED") is None  # or in one language only
    said.show("/update", en="<b>2 sales &amp; more</b>")
    assert sights.says_itself(world, SERIAL, "TILL_BATCH_UNSETTLED")


@pytest.mark.parametrize(
    "lie",
    [
        {"state": "finished"},
        {"history": [{"messages": ["outcome: rolled_back"]}]},
    ],
)
def test_bad_end_is_the_one_that_was_told_and_is_shown(
    world: World, traffic: Traffic, said: Said, till: subprocess.Popen[bytes], lie: dict[str, Any]
) -> None:
    report(traffic, "reported", "REHEARSAL_FAILED")
    bad = action(state="error", verified=False, history=[{"messages": ["outcome: failed"]}])
    said.show("/api/v1/actions/5", en=bad)
    said.show(f"/terminals/{SERIAL}", zh="", en="")
    assert sights.ended(world, SERIAL, "failed", "1.0.0") is None  # the console is silent about it
    card = '<article aria-labelledby="came">{}</article>'
    said.show(f"/terminals/{SERIAL}", zh=card.format("没有安装"), en=card.format("Not installed"))
    found = sights.ended(world, SERIAL, "failed", "1.0.0")
    assert found is not None
    assert found["shown"] == {"zh": "没有安装", "en": "Not installed"}
    said.show("/api/v1/actions/5", en={**bad, **lie})
    assert sights.ended(world, SERIAL, "failed", "1.0.0") is None


def test_bad_end_with_a_changed_slot_is_none(
    world: World, home: Home, traffic: Traffic, said: Said, till: subprocess.Popen[bytes]
) -> None:
    report(traffic, "reported", "ROLLED_BACK")
    said.show("/api/v1/actions/5", en=action(state="error", history=[{"messages": ["outcome: rolled_back"]}]))
    card = '<article aria-labelledby="came">back</article>'
    said.show(f"/terminals/{SERIAL}", zh=card, en=card)
    assert sights.ended(world, SERIAL, "rolled_back", "1.0.0")
    (home.folder / "generations" / "1" / "slot" / "till" / "more.py").write_text("# somebody was here")
    assert sights.ended(world, SERIAL, "rolled_back", "1.0.0") is None


def test_state_is_the_last_that_was_told_since_the_mark(world: World, traffic: Traffic) -> None:
    report(traffic, "rehearsing", action=4)
    world.terminals[SERIAL].mark(traffic.of(SERIAL))
    assert sights.in_state(world, SERIAL, ["rehearsing"]) is None
    report(traffic, "rehearsing")
    assert sights.in_state(world, SERIAL, ["rehearsing"]) == {"state": "rehearsing"}
    report(traffic, "failed")
    assert sights.in_state(world, SERIAL, ["rehearsing"]) is None


PROOF = '<p class="proof" data-state="good">This terminal 21:06 <b>confirmed</b> 确认 Server never 永不</p>'
AGREED = '<p class="agree">confirmed 确认</p>'


@pytest.mark.parametrize(
    ("console", "screen", "is_so"),
    [
        (PROOF, AGREED, True),
        (PROOF.replace("21:06", ""), AGREED, False),
        (PROOF.replace("never", "automatic"), AGREED, False),
        (PROOF.replace("good", "waiting"), AGREED, False),
        ("<p>nothing</p>", AGREED, False),
        (PROOF, '<p class="agree">The server does not know yet</p>', False),
    ],
)
def test_off_is_confirmed_at_a_time_on_both_sides(
    world: World, said: Said, console: str, screen: str, *, is_so: bool
) -> None:
    said.show(f"/terminals/{SERIAL}", zh=console, en=console)
    said.show("/update/off", zh=screen, en=screen)
    assert bool(sights.off(world, SERIAL)) is is_so


def test_terminal_with_one_process_left_is_not_dark(world: World, till: subprocess.Popen[bytes]) -> None:
    assert sights.dark(world, SERIAL) is None
    till.kill()
    till.wait()
    assert sights.dark(world, SERIAL) == {}


def test_shortest_gap_is_not_never_stopped(world: World) -> None:
    seller, began_s = Seller("1.0.0", 7), world.terminals[SERIAL].marked_at_s
    world.tills._looks[SERIAL] = [Look(began_s - 9, seller)]
    assert sights.never_stopped(world, SERIAL)
    world.tills._looks[SERIAL] += [Look(began_s + 1, None), Look(began_s + 1.2, seller)]
    assert sights.never_stopped(world, SERIAL) is None


def test_sale_before_or_after_the_rehearsal_is_not_meanwhile(world: World, home: Home, traffic: Traffic) -> None:
    def sell(number: int) -> None:
        at = datetime.now(UTC).isoformat(timespec="microseconds")
        change_journal(home, f"INSERT INTO entries VALUES ({number}, 'A{number}', 2100, '{at}')")

    def meanwhile() -> sights.Facts | None:
        return sights.sold_meanwhile(world, SERIAL, "backing_up", "failed")

    sell(3)
    report(traffic, "backing_up", action=4)
    assert meanwhile() is None
    report(traffic, "failed", action=4)
    sell(4)
    assert meanwhile() is None
    report(traffic, "backing_up")
    sell(5)
    assert meanwhile() is None  # not over yet
    report(traffic, "failed")
    assert meanwhile() == {"sale": "A5", "total_fen": 2100}


@pytest.mark.parametrize(
    "lie",
    [
        {"state": "running", "halted_by": None},
        {"halted_by": "person"},
        {"groups": [{"opened_at": "1", "retrieved": 1}, {"opened_at": "2", "retrieved": 0}]},
        {"groups": [{"opened_at": "1", "retrieved": 1}, {"opened_at": None, "retrieved": 1}]},
    ],
)
def test_halted_is_by_errors_and_reached_nobody_behind(world: World, said: Said, lie: dict[str, Any]) -> None:
    groups = [{"opened_at": "1", "retrieved": 1}, {"opened_at": None, "retrieved": 0}]
    told = {"state": "halted", "halted_by": "errors", "groups": groups}
    said.type("rollout show 4", told)
    assert sights.halted(world, 4, "errors", 1)
    said.type("rollout show 4", told | lie)
    assert sights.halted(world, 4, "errors", 1) is None


@pytest.mark.parametrize("second", [{"opened_at": None}, {"opened_at": "1"}, {"verified": 4}])
def test_rolled_out_is_group_after_group(world: World, said: Said, second: dict[str, Any]) -> None:
    groups = [{"opened_at": "1", "verified": 5}, {"opened_at": "2", "verified": 5}]
    said.type("rollout show 2", {"state": "running", "groups": groups})
    assert sights.rolled_out(world, 2, 10)
    said.type("rollout show 2", {"state": "running", "groups": [groups[0], groups[1] | second]})
    assert sights.rolled_out(world, 2, 10) is None


def test_one_sight_that_was_not_so_spoils_the_report(world: World, traffic: Traffic, said: Said) -> None:
    said.type("rollout list", [])
    said.type("release list", [])
    observer = Observer(traffic)
    observer._world = world
    ask = {"do": "see", "chapter": "evening", "what": "dark", "within_s": 0, "serial": SERIAL}
    assert observer.answer(dict(ask))["observed"] is True
    assert observer.answer({"do": "report", "file": "", "broken": ""}) == {"observed": True}
    assert observer.answer({"do": "report", "file": "", "broken": "somebody left"}) == {"observed": False}
    seen = observer.answer({**ask, "what": "selling", "version": "1.0.0"})
    assert (seen["observed"], seen["facts"]) == (False, {"trouble": "it was not so"})
    assert observer.answer({"do": "report", "file": "", "broken": ""}) == {"observed": False}


def test_server_that_is_gone_is_trouble_and_in_the_report(world: World, traffic: Traffic, tmp_path: Path) -> None:
    observer = Observer(traffic)
    observer._world = world
    seen = observer.answer(
        {"do": "see", "chapter": "books", "what": "halted", "within_s": 0, "number": 9, "by": "errors", "opened": 1}
    )
    assert seen["observed"] is False
    assert "KeyError" in seen["facts"]["trouble"]
    file = tmp_path / "report.json"
    assert observer.answer({"do": "report", "file": str(file), "broken": ""}) == {"observed": False}
    assert json.loads(file.read_text())["broken"].startswith("rollout list: ")


def test_journal_that_cannot_be_read_is_trouble(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evertill.sim.observer.home._PATIENCE_S", 0.2)
    change_journal(home, "DROP TABLE entries")
    with pytest.raises(JournalSilent, match="no such table"):
        home.sales()
