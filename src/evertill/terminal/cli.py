"""`evertill-terminal`: the terminal's command line, for technicians, scripts and tests.

Rules kept here: exit 0 done, 1 refused with one sentence, its next step and its code on stderr, 2 wrong usage; reads take `--json`;
PINs and keys come from files of mode 0600 or a prompt, never from the command line. What changes something goes through the
agent (`run/agent.sock`); a backup needs no agent.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from evertill.protocol.errors import Language, ProtocolRefused
from evertill.terminal import commands


class Parser(argparse.ArgumentParser):
    """Says in one sentence what was wrong and what to write instead."""

    def error(self, message: str) -> NoReturn:
        usage = " ".join(self.format_usage().removeprefix("usage: ").split())
        self.exit(2, f"{self.prog}: {message}; write: {usage}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    language: Language = "zh" if os.environ.get("LANG", "").startswith("zh") else "en"
    try:
        options.home = options.home.expanduser().resolve()
        code = options.run(options, language)
    except ProtocolRefused as refused:
        print(f"{refused.text(language)} {refused.next_step(language)} [{refused.code}]", file=sys.stderr)  # noqa: T201
        return 1
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return int(code)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="evertill-terminal", description="A payment terminal and its update agent.")
    below = parser.add_subparsers(required=True, metavar="COMMAND")
    home = Parser(add_help=False)
    home.add_argument("--home", type=Path, required=True, metavar="DIR", help="the terminal's home folder")
    read = Parser(add_help=False)
    read.add_argument("--json", action="store_true", help="facts for programs")
    person = Parser(add_help=False)
    person.add_argument("--person", default="owner", help="who does it (default: owner)")
    person.add_argument("--pin-file", type=Path, metavar="FILE", help="their PIN, mode 0600 (default: a prompt)")

    run = below.add_parser("run", parents=[home], help="start the supervisor, and with it agent, till and screen")
    run.add_argument("--provision", type=Path, metavar="FILE", help="take over a newer provision file first")
    screen = "the touch screen's port on 127.0.0.1; 0: a free one, told in run/screen.port"
    run.add_argument("--screen-port", type=int, metavar="N", help=screen)
    run.add_argument("--simulated", action="store_true", help="with a first start: simulated battery, network, devices")
    run.set_defaults(run=commands.run)

    setup = below.add_parser("setup", parents=[home], help="set the terminal up without a screen")
    setup.add_argument("--provision", type=Path, required=True, metavar="FILE")
    setup.add_argument("--pin-file", type=Path, required=True, metavar="FILE", help="lines NAME PIN, mode 0600")
    setup.add_argument("--recovery-out", type=Path, required=True, metavar="FILE", help="where the recovery key goes")
    setup.add_argument("--simulated", action="store_true", help="simulated battery, network and USB devices")
    setup.set_defaults(run=commands.setup)

    status = below.add_parser("status", parents=[home, read], help="how this terminal is")
    status.set_defaults(run=commands.status)

    check = below.add_parser("check", parents=[home, read], help="ask the server now")
    check.add_argument("--timeout-s", type=float, default=60.0)
    check.set_defaults(run=commands.check)

    updates = below.add_parser("updates", parents=[home, read, person], help="automatic updates on, off, or ask first")
    updates.add_argument("mode", choices=("on", "off", "ask"))
    updates.add_argument("--until", metavar="DATE", help="until this day, as 2026-12-24")
    updates.set_defaults(run=commands.updates)

    install = below.add_parser("install", parents=[home, person], help="install an offered release now")
    install.add_argument("release", type=int)
    install.add_argument("--component", action="append", default=[], metavar="NAME", help="only this one (repeatable)")
    install.set_defaults(run=commands.install)

    settle = below.add_parser("settle", parents=[home], help="close the till's batch")
    settle.set_defaults(run=commands.settle)

    backup = below.add_parser("backup", parents=[home, read], help="make an encrypted, verified backup")
    backup.add_argument("--list", action="store_true", help="show the backups instead")
    backup.set_defaults(run=commands.backup)

    restore = below.add_parser("restore", parents=[home, person], help="restore a backup")
    restore.add_argument("file", type=Path)
    restore.add_argument(
        "--identity", type=Path, metavar="FILE", help="recovery key, mode 0600 (default: this terminal's)"
    )
    restore.add_argument("--into", type=Path, metavar="DIR", help="only unpack and verify into a new folder")
    restore.add_argument("--timeout-s", type=float, default=300.0)
    restore.set_defaults(run=commands.restore)
    return parser


if __name__ == "__main__":
    sys.exit(main())
