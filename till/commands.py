"""The till's commands (CONTRACT.md §2): arguments in, one JSON line out, exit 0 done, 1 refused, 2 wrong usage.

Each command imports what it needs when it runs, so that a start does not pay for the others.
"""

import json
import os
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from till.clock import SystemClock
from till.edition import FEATURES, MIGRATIONS, READABLE, SCHEMA, VERSION
from till.errors import Refused
from till.journal import database

DONE, REFUSED = 0, 1


def main(arguments: Sequence[str]) -> int:
    """Runs one command and returns its exit code."""
    options = _parser().parse_args(arguments)
    os.umask(0o077)
    try:
        code: int = options.run(options)
    except Refused as refused:
        _print({"code": refused.code, "detail": refused.detail, **refused.facts})
        return REFUSED
    return code


def _start(options: Namespace) -> int:
    from till.start import start

    start(options.data, options.run_folder, proving=options.prove)
    return DONE


def _self_test(options: Namespace) -> int:
    from till.checks import Bench, run_all
    from till.checks.all import CHECKS
    from till.data_folder import owned
    from till.journal.journal import require_schema

    clock = SystemClock()
    with owned(options.data):
        require_schema(database.look(options.data).schema, SCHEMA)
        with closing(database.open_existing(options.data)) as db:
            checks = (*CHECKS, *(check for feature in FEATURES for check in feature.checks))
            findings = run_all(checks, Bench(options.data, db, clock, MIGRATIONS, FEATURES))
    ok = all(finding["ok"] for finding in findings)
    _print({"ok": ok, "version": VERSION, "checks": findings})
    return DONE if ok else REFUSED


def _migrate(options: Namespace) -> int:
    from till.data_folder import owned
    from till.journal.migrate import migrate

    began = time.monotonic()
    with owned(options.data):
        found = migrate(options.data, options.to, READABLE, MIGRATIONS, SystemClock())
    _print({"from": found, "to": options.to, "ms": round((time.monotonic() - began) * 1000)})
    return DONE


def _schema(options: Namespace) -> int:
    if not options.data.is_dir():
        raise Refused("DATA_FOLDER_UNUSABLE", f"{options.data} is not a folder")
    condition = database.look(options.data, thorough=True)
    if condition.schema > READABLE[1]:
        raise Refused("SCHEMA_TOO_NEW", f"this version knows {READABLE[0]} to {READABLE[1]}", schema=condition.schema)
    _print({"schema": condition.schema, "integrity": condition.integrity})
    return DONE


def _enrol(options: Namespace) -> int:
    from till.data_folder import owned
    from till.enrol import enrol

    with owned(options.data):
        _print({"operators": enrol(options.data, options.pin_file, SCHEMA, MIGRATIONS, SystemClock())})
    return DONE


def _print(answer: object) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="till", description=f"The reference till, version {VERSION}.")
    parser.add_argument("--version", action="version", version=VERSION)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run, about in (
        ("start", _start, "run the till until it is stopped"),
        ("self-test", _self_test, "try this version on a throw-away copy of the data"),
        ("migrate", _migrate, "bring the data to a schema, up or down"),
        ("schema", _schema, "say which schema the data have"),
        ("enrol", _enrol, "set operators' PINs without a screen"),
    ):
        command = commands.add_parser(name, help=about, description=about)
        command.set_defaults(run=run)
        command.add_argument("--data", type=Path, required=True, metavar="D", help="the data folder")
        if run is _start:
            command.add_argument(
                "--run", dest="run_folder", type=Path, required=True, metavar="R", help="locks and sockets"
            )
            command.add_argument(
                "--prove", action="store_true", help="sell nothing until told so on the readiness socket"
            )
        elif run is _migrate:
            command.add_argument("--to", type=int, required=True, metavar="N", help="the schema to reach")
        elif run is _enrol:
            command.add_argument(
                "--pin-file", type=Path, required=True, metavar="F", help="lines: NUMBER PIN; mode 0600"
            )
    return parser
