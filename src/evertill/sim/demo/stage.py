"""Laying the demo out: installation, tree, people, policies, terminals; then everything is switched on. Ordinary commands only, no code knows the demo."""

from __future__ import annotations

import json
import secrets
import shlex
import socket
import sys
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from evertill.sim.demo import cast
from evertill.sim.demo.office import EVERTILL, Office, side_by_side
from evertill.sim.demo.processes import start
from evertill.sim.demo.terminal import RealTerminal
from evertill.sim.demo.watching import Watching

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

TIME_ZONE: Final = "Asia/Shanghai"
POLICIES: Final = (("window", "00:00-24:00"), ("rate_limit_days", "0"), ("poll_s", "2"))
_PASSWORD_BYTES: Final = 9


class Stage:
    """Everything that is there once the curtain opens."""

    def __init__(self, folder: Path, port: int) -> None:
        for name in ("logs", "terminals"):
            (folder / name).mkdir()
        self.folder = folder
        self.passwords = {login: secrets.token_urlsafe(_PASSWORD_BYTES) for login in (cast.ADMIN, *cast.OWNERS)}
        self.office = Office(folder, port or free_port(), secrets.token_urlsafe(_PASSWORD_BYTES))
        self.terminals = {till.serial: self._terminal(till) for till in cast.REAL}
        self.watching: Watching
        self._fleet: subprocess.Popen[str]

    def open(self) -> None:
        """From an empty folder to a running world. Raises `CommandRefused`."""
        office = self.office
        names = ["--name-zh", cast.OPERATOR_NAMES[0], "--name-en", cast.OPERATOR_NAMES[1]]
        who: list[str | Path] = [
            "--operator",
            cast.OPERATOR,
            "--admin",
            cast.ADMIN,
            "--password-file",
            self._password_file(cast.ADMIN),
        ]
        office.say("init", *who, *names, "--with-keys", self.folder / "keys")
        office.open()
        self.watching = Watching(office.port, self.folder / "logs" / "observer.log", office.environment)
        self._settle_the_tree()
        self._add_terminals()
        self.write_shell()
        side_by_side([terminal.set_up for terminal in self.terminals.values()])
        token = office.say("token", "create", "--scope", "read").strip()
        office.wait_until_open()
        self._switch_on()
        self._introduce(token)
        for terminal in self.terminals.values():
            terminal.wait_for_screen()

    def _settle_the_tree(self) -> None:
        office = self.office
        depths = sorted({organisation.path.count("/") for organisation in cast.TREE})
        for depth in depths:
            office.say_all(_added(each) for each in cast.TREE if each.path.count("/") == depth)
        models = [("model", "add", model, "--hardware", cast.HARDWARE) for model in (cast.MODEL, cast.VIRTUAL_MODEL)]
        policies = [("policy", "set", cast.OPERATOR, field, value) for field, value in POLICIES]
        office.say_all([*models, *policies, *map(self._as_owner, cast.OWNERS)])

    def _add_terminals(self) -> None:
        """Real ones find the server through the observer's proxy, so every byte is counted; virtual ones talk to it straight."""
        office, behind = self.office, f"http://127.0.0.1:{self.watching.proxy_port}"
        real: list[tuple[str | Path, ...]] = [
            (*_as_terminal(till, cast.MODEL), "--provision", self.terminals[till.serial].provision, "--url", behind)
            for till in cast.REAL
        ]
        tokens = {till.serial: secrets.token_hex(24) for till in cast.VIRTUAL}
        only_known = [
            (*_as_terminal(till, cast.VIRTUAL_MODEL), "--token", tokens[till.serial]) for till in cast.VIRTUAL
        ]
        office.say_all([*real, *only_known])
        virtual = [
            {"serial": serial, "token": token, "model": cast.VIRTUAL_MODEL, "components": {"till": "1.0.0"}}
            for serial, token in tokens.items()
        ]
        scene = {"url": office.url, "tenant": cast.OPERATOR, "terminals": virtual}
        self._scene.touch(mode=0o600)
        self._scene.write_text(json.dumps(scene), encoding="utf-8")

    def _switch_on(self) -> None:
        for terminal in self.terminals.values():
            terminal.switch_on()
        log = self.folder / "logs" / "fleet.log"
        self._fleet = start([sys.executable, "-m", "evertill.sim.fleet", self._scene], log, self.office.environment)

    def gone(self) -> list[str]:
        """The logs of programs that should run and do not."""
        runs = {"fleet": self._fleet, "server": self.office.server}
        return [f"logs/{name}.log" for name, process in runs.items() if process.poll() is not None]

    def _introduce(self, token: str) -> None:
        """The observer to everything it may look at."""
        access = {
            "token": token,
            "command": [str(EVERTILL)],
            "login": cast.ADMIN,
            "password": self.passwords[cast.ADMIN],
        }
        self.watching.meet(self.office, access, list(self.terminals.values()))

    def write_shell(self) -> None:
        """What makes a shell this operator's: `. shell`. Holds the signing keys' passphrase: mode 0600."""
        self.shell.touch(mode=0o600)
        lines = [f"export {name}={shlex.quote(value)}" for name, value in self.office.installation.items()]
        self.shell.write_text("\n".join([*lines, f'PATH={shlex.quote(str(EVERTILL.parent))}:"$PATH"', ""]))

    @property
    def shell(self) -> Path:
        return self.folder / "shell"

    def _as_owner(self, login: str) -> tuple[str | Path, ...]:
        words = ("--role", "merchant_owner", "--at", cast.OWNERS[login], "--password-file", self._password_file(login))
        return ("person", "add", login, *words)

    @property
    def _scene(self) -> Path:
        return self.folder / "fleet.json"

    def _terminal(self, till: cast.Till) -> RealTerminal:
        folder = self.folder / "terminals" / till.serial
        folder.mkdir()
        return RealTerminal(till, folder, self.office.environment)

    def _password_file(self, login: str) -> Path:
        file = self.folder / f"password-{login}"
        file.touch(mode=0o600)
        file.write_text(f"{self.passwords[login]}\n", encoding="ascii")
        return file


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        port: int = holder.getsockname()[1]
    return port


def far_window() -> str:
    """Two hours that begin twelve hours from now, by the shop's own clock."""
    opens = datetime.now(ZoneInfo(TIME_ZONE)) + timedelta(hours=12)
    return f"{opens:%H:%M}-{opens + timedelta(hours=2):%H:%M}"


def _added(organisation: cast.Organisation) -> tuple[str, ...]:
    zone = ("--time-zone", TIME_ZONE) if organisation.kind == "agent" else ()
    names = ("--name-zh", organisation.zh, "--name-en", organisation.en)
    return ("node", "add", organisation.path, "--kind", organisation.kind, *names, *zone)


def _as_terminal(till: cast.Till, model: str) -> tuple[str, ...]:
    words = ("--model", model, "--hardware-revision", cast.HARDWARE, "--at", till.node, "--name", till.name)
    return ("terminal", "add", "--serial", till.serial, *words)
