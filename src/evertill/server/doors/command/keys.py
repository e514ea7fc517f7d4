"""`evertill keys`: the offline keys, and what is carried to them and back."""

from __future__ import annotations

import os
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING

from evertill.server.doors.command.line import Answer, Needs, Parser, RefusedError, Verbs

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from datetime import datetime

    from evertill.server.doors.command.line import Call

PASSPHRASE_VARIABLE = "EVERTILL_PASSPHRASE"  # noqa: S105 - a name


def declare(noun: str, nouns: argparse._SubParsersAction[Parser]) -> None:
    parser = nouns.add_parser(noun, help="signing keys")
    verbs = Verbs(noun, parser.add_subparsers(required=True, metavar="VERB", parser_class=Parser))
    init = verbs.add("init", "make the offline keys and the trust repository", init_keys)
    init.add_argument(
        "--keys", metavar="DIR", help="where the offline keys go: a medium that is not the server (else EVERTILL_KEYS)"
    )
    init.add_argument("--solo", action="store_true", help="one key a role instead of two of three: for trials only")
    verbs.add("status", "what is in force, when it runs out, what waits for signatures", status)
    sign = verbs.add("sign", "sign a request, away from the server", sign_request, Needs.NOTHING)
    sign.add_argument("request", metavar="REQUEST")
    sign.add_argument("--keys", metavar="DIR", help="where the offline keys are (else EVERTILL_KEYS)")
    sign.add_argument("--out", required=True, metavar="FILE", help="the signatures, to be carried back")
    sign.add_argument("--yes", action="store_true", help="sign without asking; what would be signed is still printed")
    imports = verbs.add("import", "bring signatures back, or drop a request", import_signatures)
    imports.add_argument("signatures", nargs="?", metavar="FILE")
    imports.add_argument("--cancel", metavar="ID", help="drop the request with this id instead")


def key_folder(given: str | None) -> Path | None:
    """The folder of offline keys that was named, if any was."""
    named = given or os.environ.get("EVERTILL_KEYS")
    return Path(named) if named else None


def passphrase_asker() -> Callable[[str], str]:
    """Asks once a key, or takes EVERTILL_PASSPHRASE for all of them."""
    for_all = os.environ.get(PASSPHRASE_VARIABLE)
    return lambda name: for_all if for_all is not None else getpass(f"Passphrase of {name}: ")


def make_keys(call: Call, folder: Path, *, solo: bool) -> list[str]:
    """The first ceremony; answers the names of the keys."""
    from evertill.protocol.release import Operator
    from evertill.server.rooms.catalog import place
    from evertill.server.rooms.catalog.trust import ceremony
    from evertill.server.rooms.organisations import queries

    root = queries.operator()
    operator = Operator(slug=root.slug, name={"zh": root.name_zh, "en": root.name_en})
    return ceremony.initialise(place.repository(), call.data, folder, operator, passphrase_asker(), call.now, solo=solo)


def init_keys(call: Call) -> Answer:
    folder = key_folder(call.words.keys)
    if folder is None:
        raise RefusedError(
            "KEYS_UNNAMED",
            "No folder for the offline keys was named.",
            "Write --keys DIR, on a medium that is not the server.",
        )
    names = make_keys(call, folder, solo=call.words.solo)
    return Answer({"keys": names, "folder": str(folder)}, [f"{name} in {folder}" for name in names])


def status(call: Call) -> Answer:
    from evertill.server.rooms.catalog import place
    from evertill.server.rooms.catalog.trust.expiry import expiries

    repository, now = place.repository(), call.now
    state = repository.in_force()
    ends = expiries(state, now)
    waiting = repository.open_requests()
    thresholds = {role: state.root.roles[role].threshold for role in ("root", "targets")}
    data = {
        "solo": thresholds["targets"] == 1,
        "roles": [
            {
                "role": each.role,
                "version": each.version,
                "expires_at": each.expires_at,
                "days_left": each.days_left,
                "alarm": each.alarm,
            }
            for each in ends
        ],
        "waiting": [{"id": request.id, "role": request.role} for request in waiting],
        "withdrawn": repository.withdrawn(),
    }
    lines = [
        f"{each.role:10} version {each.version}, until {each.expires_at:%Y-%m-%d} ({each.days_left} days)"
        for each in ends
    ]
    lines += [f"waiting for signatures: {request.id} ({request.role})" for request in waiting]
    if data["solo"]:
        lines.append("One key signs alone: for trials only.")
    return Answer(data, lines)


def sign_request(call: Call) -> Answer:
    from evertill.server.rooms.catalog.trust import ceremony, requests
    from evertill.server.rooms.kernel.storage import write_whole

    words = call.words
    folder = key_folder(words.keys)
    if folder is None:
        raise RefusedError("KEYS_UNNAMED", "No folder of offline keys was named.", "Write --keys DIR.")
    request = requests.decode_request(_bytes(words.request))
    review = requests.review(request, ceremony.trusted_root(folder))
    for line in (
        f"{review.role} version {review.version}, until {review.expires:%Y-%m-%d}",
        *map(_change, review.changes),
    ):
        print(line)  # noqa: T201 - what is signed is shown before it is signed, also with --json
    if not words.yes and input("Sign this? Type yes: ").strip() != "yes":
        raise RefusedError("NOT_SIGNED", "Nothing was signed.")
    signatures = ceremony.sign(request, folder, passphrase_asker())
    write_whole(Path(words.out), requests.encode(signatures), mode=0o600)
    count = len(signatures.signatures)
    return Answer({"request": signatures.request, "signatures": count}, [f"{count} signatures in {words.out}."])


def import_signatures(call: Call) -> Answer:
    from evertill.server.rooms.catalog import service
    from evertill.server.rooms.catalog.trust import requests

    words = call.words
    if bool(words.signatures) == bool(words.cancel):
        raise RefusedError(
            "NOTHING_TO_IMPORT", "Name a file of signatures, or a request to drop.", "Write FILE or --cancel ID."
        )
    if words.cancel:
        service.cancel_request(words.cancel, call.by, call.now)
        return Answer({"cancelled": words.cancel}, [f"Request {words.cancel} is dropped."])
    outcome = service.import_signatures(requests.decode_signatures(_bytes(words.signatures)), call.by, call.now)
    said = "It is in force." if outcome.published else f"{outcome.missing} signatures are still missing."
    return Answer({"published": outcome.published, "missing": outcome.missing, "signed_by": outcome.signed_by}, [said])


def _change(change: object) -> str:
    kind, name, text = (getattr(change, field) for field in ("kind", "name", "text"))
    return f"  {kind} {name}" + (f"\n{text}" if text else "")


def _bytes(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as unreadable:
        raise RefusedError("FILE_UNREADABLE", f"{path} cannot be read: {unreadable.strerror}.") from None


def moment(text: str) -> datetime:
    """A date or moment on the command line; a date means its start in UTC. Raises `ValueError`, which argparse turns into a sentence."""
    from datetime import UTC, datetime

    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
