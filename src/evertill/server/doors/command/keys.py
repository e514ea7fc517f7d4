"""`evertill keys`: the offline keys, and what is carried to them and back."""

from __future__ import annotations

import os
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING

from evertill.server.doors.command.line import Answer, Needs, Parser, RefusedError, Verbs, check_writable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from datetime import datetime

    from evertill.server.doors.command.line import Call
    from evertill.server.rooms.catalog.trust.repository import Outcome
    from evertill.server.rooms.catalog.trust.requests import SigningRequest

OFFLINE_ROLES = ("root", "targets")
ROLES = (*OFFLINE_ROLES, "snapshot", "timestamp")
PASSPHRASE_VARIABLE = "EVERTILL_PASSPHRASE"  # noqa: S105 - a name


def declare(noun: str, nouns: argparse._SubParsersAction[Parser]) -> None:
    parser = nouns.add_parser(noun, help="signing keys")
    verbs = Verbs(noun, parser.add_subparsers(required=True, metavar="VERB", parser_class=Parser))
    init = verbs.add("init", "make the offline keys and the trust repository", init_keys)
    init.add_argument(
        "--keys", metavar="DIR", help="where the offline keys go: a medium that is not the server (else EVERTILL_KEYS)"
    )
    init.add_argument("--solo", action="store_true", help="one key a role instead of two of three: for trials only")
    rotate = verbs.add("rotate", "put a new key in the place of one, by a new root", rotate_key)
    rotate.add_argument("role", choices=ROLES, metavar="|".join(ROLES))
    rotate.add_argument("name", metavar="NAME", help="the key that goes, as `keys status` calls it")
    renew = verbs.add("renew", "sign root or targets again with a new date", renew_role)
    renew.add_argument("role", choices=OFFLINE_ROLES, metavar="|".join(OFFLINE_ROLES))
    for signed in (rotate, renew):
        signed.add_argument("--keys", metavar="DIR", help="where the offline keys are (else EVERTILL_KEYS)")
        signed.add_argument("--request-out", metavar="FILE", help="where a request for the other key holders goes")
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


def new_passphrase(name: str) -> str:
    """Of a key that is made now: typed twice, because nobody can open a key whose passphrase was mistyped. Raises `RefusedError`."""
    for_all = os.environ.get(PASSPHRASE_VARIABLE)
    if for_all is not None:
        return for_all
    typed = getpass(f"New passphrase of {name}: ")
    if getpass("Again: ") != typed:
        raise RefusedError("PASSPHRASES_DIFFER", f"The two passphrases of {name} differ.", "Type the command again.")
    return typed


def make_keys(call: Call, folder: Path, *, solo: bool) -> list[str]:
    """The first ceremony; answers the names of the keys."""
    from evertill.server.rooms.catalog import place, signing
    from evertill.server.rooms.catalog.trust import ceremony

    place.repository().check_absent()  # before six passphrases are typed
    names = [name for role in ceremony.first_names(solo=solo).values() for name in role]
    passphrases = {name: new_passphrase(name) for name in names}
    return signing.initialise(folder, passphrases, call.by, call.now, solo=solo)


def init_keys(call: Call) -> Answer:
    folder = _key_folder(call)
    names = make_keys(call, folder, solo=call.words.solo)
    return Answer({"keys": names, "folder": str(folder)}, [f"{name} in {folder}" for name in names])


def rotate_key(call: Call) -> Answer:
    from evertill.server.rooms.catalog import place, signing
    from evertill.server.rooms.catalog.trust import ceremony

    words, folder, repository = call.words, _key_folder(call), place.repository()
    check_writable(words.request_out or "signing-request.json")
    leaving = words.name if words.role == "root" else ""
    signers = ceremony.signers_at_hand(repository, folder, "root", passphrase_asker(), leaving)
    made = ceremony.new_name(folder, words.role)
    passphrase = new_passphrase(made) if made else ""
    outcome = signing.replace_key(folder, words.role, words.name, signers, passphrase, call.by, call.now)
    return _signed(outcome, f"{words.name} signs no more; {made or 'a new key of the server'} took its place.", words)


def renew_role(call: Call) -> Answer:
    from evertill.server.rooms.catalog import place, signing
    from evertill.server.rooms.catalog.trust import ceremony

    role = call.words.role
    check_writable(call.words.request_out or "signing-request.json")
    signers = ceremony.signers_at_hand(place.repository(), _key_folder(call), role, passphrase_asker())
    return _signed(signing.renew(role, signers, call.by, call.now), f"{role} has a new date.", call.words)


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
                "keys": each.keys,
            }
            for each in ends
        ],
        "waiting": [{"id": request.id, "role": request.role} for request in waiting],
        "withdrawn": repository.withdrawn(),
    }
    lines = [
        f"{each.role:10} version {each.version}, until {each.expires_at:%Y-%m-%d} ({each.days_left} days)"
        f"  {' '.join(each.keys)}"
        for each in ends
    ]
    lines += [f"waiting for signatures: {request.id} ({request.role})" for request in waiting]
    if data["solo"]:
        lines.append("One key signs alone: for trials only.")
    return Answer(data, lines)


def sign_request(call: Call) -> Answer:
    from evertill.server.rooms.catalog.trust import ceremony, requests
    from evertill.server.rooms.kernel.storage import write_whole

    words, folder = call.words, _key_folder(call)
    check_writable(words.out)
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
    from evertill.server.rooms.catalog import signing
    from evertill.server.rooms.catalog.trust import requests

    words = call.words
    if bool(words.signatures) == bool(words.cancel):
        raise RefusedError(
            "NOTHING_TO_IMPORT", "Name a file of signatures, or a request to drop.", "Write FILE or --cancel ID."
        )
    if words.cancel:
        signing.cancel_request(words.cancel, call.by, call.now)
        return Answer({"cancelled": words.cancel}, [f"Request {words.cancel} is dropped."])
    outcome = signing.import_signatures(requests.decode_signatures(_bytes(words.signatures)), call.by, call.now)
    said = "It is in force." if outcome.published else f"{outcome.missing} signatures are still missing."
    return Answer({"published": outcome.published, "missing": outcome.missing, "signed_by": outcome.signed_by}, [said])


def write_request(request: SigningRequest, named: str | None) -> str:
    """The request of an act that waits for other key holders, in a file; answers where it lies."""
    from evertill.server.rooms.catalog.trust import requests
    from evertill.server.rooms.kernel.storage import write_whole

    path = named or f"signing-request-{request.id}.json"
    write_whole(Path(path), requests.encode(request), mode=0o600)
    return path


def still_missing(outcome: Outcome, path: str) -> str:
    return f"{outcome.missing} signatures are missing. Carry {path} to the keys: evertill keys sign {path} --keys DIR --out FILE"


def _signed(outcome: Outcome, done: str, words: argparse.Namespace) -> Answer:
    data: dict[str, object] = {
        "published": outcome.published,
        "request": outcome.request.id,
        "missing": outcome.missing,
        "signed_by": outcome.signed_by,
    }
    if outcome.published:
        return Answer(data, [done])
    data["file"] = path = write_request(outcome.request, words.request_out)
    return Answer(data, [still_missing(outcome, path)])


def _key_folder(call: Call) -> Path:
    folder = key_folder(call.words.keys)
    if folder is None:
        raise RefusedError(
            "KEYS_UNNAMED",
            "No folder of offline keys was named.",
            "Write --keys DIR, on a medium that is not the server.",
        )
    return folder


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
