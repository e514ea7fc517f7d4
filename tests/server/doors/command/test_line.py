"""The command line as people meet it: one sentence when it is wrong, a code when it is refused. Real processes, as typed."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

EVERTILL = Path(sys.executable).with_name("evertill")
PASSPHRASE = "plainly a demo passphrase"


class Shell:
    """Types commands on one installation."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data = folder, folder / "data"
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("EVERTILL_", "DJANGO_"))}
        self.environment = clean | {"EVERTILL_DATA": str(self.data), "EVERTILL_PASSPHRASE": PASSPHRASE}
        (folder / "password").write_text("plainly-a-demo-password\n", encoding="ascii")

    def type(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [EVERTILL, *map(str, words)],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )

    def ask(self, *words: str | Path) -> object:
        done = self.type(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def recorded(shell: Shell, kind: str) -> list[dict[str, str]]:
    """The record's rows about one kind of thing, oldest first, read beside the commands."""
    with sqlite3.connect(shell.data / "evertill.db") as rows:
        rows.row_factory = sqlite3.Row
        found = rows.execute("SELECT act, refused, actor FROM audit_auditevent WHERE kind = ? ORDER BY id", [kind])
        return [dict(row) for row in found]


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    shell = Shell(tmp_path_factory.mktemp("shell"))
    words = ("--operator", "DEFAULT", "--admin", "demo-admin", "--password-file", shell.folder / "password")
    done = shell.type("init", *words, "--with-keys", shell.folder / "keys", "--solo")
    assert done.returncode == 0, done.stderr
    return shell


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ((), "required"),
        (("terminals",), "invalid choice"),
        (("terminal",), "VERB"),
        (("terminal", "add"), "--serial"),
        (("terminal", "assign", "DEMO-1", "one"), "no number"),
        (("release", "create", "--name", "x"), "--component"),
        (("node", "add", "DEFAULT/x", "--kind", "planet"), "invalid choice"),
        (("release", "create", "--stepping-stone", "till:newest"), "--stepping-stone"),
        (("keys", "rotate", "snapshots", "snapshot-1"), "invalid choice"),
        (("serve",), "--port"),
    ],
)
def test_wrong_usage_is_one_sentence_saying_what_to_write(words: tuple[str, ...], hint: str, shell: Shell) -> None:
    done = shell.type(*words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert "write:" in done.stderr
    assert hint in done.stderr
    assert "Traceback" not in done.stderr


def test_command_without_an_installation_says_how_to_lay_one_out(shell: Shell, tmp_path: Path) -> None:
    done = shell.type("terminal", "list", "--data", tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "NOT_INSTALLED" in done.stderr
    assert "evertill init" in done.stderr


def test_second_init_changes_nothing(shell: Shell) -> None:
    before = (shell.data / "evertill.toml").read_bytes()
    words = ("--operator", "OTHER", "--admin", "other", "--password-file", shell.folder / "password")
    done = shell.type("init", *words)
    assert done.returncode == 1
    assert "ALREADY_INSTALLED" in done.stderr
    assert (shell.data / "evertill.toml").read_bytes() == before


@pytest.mark.parametrize(
    ("slug", "password", "code"),
    [("DEFAULT", "short", "PASSWORD_WEAK"), ("two words", "plainly-a-demo-password", "FIELD_INVALID")],
)
def test_init_that_cannot_be_finished_leaves_nothing_behind(
    slug: str, password: str, code: str, tmp_path: Path
) -> None:
    shell = Shell(tmp_path)
    (tmp_path / "weak").write_text(password, encoding="ascii")
    words = ("--operator", slug, "--admin", "demo-admin", "--password-file", tmp_path / "weak")
    done = shell.type("init", *words)
    assert done.returncode == 1
    assert code in done.stderr
    assert not (shell.data / "evertill.toml").exists()
    assert shell.type("terminal", "list").returncode == 1


def test_refusal_has_code_sentence_and_next_step_and_is_in_the_record(shell: Shell) -> None:
    done = shell.type("terminal", "show", "NOBODY-1")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("TERMINAL_UNKNOWN: There is no terminal NOBODY-1.")


def test_unknown_person_cannot_act(shell: Shell) -> None:
    done = shell.type(
        "node", "add", "DEFAULT/x", "--kind", "agent", "--name-zh", "甲", "--name-en", "A", "--as", "nobody"
    )
    assert done.returncode == 1
    assert "PERSON_UNKNOWN" in done.stderr


def test_from_an_empty_folder_to_a_published_release_and_an_assigned_terminal(shell: Shell, bundles: Path) -> None:
    shell.ask(
        "node", "add", "DEFAULT/shop", "--kind", "merchant", "--name-zh", "演示商户", "--name-en", "Demo merchant"
    )
    shell.ask("model", "add", "D10", "--hardware", "A", "B")
    provision = shell.folder / "DEMO-0001.json"
    words = ("--serial", "DEMO-0001", "--model", "D10", "--at", "DEFAULT/shop", "--url", "http://127.0.0.1:1")
    shell.ask("terminal", "add", *words, "--provision", provision)
    assert provision.stat().st_mode & 0o777 == 0o600
    said = json.loads(provision.read_text(encoding="utf-8"))
    assert (said["serial"], said["tenant"], said["node"], said["model"]) == (
        "DEMO-0001",
        "DEFAULT",
        "DEFAULT/shop",
        "D10",
    )
    assert said["root"]["signed"]["_type"] == "root"
    notes = ("--notes-zh", "第一版", "--notes-en", "First version", "--severity", "feature")
    bounds = ("--requires", "agent:>=0.1", "--incompatible-peripheral", "04b8:0202")
    recovery = ("--recovery-zh", "别断电", "--recovery-en", "Leave the power on")
    made = shell.ask(
        "release",
        "create",
        "--component",
        bundles / "till-1.0.0.evb",
        "--name",
        "till",
        "--version",
        "1.0.0",
        *notes,
        *bounds,
        *recovery,
    )
    assert isinstance(made, dict)
    release = str(made["id"])
    shell.ask("release", "publish", release, "--keys", shell.folder / "keys")
    shown = shell.ask("release", "show", release)
    assert isinstance(shown, dict)
    assert shown["state"] == "published"
    assert shown["recovery"] == {"zh": "别断电", "en": "Leave the power on"}
    assert shown["artifacts"][0]["target_path"] == "components/till-1.0.0.evb"
    action = shell.ask("terminal", "assign", "DEMO-0001", release)
    assert isinstance(action, dict)
    history = shell.ask("action", "show", str(action["action"]))
    assert isinstance(history, dict)
    assert (history["terminal"], history["verified"]) == ("DEMO-0001", False)


def test_bundle_is_built_and_inspected_without_an_installation(shell: Shell, bundles: Path) -> None:
    manifest = shell.ask("bundle", "inspect", bundles / "till-1.1.0.evb")
    assert isinstance(manifest, dict)
    assert (manifest["component"], manifest["version"]) == ("till", "1.1.0")
    done = shell.type("bundle", "inspect", shell.folder / "password")
    assert done.returncode == 1
    assert done.stderr.startswith("BUNDLE_")


def test_keys_are_replaced_and_renewed_as_typed_and_each_time_recorded(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    keys = shell.folder / "keys"
    words = ("--operator", "DEFAULT", "--admin", "demo-admin", "--password-file", shell.folder / "password")
    assert shell.type("init", *words, "--with-keys", keys).returncode == 0

    for role, old in (("root", "root-1"), ("targets", "targets-2"), ("timestamp", "timestamp-1")):
        done = shell.ask("keys", "rotate", role, old, "--keys", keys)
        assert isinstance(done, dict)
        assert done["published"]
    assert shell.type("keys", "renew", "targets", "--keys", keys).returncode == 0
    again = shell.type("keys", "rotate", "root", "root-1", "--keys", keys)

    assert (again.returncode, again.stderr.split(":")[0]) == (1, "KEY_NOT_LISTED")
    status = shell.ask("keys", "status")
    assert isinstance(status, dict)
    listed = {each["role"]: each["keys"] for each in status["roles"]}
    assert listed == {
        "root": ["root-2", "root-3", "root-4"],
        "targets": ["targets-1", "targets-3", "targets-4"],
        "snapshot": ["snapshot-1"],
        "timestamp": ["timestamp-2"],
    }
    acts = [(row["act"], row["refused"]) for row in recorded(shell, "keys")]
    assert acts == [
        ("keys.init", ""),
        ("keys.rotate", ""),
        ("keys.rotate", ""),
        ("keys.rotate", ""),
        ("keys.renew", ""),
        ("keys.rotate", "KEY_NOT_LISTED"),
    ]


def test_new_key_that_waits_for_the_other_holder_leaves_a_request_to_carry(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    keys, elsewhere = shell.folder / "keys", shell.folder / "elsewhere"
    words = ("--operator", "DEFAULT", "--admin", "demo-admin", "--password-file", shell.folder / "password")
    assert shell.type("init", *words, "--with-keys", keys).returncode == 0
    elsewhere.mkdir()
    (elsewhere / "root.json").write_bytes((keys / "root.json").read_bytes())
    for name in ("root-2.pem", "root-3.pem"):
        (keys / name).rename(elsewhere / name)

    waiting = shell.ask("keys", "rotate", "targets", "targets-3", "--keys", keys, "--request-out", "request.json")
    assert isinstance(waiting, dict)
    assert (waiting["published"], waiting["missing"], waiting["file"]) == (False, 1, "request.json")
    signed = shell.type("keys", "sign", "request.json", "--keys", elsewhere, "--out", "signatures.json", "--yes")

    assert signed.returncode == 0, signed.stderr
    assert "key_added targets: targets-4" in signed.stdout
    imported = shell.ask("keys", "import", "signatures.json")
    assert isinstance(imported, dict)
    assert imported["published"]


def test_keys_on_the_server_stop_it_from_serving(shell: Shell) -> None:
    shell.type("keys", "init", "--keys", shell.data / "keys")
    (shell.data / "left").mkdir(exist_ok=True)
    key = next((shell.folder / "keys").glob("targets-*.pem"))
    (shell.data / "left" / key.name).write_bytes(key.read_bytes())
    try:
        done = shell.type("serve", "--port", "1")
    finally:
        (shell.data / "left" / key.name).unlink()
    assert done.returncode == 1
    assert "KEYS_ON_SERVER" in done.stderr


def test_a_limit_out_of_bounds_stops_it_from_serving(shell: Shell) -> None:
    settings = shell.data / "evertill.toml"
    before = settings.read_text(encoding="utf-8")
    settings.write_text(f"{before}[device_door]\nparallel_downloads = 0\n", encoding="utf-8")
    try:
        done = shell.type("serve", "--port", "1")
    finally:
        settings.write_text(before, encoding="utf-8")
    assert done.returncode == 1
    assert "SETTINGS_INVALID" in done.stderr
    assert "from 1 to 10000" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--host", "0.0.0.0"), "PLAIN_HTTP"),
        (("--tls-cert", "cert.pem"), "TLS_HALF"),
        (("--host", "no.such.host.invalid"), "HOST_UNKNOWN"),
    ],
)
def test_unsafe_serving_is_refused(words: tuple[str, ...], code: str, shell: Shell) -> None:
    done = shell.type("serve", "--port", "1", *words)
    assert done.returncode == 1
    assert code in done.stderr
