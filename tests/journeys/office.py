"""The operator's side of the story: an installation, its running server, and the commands somebody types beside it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PASSPHRASE = "plainly a demo passphrase"
EVERTILL = Path(sys.executable).with_name("evertill")
TOKEN = "plainly-a-demo-token-of-32-chars"
SOON_S = 180.0
# A node's polling time; the default of five minutes would make each story take ten.
POLL_OFTEN = """
import sys
from pathlib import Path
from evertill.server import composition, configuration
composition.start(Path(sys.argv[1]))
from evertill.server.rooms.accounts.access import Identity
from evertill.server.rooms.accounts.service import find_person
from evertill.server.rooms.kernel.clock import system_clock
from evertill.server.rooms.organisations import queries
from evertill.server.rooms.policies import service
person = find_person(configuration.load(Path(sys.argv[1])).admin)
service.set_field(queries.operator(), "poll_s", 2, Identity.of_person(person), system_clock())
"""
# Many commands in one process: most of a command's time is starting.
SAY_ALL = """
import contextlib, io, json, sys
from evertill.cli import run
said = []
for words in json.load(sys.stdin):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        if run(words):
            sys.exit(" ".join(words))
    said.append(out.getvalue())
json.dump(said, sys.stdout)
"""


class Office:
    """`with Office(folder) as office:` serves until the block ends."""

    def __init__(self, folder: Path) -> None:
        self.data, self._keys = folder / "data", folder / "keys"
        self._password = folder / "password"
        self._password.write_text("plainly-a-demo-password\n", encoding="ascii")
        self._environment = {
            **os.environ,
            "EVERTILL_DATA": str(self.data),
            "EVERTILL_KEYS": str(self._keys),
            "EVERTILL_PASSPHRASE": PASSPHRASE,
        }
        for name in ("EVERTILL_DATABASE", "EVERTILL_AS", "DJANGO_SETTINGS_MODULE"):
            self._environment.pop(name, None)
        self._stack = ExitStack()
        self.port = 0

    def __enter__(self) -> Self:
        words = [
            "--operator",
            "DEFAULT",
            "--admin",
            "demo-admin",
            "--password-file",
            str(self._password),
            "--with-keys",
            str(self._keys),
        ]
        self.say("init", *words, "--solo")
        self.port = self._free_port()
        log = self._stack.enter_context((self.data.parent / "serve.log").open("wb"))
        process = subprocess.Popen(
            [EVERTILL, "serve", "--port", str(self.port)], env=self._environment, stdout=log, stderr=subprocess.STDOUT
        )
        self._stack.callback(_stop, process)
        eventually(self._answers)
        return self

    def __exit__(self, *_problem: object) -> None:
        self._stack.close()

    def say(self, *words: str) -> str:
        """Types a command; what it printed."""
        done = subprocess.run([EVERTILL, *words], env=self._environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"evertill {' '.join(words)}: {done.stderr}"
        return done.stdout

    def say_all(self, *commands: Sequence[str]) -> list[str]:
        """Types commands one after the other; what each printed. For settings up, where each one's own start would take longest."""
        done = subprocess.run(
            [sys.executable, "-c", SAY_ALL],
            env=self._environment,
            input=json.dumps(commands),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        said: list[str] = json.loads(done.stdout)
        return said

    def poll_often(self) -> None:
        subprocess.run([sys.executable, "-c", POLL_OFTEN, str(self.data)], env=self._environment, check=True)

    def ask(self, *words: str) -> Any:
        return json.loads(self.say(*words, "--json"))

    def release(self, image: Path) -> int:
        """A published release of one image for foreign clients."""
        return self._publish("--artifact", f"os:board:{image.stem}:{image}", "--name", "board", "--version", image.stem)

    def till_release(self, bundle: Path, version: str) -> int:
        """A published release of one version of the till."""
        return self._publish("--component", str(bundle), "--name", "till", "--version", version)

    def _publish(self, *words: str) -> int:
        notes = ["--notes-zh", "演示版本", "--notes-en", "Demo version", "--severity", "feature"]
        release = int(self.ask("release", "create", *words, *notes)["id"])
        self.say("release", "publish", str(release))
        return release

    def assign(self, serial: str, release_id: int) -> int:
        return int(self.say("terminal", "assign", serial, str(release_id)).split()[-1])

    def action(self, action_id: int) -> dict[str, Any]:
        shown: dict[str, Any] = self.ask("action", "show", str(action_id))
        return shown

    def texts(self, action_id: int) -> str:
        """All that the device said about an action."""
        return "\n".join(text for line in self.action(action_id)["history"] for text in line["messages"])

    def lines(self, action_id: int) -> list[str]:
        """The types of an action's history, newest first."""
        return [line["type"] for line in self.action(action_id)["history"]]

    def _free_port(self) -> int:
        """Held bound beside the server's own listening socket, so that nobody else gets it."""
        holder = self._stack.enter_context(socket.socket())
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(("127.0.0.1", 0))
        port: int = holder.getsockname()[1]
        return port

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as line:
                line.sendall(b"GET /DEFAULT/controller/v1/nobody HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                return line.recv(100).startswith(b"HTTP/1.1 401")
        except OSError:
            return False


def eventually(condition: Callable[[], bool], within_s: float = SOON_S) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
