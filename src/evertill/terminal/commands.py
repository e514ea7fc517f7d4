"""What each command of `evertill-terminal` does, once its words are understood."""

import getpass
import json
import os
import sys
import time
from argparse import Namespace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from evertill.protocol.errors import Language
from evertill.terminal import report
from evertill.terminal.agent.home import PROVISION, load_keys, load_provision
from evertill.terminal.errors import TerminalRefused
from evertill.terminal.lines import Unreachable, ask

if TYPE_CHECKING:
    from evertill.terminal.agent.place import Place

ANSWER_TIMEOUT_S = 10.0
LOOK_EVERY_S = 0.1
MODES = {"on": "automatic", "off": "never", "ask": "manual"}
RISK_TEXT = "command-line-1"  # the version of the sentences `updates off` prints


def run(options: Namespace, _language: Language) -> int:
    """Becomes the supervisor: it starts everything else and keeps it alive."""
    if options.provision is not None and options.screen_port is not None and not (options.home / PROVISION).exists():
        first = ["--provision", str(options.provision), "--port", str(options.screen_port)]
        module = ["-I", "-m", "evertill.terminal.shell.first_start", "--home", str(options.home), *first]
        os.execv(sys.executable, [sys.executable, *module, *(["--simulated"] if options.simulated else [])])  # noqa: S606
    if options.provision is not None:
        from evertill.terminal.setup import renew_provision

        renew_provision(options.home, options.provision)
    else:
        load_provision(options.home)
    if options.screen_port is not None:
        from evertill.terminal.shell.settings import set_screen_port

        set_screen_port(options.home, options.screen_port)
    os.execv(sys.executable, [sys.executable, "-I", "-m", "evertill.terminal.supervisor", str(options.home)])  # noqa: S606


def setup(options: Namespace, language: Language) -> int:
    from evertill.terminal.agent.settings import Settings
    from evertill.terminal.setup import set_up

    settings = Settings(sources="simulated" if options.simulated else "real")
    made = set_up(options.home, options.provision, options.pin_file, options.recovery_out, settings)
    _say(report.set_up(made.serial, made.people, made.recovery_file, language))
    return 0


def status(options: Namespace, language: Language) -> int:
    found = order(options.home, {"ask": "status"}, language)
    _show(found, report.status(found, language, _zone(options.home)), as_json=options.json)
    return 0


def check(options: Namespace, language: Language) -> int:
    """Ask the server and wait for the outcome; exit 1 when there was no complete conversation."""
    asked_at = datetime.fromisoformat(order(options.home, {"do": "check"}, language)["asked_at"])
    deadline = time.monotonic() + options.timeout_s
    while time.monotonic() < deadline:
        found = order(options.home, {"ask": "status"}, language)
        tried_at = found["contact"]["tried_at"]
        if tried_at and datetime.fromisoformat(tried_at) >= asked_at:
            _show(found, report.checked(found, language, _zone(options.home)), as_json=options.json)
            return 1 if found["contact"]["trouble"] else 0
        time.sleep(LOOK_EVERY_S)
    raise TerminalRefused("ANSWER_TIMEOUT")


def updates(options: Namespace, language: Language) -> int:
    zone = _zone(options.home)
    request = {"do": "set", "field": "mode", "value": MODES[options.mode], **_person(options), "risk_text": RISK_TEXT}
    if options.until:
        request["ends_at"] = _end_of_day(options.until, zone).isoformat()
    order(options.home, request, language)
    found = order(options.home, {"ask": "policy"}, language)
    _show(found, report.mode(found, language, zone), as_json=options.json)
    return 0


def install(options: Namespace, language: Language) -> int:
    request = {"do": "now", "release": options.release, "components": options.component, "text_version": RISK_TEXT}
    order(options.home, {**request, **_person(options)}, language)
    _say(report.will_install(options.release, language))
    return 0


def settle(options: Namespace, language: Language) -> int:
    _say(report.settled(order(options.home, {"do": "settle"}, language)["batch"], language))
    return 0


