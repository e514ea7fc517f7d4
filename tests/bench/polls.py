"""What one poll costs the server: python -m tests.bench.polls [TERMINALS] [SECONDS] [ROUNDS]

Makes an installation with its own commands, multiplies one terminal by SQL, serves it, and polls as random terminals over kept connections. The number that counts is the
server's own processor time per poll. Beside it stands what a constant answer cost the same server in the same minute: on a busy machine both grow. Prints one JSON
line for each round.
"""

from __future__ import annotations

import json
import os
import random
import selectors
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

EVERTILL: Final = Path(sys.executable).with_name("evertill")
TOKEN: Final = "plainly-a-demo-token-of-32-chars"
# As processes/web.py serves the product.
GRANIAN: Final = (EVERTILL.with_name("granian"), "--interface", "asgi", "--no-ws", "--log-level", "warning")
CONNECTIONS: Final = 32
TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")

_TERMINALS = """
WITH RECURSIVE number(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM number WHERE n < ?)
INSERT INTO fleet_terminal ({columns}) SELECT {values} FROM fleet_terminal, number WHERE fleet_terminal.id = 1
"""
_STANDINGS = """
INSERT INTO rollouts_standing ({columns}) SELECT {values} FROM rollouts_standing, fleet_terminal
WHERE rollouts_standing.terminal_id = 1 AND fleet_terminal.id > 1
"""


def install(folder: Path, terminals: int) -> None:
    (folder / "password").write_text("plainly-a-demo-password\n", encoding="ascii")
    words = ["--operator", "DEFAULT", "--admin", "demo-admin", "--password-file", str(folder / "password")]
    subprocess.run([EVERTILL, "init", *words], check=True, stdout=subprocess.DEVNULL)
    added = ["terminal", "add", "--serial", "T-0000001", "--token", TOKEN]
    subprocess.run([EVERTILL, *added], check=True, stdout=subprocess.DEVNULL)
    with sqlite3.connect(folder / "data" / "evertill.db") as database:
        for table, template, other in (
            ("fleet_terminal", _TERMINALS, {"id": "n", "serial": "printf('T-%07d', n)"}),
            ("rollouts_standing", _STANDINGS, {"terminal_id": "fleet_terminal.id", "serial": "fleet_terminal.serial"}),
        ):
            columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
            values = ", ".join(other.get(name, f"{table}.{name}") for name in columns)
            statement = template.format(columns=", ".join(columns), values=values)
            database.execute(statement, (terminals,) if "?" in statement else ())
    database.close()


def requests(terminals: int) -> list[bytes]:
    picked = (random.randrange(1, terminals + 1) for _ in range(20_000))
    return [
        f"GET /DEFAULT/controller/v1/T-{number:07} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n"
        f"Authorization: TargetToken {TOKEN}\r\n\r\n".encode()
        for number in picked
    ]


def tree(pid: int) -> Iterator[int]:
    yield pid
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split():
        yield from tree(int(child))


def processor_s(pid: int) -> float:
    """User and system time of a process and its children."""
    fields = [Path(f"/proc/{each}/stat").read_text(encoding="ascii").rpartition(")")[2].split() for each in tree(pid)]
    return sum(int(each[11]) + int(each[12]) for each in fields) / TICKS_PER_S


def load(port: int, asked: list[bytes], seconds: float) -> tuple[int, int]:
    """Polls answered, and how many of them not with 200."""
    selector = selectors.DefaultSelector()
    for number in range(CONNECTIONS):
        line = socket.create_connection(("127.0.0.1", port))
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line.sendall(asked[number])
        selector.register(line, selectors.EVENT_READ)
    answered = failed = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for key, _event in selector.select(1):
            line = key.fileobj  # type: ignore[assignment] # what was registered above
            failed += line.recv(4096)[9:12] != b"200"
            answered += 1
            line.sendall(asked[answered % len(asked)])
    for key in list(selector.get_map().values()):
        key.fileobj.close()  # type: ignore[union-attr] # a socket
    selector.close()
    return answered, failed


def wait_until_open(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(port)


class Measured(NamedTuple):
    answered: int
    failed: int
    used_s: float
    took_s: float

    @property
    def us(self) -> float:
        """The server's own time for one answer."""
        return round(self.used_s / self.answered * 1e6, 1)


def measure(serve: list[str | Path], asked: list[bytes], seconds: float) -> Measured:
    """Serves on one core, with the generator on the others."""
    cores = os.sched_getaffinity(0)
    first, *others = sorted(cores)
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(("127.0.0.1", 0))
        port = holder.getsockname()[1]
        os.sched_setaffinity(0, {first})
        server = subprocess.Popen([*serve, "--port", str(port)])
        os.sched_setaffinity(0, others or {first})
        try:
            wait_until_open(port)
            load(port, asked, 1)
            before, started = processor_s(server.pid), time.monotonic()
            answered, failed = load(port, asked, seconds)
            return Measured(answered, failed, processor_s(server.pid) - before, time.monotonic() - started)
        finally:
            server.terminate()
            server.wait()
            os.sched_setaffinity(0, cores)


def main(terminals: int = 100_000, seconds: float = 5.0, rounds: int = 1) -> None:
    with tempfile.TemporaryDirectory(prefix="evertill-bench-") as name:
        folder = Path(name)
        os.environ["EVERTILL_DATA"] = str(folder / "data")
        install(folder, terminals)
        asked = requests(terminals)
        for _round in range(rounds):
            constant = measure([*GRANIAN, "tests.bench.constant:application"], asked, seconds / 2)
            polls = measure([EVERTILL, "serve", "--only", "device"], asked, seconds)
            said = {
                "terminals": terminals,
                "polls_per_s": round(polls.answered / polls.took_s),
                "failed": polls.failed,
                "server_us_per_poll": polls.us,
                "constant_us": constant.us,
                "load_average": round(os.getloadavg()[0], 1),
            }
            sys.stdout.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
