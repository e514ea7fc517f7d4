"""Setting a terminal up: checked before anything is written, done again when it was cut off, and no secret left lying about."""

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evertill.terminal.agent.home import load_keys, load_provision
from evertill.terminal.agent.people import People
from evertill.terminal.agent.settings import load_settings
from evertill.terminal.cli import main
from tests.terminal.agent.making import TurnedClock

WORDS: dict[str, Any] = {
    "format": 1,
    "url": "http://127.0.0.1:8000",
    "tenant": "acquirer",
    "serial": "T-0001",
    "token": "0123456789abcdefghijABCDEFGHIJ01",
    "merchant_id": 7,
    "node": "DEFAULT/agent/merchant/store",
    "time_zone": "Asia/Shanghai",
    "model": "demo-touch",
    "hardware_revision": "r1",
    "root": {"signed": {}, "signatures": []},
}

SetUp = Callable[..., int]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def set_up(tmp_path: Path, home: Path) -> SetUp:
    def run(pins: str = "482906\n", mode: int = 0o600, recovery: Path | None = None, **changes: Any) -> int:
        (tmp_path / "provision.json").write_text(json.dumps({**WORDS, **changes}))
        (tmp_path / "pins").write_text(pins)
        (tmp_path / "pins").chmod(mode)
        arguments = ["--provision", str(tmp_path / "provision.json"), "--pin-file", str(tmp_path / "pins")]
        out = recovery or tmp_path / "recovery.key"
        return main(["setup", "--home", str(home), *arguments, "--recovery-out", str(out), "--simulated"])

    return run


def test_a_home_is_complete_and_private(
    set_up: SetUp, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert set_up("owner 482906\n收银主管 918273\n") == 0
    assert "T-0001" in capsys.readouterr().out
    assert load_provision(home).serial == "T-0001"
    assert load_settings(home / "state").sources == "simulated"
    people = People(home / "state" / "people.json", TurnedClock())
    assert people.names() == ["owner", "收银主管"]
    people.verify("收银主管", "918273")
    for path in (home, *home.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_the_recovery_key_is_handed_out_once_and_not_kept(set_up: SetUp, home: Path, tmp_path: Path) -> None:
    set_up()
    text = (tmp_path / "recovery.key").read_text()
    secret = next(line for line in text.splitlines() if line.startswith("AGE-SECRET-KEY-1"))
    assert stat.S_IMODE((tmp_path / "recovery.key").stat().st_mode) == 0o600
    assert all(secret.encode() not in path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert load_keys(home).recovery.startswith("age1")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"pins": ""}, "PIN_FILE_WRONG"),
        ({"pins": "owner 482906\nowner 918273\n"}, "PIN_FILE_WRONG"),
        ({"pins": "12345\n"}, "PIN_TOO_SHORT"),
        ({"pins": "123456\n"}, "PIN_TRIVIAL"),
        ({"mode": 0o644}, "FILE_TOO_OPEN"),
        ({"serial": "a b"}, "PROVISION_INVALID"),
        ({"url": "http://tms.example"}, "PROVISION_PLAIN_HTTP"),
        ({"time_zone": "Mars/Olympus"}, "TIME_ZONE_UNKNOWN"),
        ({"time_zone": "../../etc/passwd"}, "TIME_ZONE_UNKNOWN"),
        ({"ca_pem": "no certificate"}, "CA_UNUSABLE"),
        ({"recovery": Path("/proc/nowhere/recovery.key")}, "FILE_UNREADABLE"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_and_nothing_is_set_up(
    set_up: SetUp, home: Path, capsys: pytest.CaptureFixture[str], words: dict[str, Any], code: str
) -> None:
    assert set_up(**words) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.rstrip().endswith(f"[{code}]")
    assert not (home / "provision.json").exists()


def test_a_set_up_home_is_not_set_up_again(
    set_up: SetUp, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up()
    before = (home / "state" / "keys.json").read_bytes()
    assert set_up(recovery=tmp_path / "second.key") == 1
    assert "[HOME_ALREADY_SET_UP]" in capsys.readouterr().err
    assert (home / "state" / "keys.json").read_bytes() == before
    assert not (tmp_path / "second.key").exists()


def test_no_recovery_key_is_overwritten(set_up: SetUp, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "recovery.key").write_text("of another terminal")
    assert set_up() == 1
    assert "[FILE_EXISTS]" in capsys.readouterr().err
    assert (tmp_path / "recovery.key").read_text() == "of another terminal"


def test_a_set_up_that_was_cut_off_is_done_again(set_up: SetUp, home: Path, tmp_path: Path) -> None:
    set_up()
    (home / "provision.json").unlink()
    assert set_up("owner 918273\n", recovery=tmp_path / "second.key") == 0
    People(home / "state" / "people.json", TurnedClock()).verify("owner", "918273")


def test_every_command_says_when_a_home_is_not_set_up(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pins").write_text("482906\n")
    (tmp_path / "pins").chmod(0o600)
    pin = ["--pin-file", str(tmp_path / "pins")]
    for command in (
        ["status"],
        ["check"],
        ["run"],
        ["updates", "off", *pin],
        ["backup"],
        ["backup", "--list"],
        ["settle"],
    ):
        assert main([command[0], "--home", str(home), *command[1:]]) == 1, command
        assert "[HOME_NOT_SET_UP]" in capsys.readouterr().err


def test_without_an_agent_a_command_says_so(
    set_up: SetUp, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up()
    capsys.readouterr()
    assert main(["status", "--home", str(home)]) == 1
    assert "[AGENT_SILENT]" in capsys.readouterr().err
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert main(["status", "--home", str(home)]) == 1
    assert "升级程序没有应答" in capsys.readouterr().err


def test_a_newer_provision_file_of_the_same_terminal_is_taken_over(set_up: SetUp, home: Path, tmp_path: Path) -> None:
    from evertill.terminal.setup import renew_provision

    set_up()
    (tmp_path / "newer.json").write_text(json.dumps({**WORDS, "token": "ZZZZ456789abcdefghijABCDEFGHIJ01"}))
    renew_provision(home, tmp_path / "newer.json")
    assert load_provision(home).token.startswith("ZZZZ")
    (tmp_path / "other.json").write_text(json.dumps({**WORDS, "serial": "T-0002"}))
    assert main(["run", "--home", str(home), "--provision", str(tmp_path / "other.json")]) == 1
    assert load_provision(home).serial == "T-0001"


@pytest.mark.parametrize(
    "arguments", [[], ["fly"], ["updates", "--home", "x"], ["updates", "maybe", "--home", "x"], ["status"]]
)
def test_wrong_usage_is_exit_two(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


def test_a_date_that_is_none_is_refused(
    set_up: SetUp, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up()
    pin = ["--pin-file", str(tmp_path / "pins")]
    assert main(["updates", "off", "--home", str(home), "--until", "soon", *pin]) == 1
    assert "[DATE_INVALID]" in capsys.readouterr().err


def test_a_backup_without_a_till_is_refused_and_the_list_is_empty(
    set_up: SetUp, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up()
    assert main(["backup", "--home", str(home)]) == 1
    assert "[RESTORE_NEEDS_TILL]" in capsys.readouterr().err
    assert main(["backup", "--home", str(home), "--list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"backups": []}