def backup(options: Namespace, language: Language) -> int:
    """Beside a selling till and with or without an agent: backups read the data, they never hold them."""
    from evertill.terminal.agent.answers.safeguarding import Safeguarding
    from evertill.terminal.agent.backup import Backups
    from evertill.terminal.agent.clock import system_clock

    place = _place(options.home)
    backups = Backups(options.home / "backups", load_keys(options.home))
    if not options.list:
        current = place.generations.current()
        if current is None or not place.generations.is_committed(current):
            raise TerminalRefused("RESTORE_NEEDS_TILL")
        Safeguarding(place, backups).back_up(current, system_clock())
    notes = [{"file": n.file, "made_at": n.made_at.isoformat(), "size_bytes": n.size_bytes} for n in backups.notes()]
    _show({"backups": notes}, report.backups(notes, language, place.zone), as_json=options.json)
    return 0


def restore(options: Namespace, language: Language) -> int:
    from evertill.terminal.setup import read_secret

    identity = report.recovery_key(read_secret(options.identity), options.identity) if options.identity else ""
    file = options.file if options.file.exists() else options.home / "backups" / options.file.name
    if options.into is not None:
        return _unpack(options, file.resolve(), identity, language)
    request = {"do": "restore", "file": str(file.resolve()), "identity": identity, **_person(options)}
    before = order(options.home, {"ask": "status"}, language)["restored"]
    order(options.home, request, language)
    deadline = time.monotonic() + options.timeout_s
    while (ended := order(options.home, {"ask": "status"}, language)["restored"]) == before:
        if time.monotonic() > deadline:
            raise TerminalRefused("RESTORE_NOT_NOW", detail="timeout")
        time.sleep(LOOK_EVERY_S)
    _say(report.restored(ended, language), error=bool(ended["code"]))
    return 1 if ended["code"] else 0


def order(home: Path, request: dict[str, Any], language: Language) -> dict[str, Any]:
    """One request to the agent of this home.

    Raises:
        TerminalRefused: AGENT_SILENT.
        SystemExit: 1, after the agent's refusal was printed.
    """
    load_provision(home)
    try:
        answer = ask(home / "run" / "agent.sock", request, ANSWER_TIMEOUT_S)
    except Unreachable as error:
        raise TerminalRefused("AGENT_SILENT", home=home) from error
    if "error" in answer:
        words = answer.get(language, {})
        _say([f"{words.get('text', '')} {words.get('next', '')} [{answer['error']}]".strip()], error=True)
        raise SystemExit(1)
    return answer


def _unpack(options: Namespace, file: Path, identity: str, language: Language) -> int:
    """Verify a backup and leave its data in a folder. Where this home has the till that wrote it, the till opens a copy too."""
    from evertill.terminal.agent.answers.safeguarding import Safeguarding
    from evertill.terminal.agent.backup import Backups

    place, keys = _place(options.home), load_keys(options.home)
    if options.into.exists():
        raise TerminalRefused("FILE_EXISTS", file=options.into)
    backups = Backups(options.home / "backups", keys)
    current = place.generations.current()
    self_test = Safeguarding(place, backups).self_test_of(current) if current is not None else lambda _: None
    contents = backups.restore(file, identity or keys.device, options.into.resolve(), self_test)
    _say(report.unpacked(contents, options.into, language, tested=current is not None))
    return 0


def _place(home: Path) -> "Place":
    from evertill.terminal.agent.clock import system_clock
    from evertill.terminal.agent.place import Place
    from evertill.terminal.generations.folders import GenerationFolders

    provision = load_provision(home)
    zone = ZoneInfo(provision.time_zone)
    return Place(home, provision.serial, zone, GenerationFolders(home / "generations"), system_clock)


def _person(options: Namespace) -> dict[str, str]:
    from evertill.terminal.setup import read_pins

    if options.pin_file is None:
        return {"person": options.person, "pin": getpass.getpass("PIN: ")}
    pins = read_pins(options.pin_file)
    if options.person not in pins:
        raise TerminalRefused("PERSON_UNKNOWN", person=options.person)
    return {"person": options.person, "pin": pins[options.person]}


def _zone(home: Path) -> ZoneInfo:
    return ZoneInfo(load_provision(home).time_zone)


def _end_of_day(text: str, zone: ZoneInfo) -> datetime:
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=zone)
    except ValueError as error:
        raise TerminalRefused("DATE_INVALID", date=text) from error
    return day + timedelta(days=1)


def _show(found: dict[str, Any], words: list[str], *, as_json: bool) -> None:
    _say([json.dumps(found, ensure_ascii=False, indent=1)] if as_json else words)


def _say(lines: list[str], *, error: bool = False) -> None:
    print("\n".join(lines), file=sys.stderr if error else sys.stdout)
