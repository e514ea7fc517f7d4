"""The bad builds do what rehearsals need: one is found by its self-test, the other only by its second start."""

from collections.abc import Callable
from pathlib import Path

from tests.till.driver import RunningTill, run_till

Tree = Callable[[str], Path]


def test_bad1_fails_its_self_test_by_wrong_totals(tree: Tree, shop: Callable[[str], Path]) -> None:
    code, answer = run_till(tree("1.1.1+bad1"), "self-test", "--data", shop("1.1.0"))
    assert (code, answer["ok"], answer["version"]) == (1, False, "1.1.1+bad1")
    checks = answer["checks"]
    assert isinstance(checks, list)
    failed = {check["name"]: check["detail"] for check in checks if not check["ok"]}
    assert failed["totals_add_up"] == "sales of the batch: expected 4, saw 0"
    assert {"journal_sound", "write_read_back", "lock_works"}.isdisjoint(failed)


def test_bad2_passes_its_self_test_and_first_start_and_fails_the_second(
    tree: Tree, shop: Callable[[str], Path], start: Callable[..., RunningTill]
) -> None:
    data = shop("1.1.0")
    assert run_till(tree("1.1.2+bad2"), "self-test", "--data", data)[0] == 0
    first = start(data, "--prove", version="1.1.2+bad2").wait_ready()
    assert first.state()["mode"] == "proving"
    assert first.ask(do="stop") == {"ok": True}
    assert first.wait_exit() == 0
    second = start(data, "--prove", version="1.1.2+bad2")
    _, errors = second.process.communicate(timeout=20)
    assert second.process.returncode == 1
    assert "can't subtract offset-naive and offset-aware datetimes" in errors


def test_the_good_version_sells_on_what_bad2_left_behind(
    shop: Callable[[str], Path], start: Callable[..., RunningTill]
) -> None:
    data = shop("1.1.0")
    bad = start(data, "--prove", version="1.1.2+bad2").wait_ready()
    bad.ask(do="stop")
    bad.wait_exit()
    assert start(data, version="1.1.0").wait_ready().browser().sell(1_00) == "000001-0001"
