"""`evertill demo`: a running system on this machine, with shops, terminals and the whole story; nothing of it is kept."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from evertill.server.doors.command.line import Needs, RefusedError

if TYPE_CHECKING:
    import argparse

    from evertill.server.doors.command.line import Call, Parser

BUNDLES: Final = Path("build/bundles")
# What the story tells of, by the names `make bundles` gives them.
WANTED: Final = ("till-1.0.0.evb", "till-1.1.0.evb", "till-1.1.1+bad1.evb", "till-1.1.2+bad2.evb")


def declare(noun: str, nouns: argparse._SubParsersAction[Parser]) -> None:
    parser = nouns.add_parser(noun, help="a running system to look at", description="A running system to look at.")
    parser.add_argument("--headless", action="store_true", help="play the story, report, and end")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write what was observed there, as JSON")
    parser.add_argument(
        "--bundles", type=Path, metavar="DIR", help="the till's bundles (else build/bundles: make bundles)"
    )
    parser.add_argument("--port", type=int, default=0, metavar="N", help="the server's port (else a free one)")
    parser.set_defaults(run=demo, needs=Needs.NOTHING, json=False)


def demo(call: Call) -> None:
    """Becomes the demo: a program of its own, because the simulated world knows neither server nor terminal."""
    words = call.words
    bundles = words.bundles or _found()
    missing = [name for name in WANTED if not (bundles / name).is_file()]
    if missing:
        raise RefusedError("BUNDLES_MISSING", f"{bundles} has no {', '.join(missing)}.", "Run: make bundles")
    if words.report and not words.report.resolve().parent.is_dir():
        raise RefusedError("FILE_UNREADABLE", f"There is no folder for {words.report}.", "Make it first.")
    _refuse_busy(words.port)
    command = [
        sys.executable,
        "-m",
        "evertill.sim.demo",
        "--bundles",
        str(bundles.resolve()),
        "--port",
        str(words.port),
    ]
    command += ["--headless"] if words.headless else []
    command += ["--report", str(words.report.resolve())] if words.report else []
    sys.stdout.flush()
    os.execv(sys.executable, command)  # noqa: S606 - no shell: our own module


def _refuse_busy(port: int) -> None:
    try:
        with socket.socket() as holder:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            holder.bind(("127.0.0.1", port))
    except (OSError, OverflowError) as busy:
        reason = getattr(busy, "strerror", None) or "there is no such port"
        raise RefusedError(
            "PORT_BUSY", f"Port {port} cannot be used: {reason}.", "Write another --port, or none."
        ) from None


def _found() -> Path:
    """Here, or beside the source this runs from."""
    beside = Path(__file__).parents[5] / BUNDLES
    return BUNDLES if BUNDLES.is_dir() else beside
