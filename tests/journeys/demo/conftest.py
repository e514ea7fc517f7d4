"""What an observer's test stands on: a home with a till that sells, and a server whose answers and pages the test writes."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from evertill.sim.observer.home import Home
from evertill.sim.observer.pages import Console
from evertill.sim.observer.server import Server
from evertill.sim.observer.tills import Look, Seller, TillWatch
from evertill.sim.observer.traffic import Traffic
from evertill.sim.observer.world import Terminal, World
from tests.journeys.demo.test_processes import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERIAL = "DEMO-1"
ROOT = f"/DEMO/controller/v1/{SERIAL}"
# The command line: answers with what the test wrote for its words.
TYPED = "import json, sys; print(json.dumps(json.load(open(sys.argv[1]))[' '.join(sys.argv[2:-1])]))"


class Said:
    """What a server and a terminal's screen show: by path and language a page (text) or an answer (anything else); by words what is typed."""

    def __init__(self, file: Path) -> None:
        self.pages: dict[tuple[str, str], Any] = {}
        self._file, self._typed = file, dict[str, Any]()
        self.type("", None)

    def show(self, path: str, **by_language: Any) -> None:
        self.pages |= {(path, language): what for language, what in by_language.items()}

    def type(self, words: str, answer: Any) -> None:
        self._typed[words] = answer
        self._file.write_text(json.dumps(self._typed))


@pytest.fixture
def said(tmp_path: Path) -> Said:
    return Said(tmp_path / "typed.json")


@pytest.fixture
def server_port(said: Said) -> Iterator[int]:
    """One server that is asked as console, as API and as a terminal's screen."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            what = said.pages.get((self.path, self.headers.get("Accept-Language", "")))
            body = what.encode() if isinstance(what, str) else json.dumps(what).encode()
            self.send_response(200 if what is not None else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.fixture
def traffic() -> Traffic:
    return Traffic()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """One committed generation with a till 1.0.0 and two sales."""
    generation = tmp_path / "home" / "generations" / "1"
    (generation / "slot" / "till").mkdir(parents=True)
    (generation / "slot" / "till" / "manifest.json").write_text('{"version": "1.0.0"}')
    (generation / "committed").touch()
    (generation / "data").mkdir()
    (generation.parent / "current").symlink_to("1")
    home = Home(tmp_path / "home")
    change_journal(home, "CREATE TABLE entries (id INTEGER, number TEXT, total_fen INTEGER, at TEXT)")
    for number, (name, fen) in enumerate((("A1", 1250), ("A2", 888)), start=1):
        change_journal(home, f"INSERT INTO entries VALUES ({number}, '{name}', {fen}, '2026-01-01T09:00:00.000+00:00')")
    return home


@pytest.fixture
def world(home: Home, traffic: Traffic, said: Said, server_port: int, tmp_path: Path) -> World:
    terminal = Terminal(SERIAL, home)
    (home.folder / "run").mkdir()
    (home.folder / "run" / "screen.port").write_text(str(server_port))
    here, typed = f"http://127.0.0.1:{server_port}", [sys.executable, "-c", TYPED, str(tmp_path / "typed.json")]
    world = World(Server(here, "token", typed), Console(here, "", ""), {SERIAL: terminal}, traffic, TillWatch())
    terminal.mark(traffic.of(SERIAL))
    return world


@pytest.fixture
def till(world: World, home: Home) -> Iterator[subprocess.Popen[bytes]]:
    """A process that runs from the generation, and was last seen selling."""
    program = home.folder / "generations" / "1" / "slot" / "till" / "main.py"
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", str(program)]) as process:
        eventually(lambda: process.pid in home.processes())  # exec(2) shows its words a moment after it succeeded
        world.tills._looks[SERIAL] = [Look(0, Seller("1.0.0", process.pid))]
        yield process
        process.kill()


def change_journal(home: Home, statement: str) -> None:
    with closing(sqlite3.connect(home.folder / "generations" / "1" / "data" / "journal.db")) as journal, journal:
        journal.execute(statement)


def report(traffic: Traffic, state: str, *codes: str, action: int = 5) -> None:
    """The terminal told the server so."""
    words = {"state": state, "reasons": [{"code": code} for code in codes]}
    traffic.note("POST", f"{ROOT}/deploymentBase/{action}/feedback", json.dumps({"evertill": words}).encode())
