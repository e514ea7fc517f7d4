"""The screen's process: one TCP listener on the loopback address, found again by its pidfile, ended by a signal.

Rules kept here: never another address than 127.0.0.1; the port is the one that was set, or, set to 0, the last one where it is
still free and any free one otherwise, told in `run/screen.port`; two screens of one home never run. It starts nothing and owns
nothing: ended and started again at any moment, nobody loses more than a page.
"""

import argparse
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import uvicorn
from starlette.types import ASGIApp

from evertill.protocol.errors import ProtocolRefused
from evertill.terminal.agent.clock import system_clock
from evertill.terminal.agent.home import load_provision
from evertill.terminal.durable import write_atomic
from evertill.terminal.locks import FileLock
from evertill.terminal.processes import write_pidfile
from evertill.terminal.shell.app import application
from evertill.terminal.shell.desk import Desk
from evertill.terminal.shell.settings import load_screen

ADDRESS: Final = "127.0.0.1"
LONGEST_HEAD_BYTES: Final = 16_384
SWITCHED_OFF_WITHIN_S: Final = 10.0
PORT_FILE: Final = "screen.port"


def listen(run: Path, port: int) -> socket.socket:
    """The listener. Raises OSError where the port that was set is taken."""
    file = run / PORT_FILE
    if port == 0:
        with suppress(OSError, ValueError):
            return _bound(int(file.read_text()))
    return _bound(port)


def tell_port(run: Path, listener: socket.socket) -> None:
    """For whoever opens the browser, and for the next start."""
    write_atomic(run / PORT_FILE, f"{listener.getsockname()[1]}\n".encode())


def hosts_of(listener: socket.socket) -> list[str]:
    """The names by which a browser on this machine may call it."""
    port = listener.getsockname()[1]
    return [f"{name}:{port}" for name in (ADDRESS, "localhost")]


def server_of(app: ASGIApp) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        limit_concurrency=64,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=2,
        h11_max_incomplete_event_size=LONGEST_HEAD_BYTES,
    )
    return uvicorn.Server(config)


def serve(home: Path, port: int, app_of: Callable[[list[str]], ASGIApp]) -> int:
    """Serve until a signal; the application is made for the names under which it is called."""
    run = home / "run"
    with FileLock(run / "screen.lock") as lock:
        if not lock.take_exclusive():
            print(f"screen: {home} has one already", file=sys.stderr)  # noqa: T201 - the supervisor's log
            return 1
        with listen(run, port) as listener:
            write_pidfile(run / "screen.pid")
            tell_port(run, listener)
            server_of(app_of(hosts_of(listener))).run(sockets=[listener])
    return 0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="screen")
    parser.add_argument("--home", type=Path, required=True)
    home: Path = parser.parse_args(arguments).home.resolve()
    try:
        provision = load_provision(home)
        port = load_screen(home).port
    except ProtocolRefused as refused:
        print(f"screen: {refused}", file=sys.stderr)  # noqa: T201
        return 1
    desk = Desk(home, provision.serial, ZoneInfo(provision.time_zone), system_clock, provision.power)
    over = threading.Event()
    closing = threading.Thread(target=desk.closing.run, args=(over,), daemon=True)
    closing.start()
    try:
        return serve(home, port, lambda hosts: application(desk, hosts))
    finally:
        over.set()
        closing.join(SWITCHED_OFF_WITHIN_S)  # the supervisor's end of us must not come before the machine's


def _bound(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((ADDRESS, port))
        listener.listen(64)
    except OSError:
        listener.close()
        raise
    return listener


if __name__ == "__main__":
    sys.exit(main())
