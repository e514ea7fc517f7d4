"""`evertill release`: from files to something that terminals trust, and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from evertill.server.doors.command.keys import key_folder, moment, passphrase_asker, still_missing, write_request
from evertill.server.doors.command.line import Answer, Parser, RefusedError, Verbs, check_writable, number

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from securesystemslib.signer import CryptoSigner

    from evertill.protocol.manifest import Requirement
    from evertill.server.doors.command.line import Call
    from evertill.server.rooms.catalog.models import Artifact, Release
    from evertill.server.rooms.catalog.trust.repository import Outcome

SEVERITIES = ("feature", "maintenance", "security", "critical")
CHUNK_BYTES = 1024 * 1024


def declare(noun: str, nouns: argparse._SubParsersAction[Parser]) -> None:
    parser = nouns.add_parser(noun, help="releases")
    verbs = Verbs(noun, parser.add_subparsers(required=True, metavar="VERB", parser_class=Parser))
    _declare_create(verbs)
    for verb, summary, run in (
        ("publish", "sign it with the keys at hand; what is missing waits as a request", publish),
        ("revoke", "forbid it for ever, by a signed floor", revoke),
    ):
        signed = verbs.add(verb, summary, run)
        signed.add_argument("id", type=number, metavar="ID")
        signed.add_argument(
            "--keys",
            metavar="DIR",
            help="where offline keys are (else EVERTILL_KEYS; without any, only a request is made)",
        )
        signed.add_argument("--request-out", metavar="FILE", help="where a request for the other key holders goes")
        if verb == "revoke":
            signed.add_argument("--reason-zh", required=True, metavar="TEXT")
            signed.add_argument("--reason-en", required=True, metavar="TEXT")
    withdraw_verb = verbs.add("withdraw", "take it back at once, without offline keys", withdraw)
    withdraw_verb.add_argument("id", type=number, metavar="ID")
    withdraw_verb.add_argument("--reason", required=True, metavar="TEXT")
    export = verbs.add("export", "write the request of a release that waits for signatures", export_request)
    export.add_argument("id", type=number, metavar="ID")
    export.add_argument("--out", required=True, metavar="FILE")
    verbs.add("list", "every release, newest first", list_releases)
    verbs.add("show", "one release with its files", show).add_argument("id", type=number, metavar="ID")


def _declare_create(verbs: Verbs) -> None:
    create = verbs.add("create", "a draft from bundles, or from files for another updater", create_release)
    files = create.add_mutually_exclusive_group(required=True)
    files.add_argument("--component", nargs="+", default=[], metavar="FILE", help="our bundles (.evb)")
    files.add_argument(
        "--artifact",
        nargs="+",
        default=[],
        metavar="TYPE:NAME:VERSION:FILE",
        help="files for a ddi client's own updater",
    )
    create.add_argument("--name", required=True, metavar="N")
    create.add_argument("--version", required=True, metavar="V")
    create.add_argument("--notes-zh", required=True, metavar="TEXT")
    create.add_argument("--notes-en", required=True, metavar="TEXT")
    create.add_argument("--severity", required=True, choices=SEVERITIES)
    create.add_argument("--required-at", type=moment, metavar="DATE", help="security and critical only")
    create.add_argument("--emergency", action="store_true", help="critical only: needs no seven days on the screen")
    create.add_argument("--fixes-on", default="", metavar="V", help="security-only build of this version")
    create.add_argument(
        "--minutes", type=int, default=0, metavar="N", help="how long a terminal is busy (else what the components say)"
    )
    create.add_argument("--must-unplug", action="store_true", help="peripherals must be unplugged")
    create.add_argument(
        "--incompatible-peripheral",
        action="append",
        default=[],
        metavar="VVVV:PPPP",
        help="USB id it does not work with",
    )
    create.add_argument(
        "--requires",
        action="append",
        type=requirement,
        default=[],
        metavar="COMPONENT[:VERSIONS]",
        help="must be there once it is installed, for example agent:>=1.2",
    )
    create.add_argument(
        "--stepping-stone", type=requirement, metavar="COMPONENT[:VERSIONS]", help="must be installed before"
    )
    create.add_argument("--recovery-zh", default="", metavar="TEXT", help="what to do when it goes wrong")
    create.add_argument("--recovery-en", default="", metavar="TEXT")
    create.add_argument("--cve", action="append", default=[], metavar="CVE-…")


def requirement(text: str) -> Requirement:
    """A component and the versions of it that will do, as typed. Raises `ArgumentTypeError`, which the parser turns into a sentence."""
    from argparse import ArgumentTypeError

    from evertill.protocol.errors import ProtocolRefused
    from evertill.protocol.manifest import Requirement
    from evertill.protocol.versions import check_requirement

    component, _colon, versions = text.partition(":")
    try:
        check_requirement(versions)
    except ProtocolRefused as refused:
        raise ArgumentTypeError(refused.text("en")) from None
    return Requirement(component, versions)


def create_release(call: Call) -> Answer:
    from evertill.server.rooms.catalog import service

    words = call.words
    artifacts = [_bundle(call, path) for path in words.component] or [
        _passthrough(call, said) for said in words.artifact
    ]
    new = service.NewRelease(
        name=words.name,
        version=words.version,
        severity=words.severity,
        notes={"zh": words.notes_zh, "en": words.notes_en},
        artifact_ids=[artifact.pk for artifact in artifacts],
        required_at=words.required_at,
        emergency=words.emergency,
        fixes_on=words.fixes_on,
        minutes=words.minutes,
        must_unplug=words.must_unplug,
        incompatible_peripherals=words.incompatible_peripheral,
        requirements=words.requires,
        stepping_stone=words.stepping_stone,
        recovery={"zh": words.recovery_zh, "en": words.recovery_en} if words.recovery_zh or words.recovery_en else {},
        cves=words.cve,
    )
    release = service.create_release(new, call.by, call.now)
    return Answer(
        {"id": release.pk}, [f"Release {release.pk} is a draft. Publish it: evertill release publish {release.pk}"]
    )


def publish(call: Call) -> Answer:
    from evertill.server.rooms.catalog import service

    _check_request_out(call)
    outcome = service.publish(call.words.id, _signers(call), call.by, call.now)
    return _outcome(call, outcome, "published")


def revoke(call: Call) -> Answer:
    from evertill.server.rooms.catalog import service

    _check_request_out(call)
    words = call.words
    reason = {"zh": words.reason_zh, "en": words.reason_en}
    outcome = service.revoke(words.id, reason, _signers(call), call.by, call.now)
    return _outcome(call, outcome, "revoked")


def withdraw(call: Call) -> Answer:
    from evertill.server.rooms.catalog import service

    service.withdraw(call.words.id, call.words.reason, call.by, call.now)
    return Answer(
        {"id": call.words.id, "state": "withdrawn"},
        [f"Release {call.words.id} is withdrawn; open actions are cancelled."],
    )


def export_request(call: Call) -> Answer:
    from evertill.protocol.release import release_path
    from evertill.server.rooms.catalog import place, queries

    check_writable(call.words.out)
    release = queries.by_id(call.words.id)
    waiting = [
        request for request in place.repository().open_requests() if release_path(release.pk) in request.documents
    ]
    if not waiting:
        raise RefusedError("NOTHING_WAITS", f"Release {release.pk} is {release.state}; it waits for no signature.")
    write_request(waiting[0], call.words.out)
    return Answer({"id": release.pk, "request": call.words.out}, [f"Request {waiting[0].id} in {call.words.out}."])


def list_releases(_call: Call) -> Answer:
    from evertill.server.rooms.catalog import queries

    rows = queries.page()
    data = [
        {"id": row.pk, "name": row.name, "version": row.version, "severity": row.severity, "state": row.state}
        for row in rows
    ]
    return Answer(data, [f"{row.pk:>6}  {row.name} {row.version}  {row.severity}  {row.state}" for row in rows])


def show(call: Call) -> Answer:
    from evertill.server.rooms.catalog import queries

    release = queries.by_id(call.words.id)
    parts = queries.parts(release.pk)
    artifacts = [
        {"target_path": part.target_path, "sha256": part.artifact.sha256, "size": part.artifact.size_bytes}
        for part in parts
    ]
    data = {
        "id": release.pk,
        "name": release.name,
        "version": release.version,
        "severity": release.severity,
        "required_at": release.required_at,
        "state": release.state,
        "notes": release.notes,
        "recovery": release.recovery,
        "artifacts": artifacts,
    }
    return Answer(data, _show_lines(release, artifacts))


def _show_lines(release: Release, artifacts: list[dict[str, Any]]) -> list[str]:
    required = [f"required at {release.required_at:%Y-%m-%d %H:%M} UTC"] if release.required_at else []
    files = [f"  {each['target_path']}  {each['size']} bytes  sha256 {each['sha256']}" for each in artifacts]
    return [f"{release.pk}  {release.name} {release.version}  {release.severity}  {release.state}", *required, *files]


def _signers(call: Call) -> list[CryptoSigner]:
    """The keys of targets that lie in the named folder; none where no folder was named."""
    from evertill.server.rooms.catalog import place
    from evertill.server.rooms.catalog.trust import ceremony

    folder = key_folder(call.words.keys)
    return ceremony.signers_at_hand(place.repository(), folder, "targets", passphrase_asker()) if folder else []


def _check_request_out(call: Call) -> None:
    check_writable(call.words.request_out or "signing-request.json")


def _outcome(call: Call, outcome: Outcome, done: str) -> Answer:
    data = {
        "id": call.words.id,
        "published": outcome.published,
        "request": outcome.request.id,
        "missing": outcome.missing,
    }
    if outcome.published:
        return Answer(data, [f"Release {call.words.id} is {done}, signed by {', '.join(outcome.signed_by)}."])
    data["file"] = path = write_request(outcome.request, call.words.request_out)
    return Answer(data, [still_missing(outcome, path)])


def _bundle(call: Call, path: str) -> Artifact:
    from evertill.server.rooms.catalog import artifacts, place

    return artifacts.add_bundle(place.artifacts(), _chunks(path), call.by, call.now)


def _passthrough(call: Call, said: str) -> Artifact:
    from evertill.server.rooms.catalog import artifacts, place

    try:
        kind, name, version, path = said.split(":", 3)
    except ValueError:
        raise RefusedError(
            "ARTIFACT_WORDS", f"{said} names no file.", "Write --artifact TYPE:NAME:VERSION:FILE."
        ) from None
    what = artifacts.Passthrough(Path(path).name, kind, name, version)
    return artifacts.add_passthrough(place.artifacts(), what, _chunks(path), call.by, call.now)


def _chunks(path: str) -> Iterator[bytes]:
    try:
        file = Path(path).open("rb")  # noqa: SIM115 - closed below, after the last chunk
    except OSError as unreadable:
        raise RefusedError("FILE_UNREADABLE", f"{path} cannot be read: {unreadable.strerror}.") from None
    with file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
